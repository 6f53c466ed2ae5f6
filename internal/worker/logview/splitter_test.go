package logview

import (
	"bytes"
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
		all.WriteString(l.Content + l.Terminator)
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
		{"lines", []string{"a\nb\n"}, []Line{{"a", "\n"}, {"b", "\n"}}},
		{"unfinished end", []string{"a\nb"}, []Line{{"a", "\n"}, {"b", ""}}},
		{"progress", []string{"1\r2\r"}, []Line{{"1", "\r"}, {"2", "\r"}}},
		{"windows", []string{"a\r\nb"}, []Line{{"a", "\r\n"}, {"b", ""}}},
		{"windows, cut in the middle", []string{"a\r", "\nb"}, []Line{{"a", "\r"}, {"", "\n"}, {"b", ""}}},
		{"empty lines", []string{"\n\n"}, []Line{{"", "\n"}, {"", "\n"}}},
		{"a character over two chunks", []string{"\xc3", "\xa9\n"}, []Line{{"é", "\n"}}},
		{"not UTF-8", []string{"a\xff\n"}, []Line{{"a\uFFFD", "\n"}}},
		{"as long as may be", []string{long + "\n"}, []Line{{long, "\n"}}},
		{"too long", []string{long + "é\n"}, []Line{{long, ""}, {"é", "\n"}}},
		{"too long, off by one", []string{"x" + long + "\n"}, []Line{{"x" + long[:len(long)-2], ""}, {"é", "\n"}}},
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
		text := rapid.StringOf(rapid.SampledFrom([]rune("aé€😀\r\n\n\r x"))).Draw(t, "text")
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
			t.Fatalf("%q came back as %q", text, got)
		}
		for _, l := range lines {
			if len(l.Content) > MaxLineBytes || strings.ContainsAny(l.Content, "\r\n") {
				t.Fatalf("line %q", l.Content)
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
		got := join(split(string(data[:at]), string(data[at:])))
		if utf8.Valid(data) && !bytes.Equal([]byte(got), data) {
			t.Errorf("%q came back as %q", data, got)
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
	})
}
