package stdio

import (
	"fmt"
	"io"
	"sync"
)

// ackEvery is how many bytes are acknowledged at once while there are more.
const ackEvery = 256 << 10

// Incoming is a stream that is received. Read and WriteTo belong to one goroutine.
type Incoming struct {
	stream Stream
	wake   func()

	mu       sync.Mutex
	change   *sync.Cond
	queue    [][]byte
	expected int64 // offset of the next byte to arrive
	taken    int64 // offset of the next byte that the destination gets
	acked    int64
	ended    bool  // the end has arrived
	closed   bool  // nothing more is wanted
	told     bool  // the other end was told so
	err      error // nothing more will come
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
	n := copy(p, i.queue[0])
	if n == len(i.queue[0]) {
		i.queue = i.queue[1:]
	} else {
		i.queue[0] = i.queue[0][n:]
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
		n, err := w.Write(piece)
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
func (i *Incoming) first() ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.await(); err != nil {
		return nil, err
	}
	piece := i.queue[0]
	i.queue = i.queue[1:]
	return piece, nil
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

// take counts bytes as taken, and has them acknowledged when that is worth a
// frame.
func (i *Incoming) take(n int) {
	i.taken += int64(n)
	if i.taken-i.acked >= ackEvery || len(i.queue) == 0 {
		i.wake()
	}
}

// Close says that nothing more of the stream is wanted. The other end is told so.
func (i *Incoming) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	i.queue = nil
	i.change.Broadcast()
	i.wake()
	return nil
}

// arrive takes a frame with bytes or the end. What came before is left out, and
// what comes too early is dropped: it will come again.
func (i *Incoming) arrive(f Frame) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	skip := i.expected - f.Number
	if skip < 0 || i.ended || i.err != nil {
		return nil
	}
	if f.Kind == End {
		if skip == 0 {
			i.ended = true
			i.expected++
			if i.closed {
				i.taken = i.expected
				i.wake()
			}
			i.change.Broadcast()
		}
		return nil
	}
	if skip >= int64(len(f.Data)) {
		return nil
	}
	data := f.Data[skip:]
	i.expected += int64(len(data))
	if i.closed {
		i.taken = i.expected
		i.wake()
		return nil
	}
	if i.expected-i.taken > Window+maxChunk {
		return fmt.Errorf("stream %d exceeds its window", i.stream)
	}
	i.queue = append(i.queue, data)
	i.change.Broadcast()
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
	if i.taken == i.acked || i.taken-i.acked < ackEvery && len(i.queue) > 0 {
		return nil
	}
	i.acked = i.taken
	return Frame{Kind: Ack, Stream: i.stream, Number: i.taken}.Encode()
}

// position returns where the stream is, and has what was said about it before be
// said again.
func (i *Incoming) position() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = false
	i.acked = 0
	return i.expected
}

// restart makes the stream begin anew, for another attempt.
func (i *Incoming) restart() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.queue, i.expected, i.taken, i.acked, i.ended = nil, 0, 0, 0, false
}

// fail says that nothing more will come.
func (i *Incoming) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.err = err
	}
	i.change.Broadcast()
}
