package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// shown returns a job as people see it.
func (c *cluster) shown(id string) string {
	c.t.Helper()
	p := run(c.t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "show", id)
	if p.exitCode() != 0 {
		c.t.Fatalf("job show: exit code %d: %s", p.exitCode(), p.stderr.text())
	}
	return p.stdout.text()
}

// wants fails unless a text has every part.
func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

// TestUnmappedPathIsVisible: the job says why its file was not found, and the
// drop-in prints nothing that the program does not.
func TestUnmappedPathIsVisible(t *testing.T) {
	c := newCluster(t)
	c.startWorker("w1")
	hidden := filepath.Join(c.dir, "nowhere", "in.mkv")
	p := c.proxy("ffmpeg", "-nostdin", "-v", "error", "-i", hidden, filepath.Join(c.media(), "out.mkv"))
	if code := p.exitCode(); code == 0 || strings.Contains(p.stderr.text(), "client's paths") {
		t.Errorf("exit code %d, stderr %q", code, p.stderr.text())
	}
	job := c.onlyJob()
	if len(job.Warnings) != 1 {
		t.Errorf("warnings %q, want one", job.Warnings)
	}
	wants(t, c.shown(job.ID), "Warning: ", hidden+" lies below none of the client's paths")

	// Nothing is said where nothing is wrong.
	if code := c.proxy("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=0.1", "-f", "null", "/dev/null").exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if job := c.jobs()[0]; job.Warnings != nil {
		t.Errorf("warnings %q of a job without fault", job.Warnings)
	}
	if list := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "list").stdout.text(); !strings.Contains(list, "  WARNINGS  ") {
		t.Errorf("the list has no number of warnings:\n%s", list)
	}
	// A detached submission has nobody else to tell.
	detached := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "submit", "-D", "--", "-nostdin", "-i", hidden, "-f", "null", "-")
	wants(t, detached.stderr.text(), "dffmpeg: warning: "+hidden)
}

// TestRelativeOutputIsNotLostWithoutAWord: client and worker both say so.
func TestRelativeOutputIsNotLostWithoutAWord(t *testing.T) {
	c := newCluster(t)
	worker, _ := c.startWorker("w1")
	unmapped := filepath.Join(c.dir, "elsewhere")
	mkdir(t, unmapped)
	p := run(t, c.clientEnv(), unmapped, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=0.1", "out.mkv")
	if code := p.exitCode(); code != 0 || p.stderr.text() != "" {
		t.Errorf("exit code %d, stderr %q", code, p.stderr.text())
	}
	job := c.onlyJob()
	if job.Status != dffmpeg.JobCompleted || len(job.Warnings) != 2 {
		t.Errorf("the job is %s with warnings %q", job.Status, job.Warnings)
	}
	wants(t, c.shown(job.ID),
		"The working directory "+unmapped+" lies below none of the client's paths; what is written to it (out.mkv) is lost",
		"Files that the program wrote to its working directory are lost, as that was a scratch directory of the worker: out.mkv")
	worker.stderr.await(t, "job warning")
}

// TestFilesHaveTheCallersUmask, unless the worker says otherwise.
func TestFilesHaveTheCallersUmask(t *testing.T) {
	for setting, modes := range map[string]map[int]os.FileMode{
		"":               {0o77: 0o600, 0o27: 0o640, 0o22: 0o644, 0: 0o666},
		"umask: inherit": {0o77: 0o666 &^ current(t), 0: 0o666 &^ current(t)},
		"umask: 0027":    {0o77: 0o640, 0: 0o640},
	} {
		t.Run(setting, func(t *testing.T) {
			c := newClusterWith(t, "engine_defaults: {sqlite: {path: state.db}}", transportSections{worker: setting})
			c.startWorkerAt("w1", c.media())
			for mask, want := range modes {
				out := filepath.Join(c.media(), strconv.FormatInt(int64(mask), 8)+".mkv")
				args := []string{"-c", `umask "$0"; exec "$@"`, strconv.FormatInt(int64(mask), 8), filepath.Join(binaries, "ffmpeg")}
				p := run(t, c.clientEnv(), c.media(), "/bin/sh", append(args, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=0.1", out)...)
				info, err := os.Stat(out)
				if p.exitCode() != 0 || err != nil {
					t.Fatalf("exit code %d, error %v; stderr %s", p.exitCode(), err, p.stderr.text())
				}
				if info.Mode() != want {
					t.Errorf("the caller's umask is %04o: mode %o, want %o", mask, info.Mode(), want)
				}
			}
		})
	}
}

// current returns the umask of the tests, which programs under test inherit.
func current(t *testing.T) os.FileMode {
	t.Helper()
	out := run(t, nil, t.TempDir(), "/bin/sh", "-c", "umask").stdout.text()
	mask, err := strconv.ParseUint(strings.TrimSpace(out), 8, 12)
	if err != nil {
		t.Fatal(err)
	}
	return os.FileMode(mask)
}

// TestRunAs: root's worker runs programs as another user, to whom their files belong;
// another worker says that it cannot, and why.
func TestRunAs(t *testing.T) {
	const uid, gid = 65534, 65533
	c := newClusterWith(t, "engine_defaults: {sqlite: {path: state.db}}", transportSections{worker: "run_as: {user: 65534, group: 65533}"})
	media := c.media()
	if os.Geteuid() != 0 {
		c.writeWorker("w1", media)
		p := run(t, nil, c.dir, "dffmpeg-worker", "-c", c.config("w1"))
		if p.exitCode() == 0 {
			t.Error("a worker that is not root started with run_as")
		}
		wants(t, p.stderr.text(), "only root may start processes as 65534")
		return
	}
	passable(t, media)
	if err := os.Chmod(media, 0o777); err != nil {
		t.Fatal(err)
	}
	c.startWorkerAt("w1", media)
	out := filepath.Join(media, "out.mkv")
	p := run(t, c.clientEnv(), media, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=0.1", out)
	info, err := os.Stat(out)
	if p.exitCode() != 0 || err != nil {
		t.Fatalf("exit code %d, error %v; stderr %s", p.exitCode(), err, p.stderr.text())
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != uid || owner.Gid != gid {
		t.Errorf("the file belongs to %d:%d, want %d:%d", owner.Uid, owner.Gid, uid, gid)
	}
	// Standard streams that are opened anew, and a directory that the worker makes.
	elsewhere := filepath.Join(c.dir, "elsewhere")
	mkdir(t, elsewhere)
	p = run(t, c.clientEnv(), elsewhere, "ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=0.1", "-f", "mpegts", "/dev/stdout", "lost.mkv")
	if p.exitCode() != 0 || len(p.stdout.text()) < 188 {
		t.Errorf("exit code %d, %d bytes; stderr %s", p.exitCode(), len(p.stdout.text()), p.stderr.text())
	}
}

// passable lets everybody through to a directory of the test's.
func passable(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
