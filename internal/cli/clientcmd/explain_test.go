package clientcmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

const explainedText = `  1  -i
  2  file:/nonexistent/media/a.mkv
     sent      file:$Media/a.mkv
     runs      file:/mnt/it's/a.mkv
  3  -vf
  4  subtitles=f='/nonexistent/media/a.srt':fontsdir='/fonts'
     sent      subtitles=f=$Media/a.srt:fontsdir='/fonts'
     to 0.4    subtitles=f='/nonexistent/media/a.srt':fontsdir='/fonts'
     runs      subtitles=f=/mnt/it\\\'s/a.srt:fontsdir='/fonts'
     UNMAPPED  /fonts lies below none of the client's paths
  5  $Media/x
     sent      as text
  6  out.mkv

Working directory:     $Media/films
Paths a worker needs:  Media
`

func explainedWords() []string {
	return []string{"/usr/lib/jellyfin-ffmpeg/ffmpeg", "-i", "file:/nonexistent/media/a.mkv", "-vf", "subtitles=f='/nonexistent/media/a.srt':fontsdir='/fonts'", "$Media/x", "out.mkv"}
}

func TestExplain(t *testing.T) {
	for _, separator := range [][]string{{"--"}, nil} { // the program's name separates as well
		term := newTerminal(t, start(t))
		wantExit(t, term.execute(append(append([]string{"explain", "--worker-path", "Media=/mnt/it's"}, separator...), explainedWords()...)...), 1)
		if diff := cmp.Diff(explainedText, term.out.String()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestExplainWithNothingToFlag(t *testing.T) {
	term := newTerminal(t, start(t))
	wantExit(t, term.execute("explain", "--", "-y", "/nonexistent/media/a.mkv", "/dev/null"), 0)
	want := "  1  -y\n  2  /nonexistent/media/a.mkv\n     sent      $Media/a.mkv\n  3  /dev/null\n\nWorking directory:     $Media/films\nPaths a worker needs:  Media\n"
	term.wantOutput(want, "")

	// Without a root nobody knows what the worker runs.
	term = newTerminal(t, start(t))
	wantExit(t, term.execute("explain", "--worker-path", "Other=/x", "--", "/nonexistent/media/a.mkv"), 0)
	if want := "runs      depends on --worker-path Media=DIRECTORY"; !strings.Contains(term.out.String(), want) {
		t.Errorf("shown is\n%s, want %q in it", term.out, want)
	}
}

func TestExplainAsJSON(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list.txt")
	must(t, os.WriteFile(list, []byte("file '/nonexistent/media/a b'\nfile /elsewhere/c\n"), 0o600))
	term := newTerminal(t, start(t))
	wantExit(t, term.execute("explain", "--json", "--worker-path=Media=/mnt", "--", "-f", "concat", "-i", list, "x"), 1)
	got := decode[explanation](t, term)
	directory := "$Media/films"
	text := func(s string) explainedArgument {
		return explainedArgument{Typed: s, Sent: dffmpeg.Text(s), V1: s, Runs: s}
	}
	want := explanation{
		Arguments: []explainedArgument{
			text("-f"), text("concat"), text("-i"),
			{
				Typed: list, V1: list, Runs: "(list file)", List: "file $Media/a b\nfile /elsewhere/c\n", Unmapped: []string{"/elsewhere/c"},
				Sent: dffmpeg.Argument{{Content: dffmpeg.Argument{
					{Literal: "file "}, {Name: "Media", Rest: "/a b", Context: dffmpeg.PathList}, {Literal: "\nfile /elsewhere/c\n"},
				}}},
			},
			text("x"),
		},
		Directory: &directory, Paths: []string{"Media"}, Segments: true, Unmapped: []string{"/elsewhere/c"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExplainForAWorker(t *testing.T) {
	c := start(t) // holder has the path Media, and is of 0.4
	concat := []string{"--", "-i", "concat:/nonexistent/media/a|/nonexistent/media/b"}
	term := newTerminal(t, c)
	wantExit(t, term.execute(append([]string{"explain", "--worker", holder, "--worker-path", "Media=/mnt"}, concat...)...), 0)
	for _, want := range []string{"Worker " + holder, "online; has all paths; is of 0.4: paths within arguments stay as typed"} {
		if !strings.Contains(term.out.String(), want) {
			t.Errorf("shown is\n%s\nwant %q in it", term.out, want)
		}
	}
	if strings.Contains(term.out.String(), "runs") {
		t.Errorf("a worker of 0.4 is said to map paths within arguments:\n%s", term.out)
	}

	c.register("poor", nil, []string{dffmpeg.FeatureSegments})
	term = newTerminal(t, c)
	wantExit(t, term.execute(append([]string{"explain", "--worker", "poor"}, concat...)...), 1)
	if want := "online; LACKS the paths Media"; !strings.Contains(term.out.String(), want) || strings.Contains(term.out.String(), "0.4:") {
		t.Errorf("shown is\n%s\nwant %q in it", term.out, want)
	}

	// What the worker's directory cannot express.
	term = newTerminal(t, c)
	wantExit(t, term.execute(append([]string{"explain", "--worker-path", "Media=/a|b"}, concat...)...), 1)
	if want := `REFUSED   "/a|b/a" cannot be passed where it stands`; !strings.Contains(term.out.String(), want) {
		t.Errorf("shown is\n%s\nwant %q in it", term.out, want)
	}
	wantError(t, newTerminal(t, c).execute("explain", "--worker", "nobody", "--", "x"), "Worker not found")
}

func TestExplainNeedsACommand(t *testing.T) {
	for _, words := range [][]string{nil, {"--"}, {"--worker-path", "Media", "--", "x"}} {
		term := newTerminal(t, start(t))
		wantExit(t, term.execute(append([]string{"explain"}, words...)...), client.ExitUsage)
		if !strings.Contains(term.err.String(), "Usage: dffmpeg explain") {
			t.Errorf("%q: stderr is %q", words, term.err)
		}
	}
	wantError(t, newTerminal(t, start(t)).execute("explain", "--worker-path", "Media=relative", "--", "x"), "absolute path")
}
