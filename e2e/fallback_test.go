package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// withFallback adds the section "fallback" to the client's configuration.
func (c *cluster) withFallback(section string) []string {
	c.t.Helper()
	env := c.clientEnv()
	path := filepath.Join(c.dir, "dffmpeg-client.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("dffmpeg-client.yaml", string(text)+"\nfallback: "+section+"\n")
	return append(env, "PATH="+binaries+":/usr/bin:/bin")
}

// TestFallback: a program runs on the caller's machine when it can run nowhere else,
// with all that was typed, and never beside one on a worker.
func TestFallback(t *testing.T) {
	c := newCluster(t)
	_, media := c.startWorker("w1")
	made := func(dir, name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	encode := func(env []string, name string) *process {
		p := startWith(t, streams{stdin: strings.NewReader("typed before anything ran")}, env, c.media(), "ffmpeg",
			"-v", "error", "-f", "data", "-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "data", filepath.Join(c.media(), name))
		p.exitCode()
		return p
	}
	t.Run("a worker takes the job", func(t *testing.T) {
		p := encode(c.withFallback("{when: unavailable, after: 5}"), "there")
		if p.exitCode() != 0 || !made(media, "there") || made(c.media(), "there") {
			t.Errorf("exit code %d, on the worker %t, here %t: %s", p.exitCode(), made(media, "there"), made(c.media(), "there"), p.stderr.text())
		}
	})
	t.Run("a program that always runs here", func(t *testing.T) {
		before := len(c.jobs())
		p := startWith(t, streams{}, c.withFallback("{always: [ffprobe]}"), c.media(), "ffprobe", "-version")
		if code := p.exitCode(); code != 0 || !strings.HasPrefix(p.stdout.text(), "ffprobe version") || p.stderr.text() != "" || len(c.jobs()) != before {
			t.Errorf("exit code %d, stdout %q, stderr %q, %d new jobs", code, p.stdout.text(), p.stderr.text(), len(c.jobs())-before)
		}
	})
	t.Run("nobody has the path", func(t *testing.T) {
		env := c.withFallback("{when: unavailable, after: 1}")
		text, err := os.ReadFile(filepath.Join(c.dir, "dffmpeg-client.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		c.write("dffmpeg-client.yaml", strings.Replace(string(text), "paths: {Media:", "paths: {Elsewhere:", 1))
		p := encode(env, "lonely")
		if p.exitCode() != 0 || !made(c.media(), "lonely") || made(media, "lonely") {
			t.Errorf("exit code %d, here %t, on the worker %t", p.exitCode(), made(c.media(), "lonely"), made(media, "lonely"))
		}
		if got := p.stderr.text(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "no worker took the job within 1s; running /usr/bin/ffmpeg here") {
			t.Errorf("stderr %q", got)
		}
		if content, _ := os.ReadFile(filepath.Join(c.media(), "lonely")); string(content) != "typed before anything ran" { // missing counts as different
			t.Errorf("ffmpeg read %q", content)
		}
		if job := c.jobs()[0]; job.Status != dffmpeg.JobCanceled || !strings.Contains(job.Reason, "its requester runs it itself") {
			t.Errorf("the job is %s: %s", job.Status, job.Reason)
		}
	})
	t.Run("a name that cannot be sent", func(t *testing.T) {
		before := len(c.jobs())
		name := "caf\xe9"
		p := encode(c.withFallback("{when: unavailable, after: 5}"), name)
		if p.exitCode() != 0 || !made(c.media(), name) || len(c.jobs()) != before {
			t.Errorf("exit code %d, made %t, %d new jobs: %s", p.exitCode(), made(c.media(), name), len(c.jobs())-before, p.stderr.text())
		}
		p = encode(c.clientEnv(), name+" again")
		if p.exitCode() != 1 || made(c.media(), name+" again") || !strings.Contains(p.stderr.text(), "not UTF-8") || strings.Count(p.stderr.text(), "\n") != 1 {
			t.Errorf("never: exit code %d, made %t, stderr %q", p.exitCode(), made(c.media(), name+" again"), p.stderr.text())
		}
	})
	t.Run("no coordinator", func(t *testing.T) {
		env := c.withFallback(fmt.Sprintf("{when: unavailable, quiet: true, binaries: {ffmpeg: %s}}", "/usr/bin/ffmpeg"))
		c.coordinator.kill()
		p := encode(env, "cut-off")
		if p.exitCode() != 0 || !made(c.media(), "cut-off") || p.stderr.text() != "" {
			t.Errorf("exit code %d, made %t, stderr %q", p.exitCode(), made(c.media(), "cut-off"), p.stderr.text())
		}
		p = encode(c.withFallback("{when: never}"), "never")
		if p.exitCode() != 1 || made(c.media(), "never") || strings.Count(p.stderr.text(), "\n") != 1 {
			t.Errorf("never: exit code %d, made %t, stderr %q", p.exitCode(), made(c.media(), "never"), p.stderr.text())
		}
	})
}
