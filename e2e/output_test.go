package e2e

import (
	"bytes"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// printed runs a command of the client and returns what it prints, byte for byte.
func (c *cluster) printed(args ...string) []byte {
	c.t.Helper()
	p := run(c.t, c.clientEnv(), c.dir, "dffmpeg", args...)
	if p.exitCode() != 0 {
		c.t.Fatalf("dffmpeg %v: exit code %d: %s", args, p.exitCode(), p.stderr.text())
	}
	return []byte(p.stdout.text())
}

// submitted submits a detached job and returns its ID.
func (c *cluster) submitted(args ...string) string {
	c.t.Helper()
	text := string(c.printed(append([]string{"submit", "-D", "--"}, args...)...))
	_, id, found := strings.Cut(strings.TrimSpace(text), "Job ID: ")
	if !found {
		c.t.Fatalf("submit printed %q", text)
	}
	return id
}

// TestOutputFromAnywhere has a detached job put out bytes that are no text, and reads
// them from any offset, at its end and while it runs.
func TestOutputFromAnywhere(t *testing.T) {
	c := newCluster(t)
	c.startWorker("w1")
	// Uncompressed pictures, more than a megabyte of them; progress on stderr.
	args := []string{"-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=0.4", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"}
	local := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", args...)
	want, err := local.Output()
	if err != nil {
		t.Fatal(err)
	}
	id := c.submitted(args...)
	followed := run(t, c.clientEnv(), c.dir, "dffmpeg", "job", "attach", "--stream", "stdout", id)
	if code := followed.exitCode(); code != 0 || followed.stdout.text() != string(want) {
		t.Errorf("attached: exit code %d, %d bytes of %d, or others", code, len(followed.stdout.text()), len(want))
	}
	for _, offset := range []int{0, 1, 4095, len(want) / 2, len(want) - 1, len(want)} {
		got := c.printed("job", "logs", "--stream", "stdout", "--offset", strconv.Itoa(offset), id)
		if !bytes.Equal(got, want[offset:]) {
			t.Errorf("from byte %d: %d bytes of %d, or others", offset, len(got), len(want)-offset)
		}
	}
	stderr := c.printed("job", "logs", "--stream", "stderr", id)
	if !bytes.HasPrefix(stderr, []byte("ffmpeg version")) || !bytes.HasSuffix(c.printed("job", "logs", "--stream", "stderr", "--offset", "100", id), stderr[100:]) {
		t.Errorf("stderr is %.200q", stderr)
	}
}

// TestFollowingThroughARestart follows a job's output from the middle while the
// coordinator is killed and started again.
func TestFollowingThroughARestart(t *testing.T) {
	c := newCluster(t)
	c.startWorker("w1")
	id := c.submitted("-nostdin", "-y", "-re", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=6", "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
	c.await("the job to have put out something", func() bool { return len(c.printed("job", "logs", "--stream", "stdout", id)) > 50_000 })
	const offset = 12_345
	p := start(t, c.clientEnv(), c.dir, "dffmpeg", "job", "logs", "-f", "--stream", "stdout", "--offset", strconv.Itoa(offset), id)
	c.await("the follower to have some of it", func() bool { return len(p.stdout.text()) > 50_000 })
	c.coordinator.kill()
	c.coordinator.exitCode()
	c.startCoordinator()
	if code := p.exitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.text())
	}
	all := c.printed("job", "logs", "--stream", "stdout", id)
	if want := 64 * 48 * 3 * 25 * 6; len(all) != want {
		t.Errorf("%d bytes are kept, want %d", len(all), want)
	}
	if p.stdout.text() != string(all[offset:]) {
		t.Errorf("followed were %d bytes, want the last %d", len(p.stdout.text()), len(all)-offset)
	}
	job := c.onlyJob()
	if job.Status != dffmpeg.JobCompleted {
		t.Errorf("the job is %s", job.Status)
	}
}
