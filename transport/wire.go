package transport

import (
	"encoding/json"
	"fmt"

	"github.com/dffmpeg/dffmpeg"
)

// carried is a message as a broker carries it: what 0.4 sends, and its number.
type carried struct {
	*dffmpeg.Message
	// Seq is Message.Seq, by which a receiver notices that one is missing.
	// (Extension to 0.4; absent from a 0.4 coordinator.)
	Seq int64 `json:"seq,omitempty"`
}

// Encode returns a message as brokers carry it: JSON, as protocol.md has it, and
// its number.
func Encode(message *dffmpeg.Message) ([]byte, error) {
	text, err := json.Marshal(carried{message, message.Seq})
	if err != nil {
		return nil, fmt.Errorf("encode message %s: %w", message.ID, err)
	}
	return text, nil
}

// Decode reads what Encode or a 0.4 coordinator wrote.
func Decode(text []byte) (dffmpeg.Message, error) {
	var message dffmpeg.Message
	c := carried{Message: &message}
	if err := json.Unmarshal(text, &c); err != nil {
		return dffmpeg.Message{}, fmt.Errorf("decode message: %w", err)
	}
	if message.ID == "" {
		return dffmpeg.Message{}, fmt.Errorf("decode message: it has no ID")
	}
	message.Seq = c.Seq
	return message, nil
}
