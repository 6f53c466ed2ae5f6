package transporttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Mailbox keeps messages in memory by the rules of store.Messages: per
// recipient in order, sent and acknowledged apart, held back by NotBefore. Its
// methods may be called by several goroutines at once.
type Mailbox struct {
	// Limit bounds how many messages one reading returns, 1000 if zero. Set it
	// before use.
	Limit int

	mu    sync.Mutex
	ids   dffmpeg.IDSource
	boxes map[dffmpeg.Recipient]*box
	away  bool
	moved chan struct{} // closed and replaced at each change
}

// box is one recipient's messages.
type box struct {
	messages []dffmpeg.Message
	sent     int // that many from the start were handed over
	acked    map[string]bool
}

var _ transport.Mailbox = (*Mailbox)(nil)

// NewMailbox returns an empty mailbox.
func NewMailbox() *Mailbox {
	return &Mailbox{
		ids:   dffmpeg.NewIDSource(),
		boxes: make(map[dffmpeg.Recipient]*box),
		moved: make(chan struct{}),
	}
}

// errAway is what every method returns while the mailbox is away.
var errAway = errors.New("the mailbox is away")

// SetAway makes every access fail from now on, or work again.
func (m *Mailbox) SetAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

// Add puts a message with this payload, and an ID above all before, at the end.
func (m *Mailbox) Add(to dffmpeg.Recipient, payload any) dffmpeg.Message {
	return m.AddHeld(to, payload, time.Time{})
}

// AddHeld is Add for a message that is held back until a time.
func (m *Mailbox) AddHeld(to dffmpeg.Recipient, payload any, notBefore time.Time) dffmpeg.Message {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("transporttest: payload %T: %v", payload, err))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.box(to)
	now := time.Now().UTC()
	message := dffmpeg.Message{
		ID: m.ids.NewID(now), RecipientID: to.ID, Timestamp: now, Type: dffmpeg.MessageJobStatus,
		Payload: text, To: to, Seq: int64(len(b.messages)) + 1, NotBefore: notBefore,
	}
	if to.JobID != "" {
		message.JobID = &to.JobID
	}
	b.messages = append(b.messages, message)
	m.changed()
	return message
}

// Acknowledge records that the recipient acted upon messages.
func (m *Mailbox) Acknowledge(to dffmpeg.Recipient, ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.box(to).acked[id] = true
	}
	m.changed()
}

// SentCount returns how many of the recipient's messages were handed over.
func (m *Mailbox) SentCount(to dffmpeg.Recipient) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.box(to).sent
}

// AwaitSent waits until so many of the recipient's messages were handed over.
func (m *Mailbox) AwaitSent(ctx context.Context, to dffmpeg.Recipient, count int) error {
	for {
		m.mu.Lock()
		sent, moved := m.box(to).sent, m.moved
		m.mu.Unlock()
		if sent >= count {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages to %s were sent: %w", sent, count, to, ctx.Err())
		case <-moved:
		}
	}
}

// Unsent implements transport.Mailbox.
func (m *Mailbox) Unsent(_ context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error) {
	return m.read(to, func(b *box, message *dffmpeg.Message) bool { return message.Seq > int64(b.sent) })
}

// Unacknowledged implements transport.Mailbox.
func (m *Mailbox) Unacknowledged(_ context.Context, to dffmpeg.Recipient) ([]dffmpeg.Message, error) {
	return m.read(to, func(b *box, message *dffmpeg.Message) bool { return !b.acked[message.ID] })
}

// After implements transport.Mailbox.
func (m *Mailbox) After(_ context.Context, to dffmpeg.Recipient, cursor string) ([]dffmpeg.Message, error) {
	return m.read(to, func(_ *box, message *dffmpeg.Message) bool { return message.ID > cursor })
}

// fetch returns how a peer of the suite fetches what may have been lost.
func (m *Mailbox) fetch(to dffmpeg.Recipient) transport.Fetch {
	return func(ctx context.Context, after string) ([]dffmpeg.Message, error) {
		if after == "" {
			return m.Unacknowledged(ctx, to)
		}
		return m.After(ctx, to, after)
	}
}

// Sent implements transport.Mailbox.
func (m *Mailbox) Sent(_ context.Context, to dffmpeg.Recipient, last dffmpeg.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errAway
	}
	b := m.box(to)
	b.sent = max(b.sent, min(int(last.Seq), len(b.messages)))
	m.changed()
	return nil
}

// read returns the messages that are wanted, up to the first that is held back.
func (m *Mailbox) read(to dffmpeg.Recipient, wanted func(*box, *dffmpeg.Message) bool) ([]dffmpeg.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errAway
	}
	limit := m.Limit
	if limit == 0 {
		limit = 1000
	}
	b := m.box(to)
	var found []dffmpeg.Message
	for i := range b.messages {
		message := &b.messages[i]
		if time.Now().Before(message.NotBefore) || len(found) == limit {
			break
		}
		if wanted(b, message) {
			found = append(found, *message)
		}
	}
	return slices.Clip(found), nil
}

func (m *Mailbox) box(to dffmpeg.Recipient) *box {
	b, ok := m.boxes[to]
	if !ok {
		b = &box{acked: make(map[string]bool)}
		m.boxes[to] = b
	}
	return b
}

func (m *Mailbox) changed() {
	close(m.moved)
	m.moved = make(chan struct{})
}
