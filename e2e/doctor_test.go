package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/cli/doctor"
)

// examine runs the doctor and returns its exit code and findings by check.
func (c *cluster) examine(env []string, args ...string) (code int, found map[string]doctor.Finding) {
	c.t.Helper()
	p := run(c.t, env, c.dir, "dffmpeg", append([]string{"doctor", "--json"}, args...)...)
	code = p.exitCode()
	var report doctor.Report
	if err := json.Unmarshal([]byte(p.stdout.text()), &report); err != nil {
		c.t.Fatalf("%v in %q; stderr: %s", err, p.stdout.text(), p.stderr.text())
	}
	found = make(map[string]doctor.Finding)
	for _, f := range report.Findings {
		if f.Status != doctor.OK {
			found[f.Check] = f
		}
	}
	return code, found
}

// TestDoctor looks at a cluster that is well, and at some that are not.
func TestDoctor(t *testing.T) {
	c := newCluster(t)
	env, media := c.clientEnv(), c.media()
	if code, found := c.examine(env); code != 1 || found["workers"].Status != doctor.Problem || len(found) != 1 {
		t.Errorf("without a worker: exit code %d, %+v", code, found)
	}
	c.startWorker("w1")
	if code, found := c.examine(env); code != 0 || len(found) > 0 {
		t.Errorf("a cluster that is well: exit code %d, %+v", code, found)
	}
	if code, found := c.examine(env, "--", "ffmpeg", "-i", "/elsewhere/a.mkv", filepath.Join(media, "b.mkv")); code != 0 || len(found) != 1 ||
		!strings.Contains(strings.Join(found["command"].Details, " "), "/elsewhere/a.mkv") {
		t.Errorf("a path that maps to nothing: exit code %d, %+v", code, found)
	}
	if code, found := c.examine(env, "--", "mkvmerge", "x"); code != 1 || found["workers"].Status != doctor.Problem {
		t.Errorf("a program that no worker has: exit code %d, %+v", code, found)
	}
	other := append(slices.Clone(env), "DFFMPEG_CLIENT_ID=nobody")
	if code, found := c.examine(other); code != 1 || !strings.Contains(found["key"].Advice, "user add nobody") {
		t.Errorf("somebody unknown: exit code %d, %+v", code, found)
	}
	wrong := append(slices.Clone(env), "DFFMPEG_HMAC_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if code, found := c.examine(wrong); code != 1 || !strings.Contains(found["key"].Advice, "rotate-key") {
		t.Errorf("another key: exit code %d, %+v", code, found)
	}
	if err := os.Remove(media); err != nil {
		t.Fatal(err)
	}
	if code, found := c.examine(env); code != 0 || found["paths"].Status != doctor.Warning {
		t.Errorf("a path that is not there: exit code %d, %+v", code, found)
	}
	c.coordinator.signal(syscall.SIGTERM)
	c.coordinator.exitCode()
	if code, found := c.examine(env); code != 1 || found["connection"].Status != doctor.Problem {
		t.Errorf("no coordinator: exit code %d, %+v", code, found)
	}
}
