package stdio

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Subprotocol is the name that both sides give in the WebSocket handshake.
const Subprotocol = "dffmpeg.stdio.1"

const (
	// Window is how many bytes of a stream may be on their way.
	Window = 2 << 20
	// KeptFor is how long a worker keeps output, after its process has ended, for a
	// requester that is away, and how long that waits for it.
	KeptFor = 30 * time.Second
	// maxChunk bounds the bytes of one frame.
	maxChunk = 256 << 10
	// MaxFrame bounds a frame.
	MaxFrame = maxChunk + headerSize
)

const headerSize = 1 + 1 + 8

// Stream is one of the streams between the ends.
type Stream byte

// The streams. Stdin and Signals go to the worker, the others come from it.
const (
	Stdin   Stream = 0
	Stdout  Stream = 1
	Stderr  Stream = 2
	Signals Stream = 3 // names without SIG, each with a newline
)

// Kind says what a frame is.
type Kind byte

// Frames from one end to the other, which coordinators pass on.
const (
	Data   Kind = 1 // bytes of a stream from an offset on
	End    Kind = 2 // the stream ends at an offset
	Ack    Kind = 3 // everything before an offset has been taken
	Broken Kind = 4 // nobody takes the stream any more
	Resume Kind = 5 // where the sender of the frame has its streams: pairs of stream and offset
)

// Frames from a coordinator to an end.
const (
	Challenge Kind = 16 // random bytes to prove the identity over
	Joined    Kind = 17 // the other end is there; the number is the attempt
	Left      Kind = 18 // it is not, and may come back
	Gone      Kind = 19 // the requester does not come back, on purpose
	Killed    Kind = 20 // the requester is dead: end the process at once
	Moved     Kind = 21 // connect again: another coordinator goes on
	Submitted Kind = 22 // the answer to a submission, as JSON
	Refused   Kind = 23 // an error instead, as JSON; the number is its HTTP status
)

// Frames from an end to a coordinator.
const (
	Proof   Kind = 32 // the answer to a challenge
	Goodbye Kind = 33 // the end needs nothing more
	Lost    Kind = 34 // between coordinators: the end that is relayed closed without goodbye
	Submit  Kind = 35 // a job to submit, as JSON
)

// Relayed reports whether a frame of this kind is for the other end.
func (k Kind) Relayed() bool { return k >= Data && k <= Resume }

// Frame is one message.
type Frame struct {
	Kind   Kind
	Stream Stream
	Number int64
	Data   []byte
}

// Encode returns the frame's bytes.
func (f Frame) Encode() []byte {
	b := make([]byte, headerSize+len(f.Data))
	putHeader(b, f.Kind, f.Stream, f.Number)
	copy(b[headerSize:], f.Data)
	return b
}

func putHeader(b []byte, kind Kind, stream Stream, number int64) {
	b[0], b[1] = byte(kind), byte(stream)
	binary.BigEndian.PutUint64(b[2:], uint64(number)) //nolint:gosec // offsets are not negative
}

// Decode reads a frame, whose Data is part of b.
func Decode(b []byte) (Frame, error) {
	if len(b) < headerSize || len(b) > MaxFrame {
		return Frame{}, fmt.Errorf("a frame of %d bytes", len(b))
	}
	number := binary.BigEndian.Uint64(b[2:])
	if number > 1<<62 {
		return Frame{}, fmt.Errorf("a frame with the number %d", number)
	}
	return Frame{Kind: Kind(b[0]), Stream: Stream(b[1]), Number: int64(number), Data: b[headerSize:]}, nil
}

// positionSize is that of a pair in a Resume frame.
const positionSize = 1 + 8

// resumeFrame says where streams are.
func resumeFrame(positions map[Stream]int64) []byte {
	f := Frame{Kind: Resume}
	for stream, offset := range positions {
		f.Data = binary.BigEndian.AppendUint64(append(f.Data, byte(stream)), uint64(offset)) //nolint:gosec // not negative
	}
	return f.Encode()
}

// positions reads them.
func (f Frame) positions() (map[Stream]int64, error) {
	if len(f.Data)%positionSize != 0 {
		return nil, fmt.Errorf("positions of %d bytes", len(f.Data))
	}
	found := make(map[Stream]int64)
	for b := f.Data; len(b) > 0; b = b[positionSize:] {
		offset := binary.BigEndian.Uint64(b[1:])
		if offset > 1<<62 {
			return nil, fmt.Errorf("position %d", offset)
		}
		found[Stream(b[0])] = int64(offset)
	}
	return found, nil
}
