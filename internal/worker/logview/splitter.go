// Package logview turns a process's output, which is bytes, into lines for
// people and for 0.4 peers.
package logview

import (
	"bytes"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
)

// MaxLineBytes bounds a line; a longer one is cut into parts.
const MaxLineBytes = 64 << 10

// Line is a line of output. Content and Terminator of all lines, joined, are
// the stream, byte for byte, as far as it is valid UTF-8; in Content, what is not
// is U+FFFD.
type Line struct {
	Content string
	Bytes   []byte // in place of Content, when that is not all; else nil
	// Terminator is "\n", "\r\n", "\r" (a progress line, which the next one
	// overwrites), or "" for a part of a line: cut, or the stream's unfinished end.
	Terminator string
}

// Splitter cuts one stream into lines. A line is complete as soon as its
// terminator came, a '\r' at the end of a chunk included: progress must not
// wait for what follows. When that is a '\n', it becomes a line of its own,
// with empty content. The zero Splitter is ready; it is not safe for
// concurrent use.
type Splitter struct{ rest []byte }

// Split takes the next bytes and returns the lines they complete. It does not
// keep p.
func (s *Splitter) Split(p []byte) []Line {
	s.rest = append(s.rest, p...)
	data := s.rest
	var lines []Line
	for {
		end, width := terminator(data)
		switch {
		case end >= 0 && end <= MaxLineBytes:
			lines = append(lines, line(data[:end], string(data[end:end+width])))
			data = data[end+width:]
		case end > MaxLineBytes || len(data) > MaxLineBytes+utf8.UTFMax:
			cut := boundary(data[:MaxLineBytes])
			lines = append(lines, line(data[:cut], ""))
			data = data[cut:]
		default:
			s.rest = append(s.rest[:0], data...)
			return lines
		}
	}
}

// End returns the stream's unfinished last line, if there is one.
func (s *Splitter) End() []Line {
	if len(s.rest) == 0 {
		return nil
	}
	last := line(s.rest, "")
	s.rest = nil
	return []Line{last}
}

// terminator returns where the first terminator is, and its width; -1 when
// there is none.
func terminator(data []byte) (at, width int) {
	at = bytes.IndexAny(data, "\r\n")
	if at >= 0 && data[at] == '\r' && at+1 < len(data) && data[at+1] == '\n' {
		return at, 2
	}
	return at, 1
}

// boundary returns the greatest length of data that cuts no character in two.
func boundary(data []byte) int {
	for back := 1; back <= utf8.UTFMax && back < len(data); back++ {
		start := len(data) - back
		if !utf8.RuneStart(data[start]) {
			continue
		}
		if utf8.FullRune(data[start:]) {
			return len(data)
		}
		return start
	}
	return len(data)
}

func line(content []byte, terminator string) Line {
	l := Line{Content: dffmpeg.ReadableText(content), Terminator: terminator}
	if !utf8.Valid(content) {
		l.Bytes = bytes.Clone(content)
	}
	return l
}
