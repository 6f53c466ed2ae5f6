package stdio

import "sync"

// worthKeeping is how large a message is at least that keeps the memory it was read
// into: a small one would hold on to much more than it has.
const worthKeeping = MaxFrame / 4

// Message is a frame as it is on the wire, in memory that is used again.
type Message struct {
	bytes []byte
	room  *room // where the memory goes back to; nil for none
}

// NewMessage returns a message with a frame's bytes, which belong to it from now on.
func NewMessage(frame []byte) *Message { return &Message{bytes: frame} }

// Bytes returns the frame; it is valid until Release.
func (m *Message) Bytes() []byte { return m.bytes }

// Release says that nobody needs the message any more. It may be left out.
func (m *Message) Release() {
	if m.room != nil {
		m.room.free.Put(m)
	}
}

// room has memory for messages of any size. The zero value is ready to use, by
// several goroutines at once.
type room struct{ free sync.Pool }

// whole returns a message with memory for the largest frame, to be cut to size.
func (r *room) whole() *Message {
	if m, ok := r.free.Get().(*Message); ok {
		m.bytes = m.bytes[:cap(m.bytes)]
		return m
	}
	return &Message{bytes: make([]byte, MaxFrame), room: r}
}

// blank returns the memory for a frame's data.
func (m *Message) blank() []byte {
	m.bytes = m.bytes[:cap(m.bytes)]
	return m.bytes[headerSize:]
}
