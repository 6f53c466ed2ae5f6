package transition

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/dffmpeg/dffmpeg"
)

// Chunk is what one batch of output has of one stream. The chunks of a batch
// are kept under the ID of the message that announced it, which is how cursors
// on messages are cursors on output as well.
type Chunk struct {
	JobID     string
	Attempt   int
	Stream    dffmpeg.Stream
	Offset    int64 // of the first byte, within the attempt's stream
	Size      int64 // in bytes, as the process wrote them
	CreatedAt time.Time
	Lines     []Line
}

// Line is an entry of output and its place in the batch, among those of both
// streams. The entry has a time and no ID.
type Line struct {
	Position int
	Entry    dffmpeg.LogEntry
}

// cut returns the chunks of a batch and counts its bytes in the record. Entries
// are copied and get a time: 0.4 peers crash on a mix of null and set
// timestamps.
func cut(r *Record, entries []dffmpeg.LogEntry, now time.Time) []Chunk {
	var chunks []Chunk
	for _, stream := range []dffmpeg.Stream{dffmpeg.Stdout, dffmpeg.Stderr} {
		offset := &r.StdoutBytes
		if stream == dffmpeg.Stderr {
			offset = &r.StderrBytes
		}
		c := Chunk{JobID: r.ID, Attempt: r.Attempt, Stream: stream, Offset: *offset, CreatedAt: now}
		for i, entry := range entries {
			if entry.Stream != stream {
				continue
			}
			at := now
			if entry.Timestamp != nil {
				at = Stamp(*entry.Timestamp)
			}
			entry.ID, entry.Timestamp, entry.Bytes = "", &at, bytes.Clone(entry.Bytes)
			c.Size += int64(len(entry.Text()))
			c.Lines = append(c.Lines, Line{Position: i, Entry: entry})
		}
		if len(c.Lines) > 0 {
			*offset += c.Size
			r.LogBytes += c.Size
			chunks = append(chunks, c)
		}
	}
	return chunks
}

// Output returns what chunks of one stream, in order, have from an offset on: at most
// limit bytes, and where they begin. That is later than the offset when what was
// there is not kept any more.
func Output(chunks []Chunk, offset int64, limit int) (start int64, data []byte) {
	start = offset
	for i := range chunks {
		c := &chunks[i]
		if len(data) == 0 {
			start = max(offset, c.Offset)
		}
		skip := start + int64(len(data)) - c.Offset
		for _, line := range c.Lines {
			text := line.Entry.Text()
			cut := min(skip, int64(len(text)))
			skip -= cut
			data = append(data, text[cut:]...)
		}
		if len(data) >= limit {
			return start, data[:limit]
		}
	}
	return start, data
}

// Assemble returns the entries of the chunks of one batch in the order in which
// they were reported, with an ID each.
func Assemble(chunks []Chunk) []dffmpeg.LogEntry {
	type placed struct {
		position int
		entry    dffmpeg.LogEntry
	}
	all := []placed{}
	for i := range chunks {
		id := chunks[i].entryIDs()
		for _, line := range chunks[i].Lines {
			line.Entry.ID = id(line.Position)
			all = append(all, placed{line.Position, line.Entry})
		}
	}
	slices.SortStableFunc(all, func(a, b placed) int { return a.position - b.position })
	entries := make([]dffmpeg.LogEntry, len(all))
	for i := range all {
		entries[i] = all[i].entry
	}
	return entries
}

// positionBits is the part of an entry's ID that counts within its batch.
const positionBits = 20

// entryIDs returns the IDs of the chunk's entries by position. They follow from
// what the chunk is, so that they need not be kept: 26 characters for each line
// would be most of what compression leaves.
func (c *Chunk) entryIDs() func(position int) string {
	name := c.JobID + "/" + strconv.Itoa(c.Attempt) + "/" + string(c.Stream) + "/" + strconv.FormatInt(c.Offset, 10)
	hash := sha256.Sum256([]byte(name))
	base := binary.BigEndian.Uint64(hash[:]) &^ (1<<positionBits - 1)
	high := hash[8:10]
	return func(position int) string {
		var id ulid.ULID
		_ = id.SetTime(ulid.Timestamp(c.CreatedAt)) // fails in the year 10889
		copy(id[6:8], high)
		binary.BigEndian.PutUint64(id[8:], base|uint64(position)&(1<<positionBits-1)) //nolint:gosec // not negative
		return id.String()
	}
}
