package launch

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/umask"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// runs runs a script and returns its output.
func runs(t *testing.T, l *Launcher, request dffmpeg.JobRequest, script string) string {
	t.Helper()
	var out collected
	request.BinaryName, request.Paths = "sh", []string{"Media"}
	if request.Segments != nil {
		request.Segments = append([]dffmpeg.Argument{dffmpeg.Text("-c"), dffmpeg.Text(script), dffmpeg.Text("sh")}, request.Segments...)
	}
	request.Arguments = []string{"-c", script}
	p, err := l.Launch(t.Context(), request, worker.Streams{Lines: out.add})
	if err != nil {
		t.Fatal(err)
	}
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, out.text(dffmpeg.Stderr))
	}
	return strings.TrimSpace(out.text(dffmpeg.Stdout))
}

// TestUmask: a job's is taken only where the worker is told to.
func TestUmask(t *testing.T) {
	own := umask.Current()
	if own == nil {
		t.Fatal("the kernel does not tell the umask")
	}
	others, work := *own^0o77, "$Media"
	for name, c := range map[string]struct {
		rights Rights
		mask   *int
		want   int
	}{
		"the caller's":     {Rights{CallersUmask: true}, &others, others},
		"a silent caller":  {Rights{CallersUmask: true}, nil, *own},
		"the worker's own": {Rights{}, &others, *own},
	} {
		l, media := launcherWith(t, c.rights)
		runs(t, l, dffmpeg.JobRequest{Umask: c.mask, WorkingDirectory: &work}, ": >file")
		info, err := os.Stat(filepath.Join(media, "file"))
		if err != nil {
			t.Fatal(err)
		}
		if want := os.FileMode(0o666 &^ c.want); info.Mode() != want {
			t.Errorf("%s: mode %o, want %o", name, info.Mode(), want)
		}
	}
}

// TestAccount: what is made for a job can be used by whom it runs as, and what it
// makes is theirs. Only root can have it so.
func TestAccount(t *testing.T) {
	account := &executor.Account{UID: 65534, GID: 65533}
	l, media := launcherWith(t, Rights{Account: account})
	tmp, err := os.MkdirTemp("", "everybody's-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	if os.Geteuid() != 0 {
		_, err := l.Launch(t.Context(), dffmpeg.JobRequest{BinaryName: "sh"}, worker.Streams{Lines: (&collected{}).add})
		if err == nil || !strings.Contains(err.Error(), syscall.EPERM.Error()) {
			t.Errorf("a job of another account was started by another user than root: %v", err)
		}
		return
	}
	list := dffmpeg.Argument{{Content: dffmpeg.Argument{{Literal: "file "}, {Name: "Media", Rest: "/a", Context: dffmpeg.PathList}}}}
	said := runs(t, l, dffmpeg.JobRequest{Segments: []dffmpeg.Argument{list}},
		`id -u; cat "$1"; echo; : >made; stat -c %u:%g made; touch "$(dirname "$1")/mine" 2>/dev/null && echo made a file beside the list; true`)
	if want := "65534\nfile " + media + "/a\n65534:65533"; said != want {
		t.Errorf("the program said %q, want %q", said, want)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
}
