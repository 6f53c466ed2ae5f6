package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// The formats of a chunk's data, its first byte.
const (
	plainChunk = 0
	zstdChunk  = 1
)

const (
	// worthCompressing is the size from which compression is tried.
	worthCompressing = 128
	// maxChunkBytes bounds what a chunk may unpack to: many times what a
	// coordinator accepts at once.
	maxChunkBytes = 256 << 20
)

// The ends of a line, by number: what most lines have takes one byte.
const (
	endAbsent = iota
	endNewline
	endReturn
	endBoth
	endNone
	// notText is added when the line is not UTF-8: its bytes are kept, and its content
	// follows from them.
	notText = 0x80
)

func endNumber(terminator *string) (byte, error) {
	if terminator == nil {
		return endAbsent, nil
	}
	switch *terminator {
	case "\n":
		return endNewline, nil
	case "\r":
		return endReturn, nil
	case "\r\n":
		return endBoth, nil
	case "":
		return endNone, nil
	}
	return 0, fmt.Errorf("a line cannot end with %q", *terminator)
}

func endOf(number byte) (*string, error) {
	if number == endAbsent {
		return nil, nil //nolint:nilnil // absent is a value
	}
	ends := map[byte]string{endNewline: "\n", endReturn: "\r", endBoth: "\r\n", endNone: ""}
	end, ok := ends[number]
	if !ok {
		return nil, errBadChunk
	}
	return &end, nil
}

var errBadChunk = errors.New("stored output is damaged")

// codec packs and unpacks the lines of chunks. It may be used by several
// goroutines at once.
type codec struct {
	pack   *zstd.Encoder
	unpack *zstd.Decoder
}

func newCodec() *codec {
	// The options are constants, and these the only errors.
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		panic(err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxChunkBytes))
	if err != nil {
		panic(err)
	}
	return &codec{pack, unpack}
}

// encode returns the data of a chunk. Of each line: the distance of its position
// from the last one's, the microseconds between its time and the last one's
// (the first one's: the chunk's), how it ended, and its text.
func (c *codec) encode(chunk *transition.Chunk) ([]byte, error) {
	data := []byte{plainChunk}
	position, at := 0, chunk.CreatedAt.UnixMicro()
	for _, line := range chunk.Lines {
		end, err := endNumber(line.Entry.Terminator)
		if err != nil {
			return nil, err
		}
		data = binary.AppendVarint(data, int64(line.Position-position))
		data = binary.AppendVarint(data, line.Entry.Timestamp.UnixMicro()-at)
		content := line.Entry.Content
		if line.Entry.Bytes != nil {
			content = string(line.Entry.Bytes)
			end |= notText
		}
		data = append(data, end)
		data = binary.AppendUvarint(data, uint64(len(content)))
		data = append(data, content...)
		position, at = line.Position, line.Entry.Timestamp.UnixMicro()
	}
	if len(data) < worthCompressing {
		return data, nil
	}
	packed := c.pack.EncodeAll(data[1:], append(make([]byte, 0, len(data)/2), zstdChunk))
	if len(packed) < len(data) {
		return packed, nil
	}
	return data, nil
}

// decode reads the data of a chunk into its lines.
func (c *codec) decode(data []byte, chunk *transition.Chunk) error {
	if len(data) == 0 {
		return errBadChunk
	}
	format, data := data[0], data[1:]
	switch format {
	case plainChunk:
	case zstdChunk:
		var err error
		if data, err = c.unpack.DecodeAll(data, nil); err != nil {
			return errors.Join(errBadChunk, err)
		}
	default:
		return fmt.Errorf("%w: its format %d is unknown; use a newer dffmpeg", errBadChunk, format)
	}
	in := reader{data: data}
	position, at := int64(0), chunk.CreatedAt.UnixMicro()
	for len(in.data) > 0 {
		position += in.varint()
		at += in.varint()
		number := in.byte()
		end, err := endOf(number &^ notText)
		content := in.text()
		if err != nil || in.bad {
			return errBadChunk
		}
		when := time.UnixMicro(at).UTC()
		entry := dffmpeg.LogEntry{Stream: chunk.Stream, Content: content, Timestamp: &when, Terminator: end}
		if number&notText != 0 {
			entry.Bytes = []byte(content)
			entry.Content = dffmpeg.ReadableText(entry.Bytes)
		}
		chunk.Lines = append(chunk.Lines, transition.Line{Position: int(position), Entry: entry})
	}
	return nil
}

// reader reads values off data; bad is set when there are not enough.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) varint() int64 {
	value, size := binary.Varint(r.data)
	return value & r.skip(size)
}

// skip goes on by size bytes and returns a mask: all ones when it could.
func (r *reader) skip(size int) int64 {
	if size <= 0 || size > len(r.data) {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return -1
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.bad = true
		return 0
	}
	value := r.data[0]
	r.data = r.data[1:]
	return value
}

func (r *reader) text() string {
	size, width := binary.Uvarint(r.data)
	if r.skip(width) == 0 || size > uint64(len(r.data)) {
		r.bad, r.data = true, nil
		return ""
	}
	text := string(r.data[:size])
	r.data = r.data[size:]
	return text
}
