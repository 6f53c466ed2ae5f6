package stdio

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// ErrBroken is the error of writing to a stream that the other end does not take
// any more, as EPIPE is.
var ErrBroken = errors.New("nobody takes the stream any more")

// ErrEnded is the error of streams whose end has stopped.
var ErrEnded = errors.New("the connection to the other end is over")

// Outgoing is a stream that is sent. Write and Close belong to one goroutine.
type Outgoing struct {
	stream Stream
	wake   func()
	room   room // for large chunks

	mu     sync.Mutex
	change *sync.Cond
	chunks []chunk  // not acknowledged, in order
	unsent int      // index of the first that is to be sent
	latest *Message // the last to be sent: it may be being written
	kept   int      // bytes in chunks
	end    int64    // offset after the last byte written
	acked  int64
	closed bool // the end of the stream is a chunk as well
	waste  bool // writes succeed and go nowhere
	err    error
}

// chunk is a frame that may be sent again.
type chunk struct {
	to      int64 // offset after it
	message *Message
	sent    bool // at least once
}

func newOutgoing(stream Stream, wake func()) *Outgoing {
	o := &Outgoing{stream: stream, wake: wake}
	o.change = sync.NewCond(&o.mu)
	return o
}

// Write sends bytes, which it copies. It waits while Window bytes are not taken
// yet. It fails with ErrBroken when nobody takes them, and with ErrEnded after the
// end.
func (o *Outgoing) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), maxChunk)
		if err := o.copy(p[:n]); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// ReadFrom implements io.ReaderFrom: it sends what r has until that ends or fails,
// as Write does but without a copy of large pieces. While pieces are small, little
// memory is held.
func (o *Outgoing) ReadFrom(r io.Reader) (int64, error) {
	var sent int64
	small := NewMessage(make([]byte, worthKeeping))
	for m := small; ; {
		n, err := r.Read(m.blank())
		m.bytes = m.bytes[:headerSize+n]
		many := len(m.bytes) >= worthKeeping
		if n > 0 {
			if failure := o.give(m); failure != nil {
				return sent, failure
			}
			sent += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
		m = small
		if many {
			m = o.room.whole()
		}
	}
}

// Close says that the stream ends here. It does not wait.
func (o *Outgoing) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(o.err, ErrBroken) {
		return nil
	}
	if err := o.usable(); err != nil {
		return err
	}
	o.closed = true
	if !o.waste {
		o.add(End, NewMessage(make([]byte, headerSize)), 1)
	}
	return nil
}

// usable returns why nothing can be sent.
func (o *Outgoing) usable() error {
	switch {
	case o.err != nil:
		return o.err
	case o.closed:
		return ErrEnded
	default:
		return nil
	}
}

// give sends what a message has. One with memory from the room belongs to the stream
// from now on.
func (o *Outgoing) give(m *Message) error {
	data := m.bytes[headerSize:]
	if m.room == nil || len(m.bytes) < worthKeeping {
		defer m.Release()
		return o.copy(data)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waste {
		m.Release()
		return nil
	}
	if err := o.await(); err != nil || o.waste {
		return err
	}
	o.add(Data, m, len(data))
	return nil
}

// copy sends a copy of bytes, at most maxChunk of them. While frames wait to be sent
// there are few large ones rather than many small ones.
func (o *Outgoing) copy(p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.await(); err != nil || o.waste {
		return err
	}
	if len(o.chunks) > o.unsent {
		last := &o.chunks[len(o.chunks)-1]
		if len(last.message.bytes)+len(p) <= MaxFrame && !last.sent {
			last.message.bytes = append(last.message.bytes, p...)
			last.to += int64(len(p))
			o.end = last.to
			o.kept += len(p)
			return nil
		}
	}
	o.add(Data, NewMessage(append(make([]byte, headerSize, headerSize+len(p)), p...)), len(p))
	return nil
}

// await waits until there is room in the window.
func (o *Outgoing) await() error {
	for o.err == nil && !o.waste && o.kept >= Window {
		o.change.Wait()
	}
	return o.usable()
}

// add sends a message with so many bytes, or with the end, which counts as one.
func (o *Outgoing) add(kind Kind, m *Message, width int) {
	putHeader(m.bytes, kind, o.stream, o.end)
	to := o.end + int64(width)
	o.chunks = append(o.chunks, chunk{to: to, message: m})
	o.end = to
	o.kept += len(m.bytes) - headerSize
	o.wake()
}

// next returns a frame to send, nil when there is none. It is valid until the next
// call.
func (o *Outgoing) next() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.latest = nil
	if o.unsent >= len(o.chunks) {
		return nil
	}
	c := &o.chunks[o.unsent]
	c.sent = true
	o.latest = c.message
	o.unsent++
	return c.message.bytes
}

// acknowledge forgets what lies before an offset.
func (o *Outgoing) acknowledge(offset int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if offset > o.end {
		return fmt.Errorf("byte %d of stream %d is acknowledged, %d were sent", offset, o.stream, o.end)
	}
	if offset <= o.acked {
		return nil
	}
	o.acked = offset
	gone := 0
	for gone < len(o.chunks) && o.chunks[gone].to <= offset {
		m := o.chunks[gone].message
		o.kept -= len(m.bytes) - headerSize
		if m != o.latest {
			m.Release()
		}
		o.chunks[gone] = chunk{}
		gone++
	}
	o.chunks = o.chunks[gone:]
	o.unsent = max(0, o.unsent-gone)
	o.change.Broadcast()
	return nil
}

// rewind makes everything from an offset on be sent again. What lies before it has
// arrived, but is not acknowledged by that.
func (o *Outgoing) rewind(offset int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || o.waste {
		return nil // there is nothing to go on with
	}
	if offset < o.acked || offset > o.end {
		return fmt.Errorf("stream %d is wanted from byte %d on, which is not among %d to %d", o.stream, offset, o.acked, o.end)
	}
	o.unsent = 0
	for o.unsent < len(o.chunks) && o.chunks[o.unsent].to <= offset {
		o.unsent++
	}
	o.wake()
	return nil
}

// fail makes writes fail from now on; the first error stands.
func (o *Outgoing) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.drop()
}

// discard makes writes go nowhere: nobody will ever take them, and that is fine.
func (o *Outgoing) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waste = true
	o.drop()
}

func (o *Outgoing) drop() {
	o.chunks, o.unsent, o.kept = nil, 0, 0
	o.acked = o.end
	o.change.Broadcast()
}

// settled reports whether the stream has ended and nothing of it is outstanding.
func (o *Outgoing) settled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return (o.closed || o.err != nil) && o.acked == o.end
}
