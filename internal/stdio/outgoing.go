package stdio

import (
	"errors"
	"fmt"
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

	mu     sync.Mutex
	change *sync.Cond
	chunks []chunk // not acknowledged, in order
	unsent int     // index of the first that is to be sent
	kept   int     // bytes in chunks
	end    int64   // offset after the last byte written
	acked  int64
	closed bool // the end of the stream is a chunk as well
	waste  bool // writes succeed and go nowhere
	err    error
}

// chunk is a frame that may be sent again.
type chunk struct {
	from, to int64 // offsets
	frame    []byte
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
		if err := o.add(Data, p[:n]); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
	}
	return written, nil
}

// Close says that the stream ends here. It does not wait.
func (o *Outgoing) Close() error {
	err := o.add(End, nil)
	if errors.Is(err, ErrBroken) {
		return nil
	}
	return err
}

func (o *Outgoing) add(kind Kind, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for kind == Data && o.err == nil && !o.waste && o.kept >= Window {
		o.change.Wait()
	}
	switch {
	case o.err != nil:
		return o.err
	case o.closed:
		return ErrEnded
	}
	o.closed = kind == End
	if o.waste {
		return nil
	}
	width := int64(len(data))
	if kind == End {
		width = 1
	}
	frame := make([]byte, headerSize+len(data))
	putHeader(frame, kind, o.stream, o.end)
	copy(frame[headerSize:], data)
	o.chunks = append(o.chunks, chunk{o.end, o.end + width, frame})
	o.end += width
	o.kept += len(data)
	o.wake()
	return nil
}

// next returns a frame to send, nil when there is none.
func (o *Outgoing) next() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unsent >= len(o.chunks) {
		return nil
	}
	o.unsent++
	return o.chunks[o.unsent-1].frame
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
		o.kept -= len(o.chunks[gone].frame) - headerSize
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
