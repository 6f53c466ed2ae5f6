package launch

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// launcher returns a launcher of a shell whose root Media is a directory.
func launcher(t *testing.T) (*Launcher, string) { return launcherWith(t, Rights{}) }

// launcherWith does so with rights.
func launcherWith(t *testing.T, rights Rights) (*Launcher, string) {
	t.Helper()
	media := t.TempDir()
	paths, err := pathmap.NewWorker(map[string]string{"Media": media})
	if err != nil {
		t.Fatal(err)
	}
	e := executor.New([]string{guardName})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx) // ends with ctx's error
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return New(e, map[string]string{"sh": "/bin/sh", "gone": "/nonexistent/program"}, paths, Environment{Own: []string{"PATH=/usr/bin:/bin", "GREETING=hello"}}, rights), media
}

// collected is what a job put out.
type collected struct {
	mu    sync.Mutex
	lines []dffmpeg.LogEntry
}

func (c *collected) add(line dffmpeg.LogEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
	return nil
}

// text returns a stream as it was.
func (c *collected) text(stream dffmpeg.Stream) string {
	var all strings.Builder
	for i := range c.lines {
		if c.lines[i].Stream == stream {
			all.WriteString(c.lines[i].Text())
		}
	}
	return all.String()
}

func TestLaunch(t *testing.T) {
	l, media := launcher(t)
	work := "$Media/work"
	if err := os.Mkdir(filepath.Join(media, "work"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out collected
	p, err := l.Launch(t.Context(), dffmpeg.JobRequest{
		BinaryName: "sh", Paths: []string{"Media"}, WorkingDirectory: &work,
		Arguments: []string{"-c", `printf '%s %s\r' "$1" "$GREETING"; pwd; printf 'no end' >&2; exit 42`, "sh", "$Media/in.mkv"},
	}, worker.Streams{Lines: out.add})
	if err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(); code != 42 {
		t.Errorf("exit code %d, want 42", code)
	}
	want := media + "/in.mkv hello\r" + media + "/work\n"
	if got := out.text(dffmpeg.Stdout); got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got := out.text(dffmpeg.Stderr); got != "no end" {
		t.Errorf("stderr %q, want %q", got, "no end")
	}
	for _, line := range out.lines {
		if line.Timestamp == nil {
			t.Errorf("line %q has no time", line.Content)
		}
	}
}

// TestSegments: the second form is used instead of the first, and a list file is
// there for as long as the job runs.
func TestSegments(t *testing.T) {
	l, media := launcher(t)
	var out collected
	p, err := l.Launch(t.Context(), dffmpeg.JobRequest{
		BinaryName: "sh", Paths: []string{"Media"}, Arguments: []string{"-c", "echo version 1"},
		Segments: []dffmpeg.Argument{
			dffmpeg.Text("-c"), dffmpeg.Text(`echo "$1"; echo "$2"; cat "$3" "$4"; stat -c %a "$3"; echo "$3"`), dffmpeg.Text("sh"), dffmpeg.Text("$Media/literal"),
			{{Literal: "concat:"}, {Name: "Media", Rest: "/a", Context: dffmpeg.PathConcat}, {Literal: "|b"}},
			{{Content: dffmpeg.Argument{{Literal: "file "}, {Name: "Media", Rest: "/a b", Context: dffmpeg.PathList}, {Literal: "\n"}}}},
			{{Content: dffmpeg.Text("second\n")}},
		},
	}, worker.Streams{Lines: out.add})
	if err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, out.text(dffmpeg.Stderr))
	}
	said, list, _ := strings.Cut(strings.TrimSpace(out.text(dffmpeg.Stdout)), "\n600\n")
	if want := "$Media/literal\nconcat:" + media + "/a|b\nfile " + media + `/a\ b` + "\nsecond"; said != want {
		t.Errorf("the program said %q, want %q", said, want)
	}
	if _, err := os.Stat(filepath.Dir(list)); !os.IsNotExist(err) || !strings.Contains(list, "dffmpeg-lists-") {
		t.Errorf("the list %q: %v, want it removed", list, err)
	}
}

// TestListFilesOfAJobThatDoesNotStart are removed too.
func TestListFilesOfAJobThatDoesNotStart(t *testing.T) {
	l, _ := launcher(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	list := dffmpeg.Argument{{Content: dffmpeg.Text("x")}}
	upwards, missing := "$Media/..", "$Media/missing"
	for name, request := range map[string]dffmpeg.JobRequest{
		"refused":      {Segments: []dffmpeg.Argument{list, {{Name: "Media", Rest: "/.."}}}},
		"no directory": {Segments: []dffmpeg.Argument{list}, WorkingDirectory: &upwards},
		"not started":  {Segments: []dffmpeg.Argument{list}, WorkingDirectory: &missing},
	} {
		request.BinaryName, request.Paths = "sh", []string{"Media"}
		if _, err := l.Launch(t.Context(), request, worker.Streams{Lines: (&collected{}).add}); err == nil {
			t.Errorf("%s: the job was started", name)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, error %v", name, left, err)
		}
	}
}

func TestScratchDirectoryIsRemoved(t *testing.T) {
	l, _ := launcher(t)
	var out collected
	p, err := l.Launch(t.Context(), dffmpeg.JobRequest{BinaryName: "sh", Arguments: []string{"-c", "touch file; pwd"}}, worker.Streams{Lines: out.add})
	if err != nil {
		t.Fatal(err)
	}
	p.Wait()
	dir := strings.TrimSpace(out.text(dffmpeg.Stdout))
	if _, err := os.Stat(dir); !os.IsNotExist(err) || !strings.Contains(dir, "dffmpeg-job-") {
		t.Errorf("scratch directory %q: %v, want it removed", dir, err)
	}
}

func TestRefusals(t *testing.T) {
	l, _ := launcher(t)
	for name, tt := range map[string]struct {
		request dffmpeg.JobRequest
		want    string
	}{
		"unknown binary": {dffmpeg.JobRequest{BinaryName: "rm"}, `no binary "rm"`},
		"missing binary": {dffmpeg.JobRequest{BinaryName: "gone"}, "gone"},
		"unknown path":   {dffmpeg.JobRequest{BinaryName: "sh", Paths: []string{"Other"}}, "no path Other"},
		"escape":         {dffmpeg.JobRequest{BinaryName: "sh", Paths: []string{"Media"}, Arguments: []string{"$Media/../../etc/passwd"}}, "$Media/../../etc/passwd"},
	} {
		if _, err := l.Launch(t.Context(), tt.request, worker.Streams{Lines: (&collected{}).add}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want …%s…", name, err, tt.want)
		}
	}
}
