package logview

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func split(chunks ...string) []Line {
	var s Splitter
	var lines []Line
	for _, c := range chunks {
		lines = append(lines, s.Split([]byte(c))...)
	}
	return append(lines, s.End()...)
}

func join(lines []Line) string {
	var all strings.Builder
	for _, l := range lines {
		if l.Bytes != nil {
			all.Write(l.Bytes)
		} else {
			all.WriteString(l.Content)
		}
		all.WriteString(l.Terminator)
	}
	return all.String()
}

func TestSplit(t *testing.T) {
	long := strings.Repeat("é", MaxLineBytes/2) // exactly the bound, in two-byte characters
	tests := []struct {
		name   string
		chunks []string
		want   []Line
	}{
		{name: "nothing"},
		{"lines", []string{"a\nb\n"}, []Line{{Content: "a", Terminator: "\n"}, {Content: "b", Terminator: "\n"}}},
		{"unfinished end", []string{"a\nb"}, []Line{{Content: "a", Terminator: "\n"}, {Content: "b", Terminator: ""}}},
		{"progress", []string{"1\r2\r"}, []Line{{Content: "1", Terminator: "\r"}, {Content: "2", Terminator: "\r"}}},
		{"windows", []string{"a\r\nb"}, []Line{{Content: "a", Terminator: "\r\n"}, {Content: "b", Terminator: ""}}},
		{"windows, cut in the middle", []string{"a\r", "\nb"}, []Line{{Content: "a", Terminator: "\r"}, {Content: "", Terminator: "\n"}, {Content: "b", Terminator: ""}}},
		{"empty lines", []string{"\n\n"}, []Line{{Content: "", Terminator: "\n"}, {Content: "", Terminator: "\n"}}},
		{"a character over two chunks", []string{"\xc3", "\xa9\n"}, []Line{{Content: "é", Terminator: "\n"}}},
		{"not UTF-8", []string{"a\xff\n"}, []Line{{Content: "a\uFFFD", Terminator: "\n", Bytes: []byte("a\xff")}}},
		{"as long as may be", []string{long + "\n"}, []Line{{Content: long, Terminator: "\n"}}},
		{"too long", []string{long + "é\n"}, []Line{{Content: long, Terminator: ""}, {Content: "é", Terminator: "\n"}}},
		{"too long, off by one", []string{"x" + long + "\n"}, []Line{{Content: "x" + long[:len(long)-2], Terminator: ""}, {Content: "é", Terminator: "\n"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, split(tt.chunks...)); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProgressDoesNotWait(t *testing.T) {
	var s Splitter
	if got := s.Split([]byte("frame=1\r")); len(got) != 1 {
		t.Errorf("a progress line gave %v at once, want it", got)
	}
}

func TestAnyChunkingGivesTheStreamBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SampledFrom([]string{"a", "é", "€", "😀", "\r", "\n", "\r\n", " x", "\xff", "\xe2\x82", "\xc3"})).Draw(t, "pieces")
		text := strings.Join(pieces, "")
		text = strings.Repeat(text, rapid.SampledFrom([]int{1, 1, 1, 20000}).Draw(t, "times"))
		rest := text
		var chunks []string
		for rest != "" {
			n := rapid.IntRange(1, min(len(rest), 100000)).Draw(t, "chunk")
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		lines := split(chunks...)
		if got := join(lines); got != text {
			t.Fatalf("%.100q came back as %.100q", text, got)
		}
		for _, l := range lines {
			if size := len(join([]Line{l})) - len(l.Terminator); size > MaxLineBytes || strings.ContainsAny(l.Content, "\r\n") {
				t.Fatalf("a line of %d bytes: %.100q", size, l.Content)
			}
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\r\nb\xff\xc3"), 2)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if at < 0 || at > len(data) {
			at = len(data)
		}
		lines := split(string(data[:at]), string(data[at:]))
		if got := join(lines); got != string(data) {
			t.Errorf("%q came back as %q", data, got)
		}
		for _, l := range lines {
			if !utf8.ValidString(l.Content) || l.Bytes != nil && utf8.Valid(l.Bytes) {
				t.Errorf("line %q", l)
			}
		}
	})
}
