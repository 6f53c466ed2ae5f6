package transport

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dffmpeg/dffmpeg"
)

// Encode returns a message as brokers carry it: JSON, as protocol.md has it, and
// its number.
func Encode(message *dffmpeg.Message) ([]byte, error) {
	text, err := json.Marshal(dffmpeg.NumberedMessage{Message: *message, Seq: message.Seq})
	if err != nil {
		return nil, fmt.Errorf("encode message %s: %w", message.ID, err)
	}
	return text, nil
}

// Decode reads what Encode or a 0.4 coordinator wrote.
func Decode(text []byte) (dffmpeg.Message, error) {
	var numbered dffmpeg.NumberedMessage
	if err := json.Unmarshal(text, &numbered); err != nil {
		return dffmpeg.Message{}, fmt.Errorf("decode message: %w", err)
	}
	if numbered.ID == "" {
		return dffmpeg.Message{}, errors.New("decode message: it has no ID")
	}
	return numbered.Plain(), nil
}
