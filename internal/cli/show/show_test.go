package show

import (
	"bytes"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

func TestTextIsSafeForATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"": "-", "film.mkv": "film.mkv", "Müll": "Müll", "\x1b[2J": `"\x1b[2J"`, "a\nb": `"a\nb"`, "\xff": `"\xff"`,
	} {
		if got := Text(in); got != want {
			t.Errorf("Text(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestCommandIsWhatAShellTakes(t *testing.T) {
	got := Command("ffmpeg", []string{"-i", "my film.mkv", "it's", "", "-vf", "a;b", "\x1b"})
	want := `ffmpeg -i 'my film.mkv' 'it'\''s' '' -vf 'a;b' $'\x1b'`
	if got != want {
		t.Errorf("Command = %s, want %s", got, want)
	}
}

func TestLogsGoWhereTheyBelong(t *testing.T) {
	var out, err bytes.Buffer
	progress := "\r"
	if e := Logs(&out, &err, []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stdout, Content: "{"}, {Stream: dffmpeg.Stderr, Content: "frame=1", Terminator: &progress},
	}); e != nil {
		t.Fatal(e)
	}
	if out.String() != "{\n" || err.String() != "frame=1\r" {
		t.Errorf("stdout %q, stderr %q", out.String(), err.String())
	}
}
