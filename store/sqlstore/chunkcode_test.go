package sqlstore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

var began = time.Date(2026, 11, 23, 17, 0, 0, 123456000, time.UTC)

// chunkOf returns a chunk of these lines, a second apart.
func chunkOf(contents ...string) transition.Chunk {
	c := transition.Chunk{Stream: dffmpeg.Stderr, CreatedAt: began}
	for i, content := range contents {
		at := began.Add(time.Duration(i-1) * time.Second)
		c.Lines = append(c.Lines, transition.Line{Position: 3 * i, Entry: dffmpeg.LogEntry{
			Stream: dffmpeg.Stderr, Content: content, Timestamp: &at,
		}})
	}
	return c
}

// roundTrip returns the lines of a chunk that was stored and read.
func roundTrip(t *testing.T, c transition.Chunk) ([]transition.Line, []byte) {
	t.Helper()
	code := newCodec()
	data, err := code.encode(&c)
	if err != nil {
		t.Fatal(err)
	}
	read := c
	read.Lines = nil
	if err := code.decode(data, &read); err != nil {
		t.Fatal(err)
	}
	return read.Lines, data
}

func TestChunksComeBack(t *testing.T) {
	long := strings.Repeat("frame=  100 fps= 25 q=28.0 size=    1024kB\n", 100)
	for _, contents := range [][]string{{""}, {"a", "", "🎬\x00\xff\r"}, {long, "end"}, {}} {
		c := chunkOf(contents...)
		lines, _ := roundTrip(t, c)
		if diff := cmp.Diff(c.Lines, lines); diff != "" {
			t.Errorf("lines (-stored +read):\n%s", diff)
		}
	}
	for _, end := range []string{"", "\n", "\r", "\r\n"} {
		c := chunkOf("x")
		c.Lines[0].Entry.Terminator = &end
		lines, _ := roundTrip(t, c)
		if diff := cmp.Diff(c.Lines, lines); diff != "" {
			t.Errorf("a line that ends with %q (-stored +read):\n%s", end, diff)
		}
	}
}

// TestProgressIsSmall: what ffmpeg says by the hour takes a fraction of its size.
func TestProgressIsSmall(t *testing.T) {
	var contents []string
	size := 0
	for i := range 100 {
		line := fmt.Sprintf("frame=%5d fps=%3d q=28.0 size=%8dkB time=00:%02d:%02d.48 bitrate=%4d.2kbits/s speed=1.2x", 25*i, 24+i%3, 130*i, i/60, i%60, 900+i)
		contents = append(contents, line)
		size += len(line)
	}
	if _, data := roundTrip(t, chunkOf(contents...)); 4*len(data) > size {
		t.Errorf("%d bytes of progress take %d, want a quarter at most", size, len(data))
	}
}

func TestUnknownEndsAreRefused(t *testing.T) {
	end := "\t"
	c := chunkOf("x")
	c.Lines[0].Entry.Terminator = &end
	code := newCodec()
	if _, err := code.encode(&c); err == nil {
		t.Error("a line that ends with a tab was stored")
	}
}

// FuzzDamagedChunk: whatever is in the database, reading it ends, with lines or
// an error.
func FuzzDamagedChunk(f *testing.F) {
	code := newCodec()
	for _, c := range []transition.Chunk{chunkOf("a", "b"), chunkOf(strings.Repeat("x", 1000))} {
		data, err := code.encode(&c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
	}
	f.Add([]byte{7, 1, 2, 3})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var c transition.Chunk
		c.CreatedAt = began
		if err := code.decode(bytes.Clone(data), &c); err != nil {
			return
		}
		again, err := code.encode(&c)
		if err != nil {
			t.Fatal(err)
		}
		var second transition.Chunk
		second.CreatedAt = began
		if err := code.decode(again, &second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.Lines, second.Lines); diff != "" {
			t.Errorf("lines change when they are stored again (-first +second):\n%s", diff)
		}
	})
}
