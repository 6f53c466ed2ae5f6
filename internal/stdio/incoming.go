package stdio

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// ackEvery is how many bytes are acknowledged at once, and ackSoon when fewer are:
	// an answer to every frame would cost as much as the frame, and the sender waits
	// for none before it has sent Window bytes.
	ackEvery = 256 << 10
	ackSoon  = 20 * time.Millisecond
)

// Incoming is a stream that is received. Read and WriteTo belong to one goroutine.
type Incoming struct {
	stream Stream
	wake   func()

	mu       sync.Mutex
	change   *sync.Cond
	queue    []piece
	expected int64 // offset of the next byte to arrive
	taken    int64 // offset of the next byte that the destination gets
	acked    int64
	late     *time.Timer // has what was taken acknowledged; nil when nothing is outstanding
	due      bool        // it is time
	ended    bool        // the end has arrived
	closed   bool        // nothing more is wanted
	told     bool        // the other end was told so
	err      error       // nothing more will come
}

// piece is bytes that have arrived and are not taken yet.
type piece struct {
	rest    []byte
	message *Message // that they are part of
}

func newIncoming(stream Stream, wake func()) *Incoming {
	i := &Incoming{stream: stream, wake: wake}
	i.change = sync.NewCond(&i.mu)
	return i
}

// Read implements io.Reader. What it returns counts as taken.
func (i *Incoming) Read(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.await(); err != nil {
		return 0, err
	}
	first := &i.queue[0]
	n := copy(p, first.rest)
	first.rest = first.rest[n:]
	if len(first.rest) == 0 {
		first.message.Release()
		i.shift()
	}
	i.take(n)
	return n, nil
}

// WriteTo implements io.WriterTo: it writes the stream to its destination until it
// ends. When the destination fails, the other end is told that nobody takes the
// stream any more.
func (i *Incoming) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		piece, err := i.first()
		if err == io.EOF { //nolint:errorlint // first returns it as it is
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(piece.rest)
		piece.message.Release()
		written += int64(n)
		if err != nil {
			_ = i.Close() // never fails
			return written, err
		}
		i.mu.Lock()
		i.take(n)
		i.mu.Unlock()
	}
}

// first removes what came first.
func (i *Incoming) first() (piece, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.await(); err != nil {
		return piece{}, err
	}
	first := i.queue[0]
	i.shift()
	return first, nil
}

// shift forgets the first piece.
func (i *Incoming) shift() {
	i.queue[0] = piece{}
	i.queue = i.queue[1:]
}

// await waits until there is something in the queue.
func (i *Incoming) await() error {
	for len(i.queue) == 0 {
		switch {
		case i.closed:
			return io.ErrClosedPipe
		case i.ended:
			i.take(int(i.expected - i.taken)) // the end itself
			return io.EOF
		case i.err != nil:
			return i.err
		}
		i.change.Wait()
	}
	if i.closed {
		return io.ErrClosedPipe
	}
	return nil
}

// take counts bytes as taken, and has them acknowledged: at once when that is worth
// a frame or there will be no more, else soon.
func (i *Incoming) take(n int) {
	i.taken = min(i.taken+int64(n), i.expected) // less is left of a stream that was closed meanwhile
	switch {
	case i.taken-i.acked >= ackEvery || i.complete():
		i.acknowledge()
	case i.late == nil:
		i.late = time.AfterFunc(ackSoon, func() {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.acknowledge()
		})
	}
}

// acknowledge has the other end told what was taken.
func (i *Incoming) acknowledge() {
	i.due = true
	i.wake()
}

// complete reports whether the end of the stream has been taken.
func (i *Incoming) complete() bool { return i.ended && i.taken == i.expected }

// Close says that nothing more of the stream is wanted. The other end is told so.
func (i *Incoming) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	i.queue = nil
	i.taken = i.expected
	i.change.Broadcast()
	i.acknowledge()
	return nil
}

// arrive takes a frame with bytes or the end, and the message that it is. What came
// before is left out, and what comes too early is dropped: it will come again.
func (i *Incoming) arrive(f Frame, message *Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	skip := i.expected - f.Number
	switch {
	case skip < 0 || i.ended || i.err != nil:
	case f.Kind == End && skip == 0:
		i.ended = true
		i.expected++
		if i.closed {
			i.take(1)
		}
		i.change.Broadcast()
	case f.Kind == Data && skip < int64(len(f.Data)):
		return i.enqueue(piece{f.Data[skip:], message})
	}
	message.Release()
	return nil
}

// enqueue keeps bytes until they are taken.
func (i *Incoming) enqueue(p piece) error {
	n := len(p.rest)
	i.expected += int64(n)
	switch {
	case i.closed:
		p.message.Release()
		i.take(n)
	case i.expected-i.taken > Window+maxChunk:
		return fmt.Errorf("stream %d exceeds its window", i.stream)
	default:
		i.queue = append(i.queue, p)
		i.change.Broadcast()
	}
	return nil
}

// answer returns a frame that is due to the other end, nil when none is.
func (i *Incoming) answer() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed && !i.told {
		i.told = true
		return Frame{Kind: Broken, Stream: i.stream}.Encode()
	}
	if !i.due {
		return nil
	}
	i.rest()
	i.acked = i.taken
	return Frame{Kind: Ack, Stream: i.stream, Number: i.taken}.Encode()
}

// rest forgets that there is something to acknowledge.
func (i *Incoming) rest() {
	i.due = false
	if i.late != nil {
		i.late.Stop()
		i.late = nil
	}
}

// position returns where the stream is, and has what was said about it before be
// said again.
func (i *Incoming) position() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = false
	i.due = i.taken > 0
	return i.expected
}

// restart makes the stream begin anew, for another attempt.
func (i *Incoming) restart() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rest()
	i.queue, i.expected, i.taken, i.acked, i.ended = nil, 0, 0, 0, false
}

// fail says that nothing more will come.
func (i *Incoming) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.err = err
	}
	i.rest()
	i.change.Broadcast()
}
