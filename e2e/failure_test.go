package e2e

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

func TestWorkerDrains(t *testing.T) {
	c := newCluster(t)
	worker, workerMedia := c.startWorker("w1")
	p := c.proxy("ffmpeg", realtime("4", filepath.Join(c.media(), "out.mkv"))...)
	p.stderr.await(t, "frame=")
	worker.signal(syscall.SIGTERM)
	c.await("the worker to be draining", func() bool { return c.workerStatus("w1") == dffmpeg.WorkerDraining })

	_, _ = c.startWorker("w2")
	other := run(t, c.clientEnv(), c.media(), "ffprobe", "-version")
	if other.exitCode() != 0 {
		t.Errorf("a job beside the draining worker: exit code %d: %s", other.exitCode(), other.stderr.text())
	}
	for _, job := range c.jobs() {
		if job.BinaryName == "ffprobe" && job.Worker() != "w2" {
			t.Errorf("the draining worker was given a job")
		}
	}
	if code := p.exitCode(); code != 0 {
		t.Errorf("job on the draining worker: exit code %d: %s", code, p.stderr.text())
	}
	if got := duration(t, filepath.Join(workerMedia, "out.mkv")); math.Abs(got-4) > 0.3 {
		t.Errorf("the file lasts %v s, want 4: the encode was cut", got)
	}
	if code := worker.exitCode(); code != 0 {
		t.Errorf("the worker's exit code is %d, want 0", code)
	}
	if status := c.workerStatus("w1"); status != dffmpeg.WorkerOffline {
		t.Errorf("the worker is %s afterwards, want offline", status)
	}
}

func TestSecondSignalStopsTheWorkerFast(t *testing.T) {
	c := newCluster(t)
	worker, workerMedia := c.startWorker("w1")
	out := filepath.Join(workerMedia, "cut.mkv")
	p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "cut.mkv"))...)
	p.stderr.await(t, "frame=")
	worker.signal(syscall.SIGTERM)
	c.await("the worker to be draining", func() bool { return c.workerStatus("w1") == dffmpeg.WorkerDraining })
	worker.signal(syscall.SIGTERM)
	worker.exitCode()
	if pids := processesWith(t, out); len(pids) != 0 {
		t.Errorf("processes %v outlive the worker", pids)
	}
	if code := p.exitCode(); code == 0 {
		t.Error("the client was told that all is well")
	}
}

func TestProcessDiesWithTheWorker(t *testing.T) {
	c := newCluster(t)
	worker, workerMedia := c.startWorker("w1")
	out := filepath.Join(workerMedia, "orphan.mkv")
	p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "orphan.mkv"))...)
	p.stderr.await(t, "frame=")
	worker.kill()
	c.await("the orphan to be gone", func() bool { return len(processesWith(t, out)) == 0 })
	if code := p.exitCode(); code != 1 {
		t.Errorf("exit code %d, want 1: the job failed without a code", code)
	}
	if !strings.Contains(p.stderr.text(), "w1") {
		t.Errorf("the client is not told why: %q", p.stderr.text())
	}
}

func TestUnreachableCoordinator(t *testing.T) {
	port := freePort(t)
	c := &cluster{t: t, dir: t.TempDir()}
	config := c.write("client.yaml", fmt.Sprintf("client_id: a\nhmac_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\ncoordinator: {host: 127.0.0.1, port: %d}\n", port))
	for _, command := range [][]string{{"ffmpeg", "-version"}, {"dffmpeg-client", "job", "list"}, {"dffmpeg", "run", "--", "-version"}} {
		p := run(t, []string{"DFFMPEG_CLIENT_CONFIG=" + config}, c.dir, command[0], command[1:]...)
		if code := p.exitCode(); code != 1 {
			t.Errorf("%v: exit code %d, want 1", command, code)
		}
		message := p.stderr.text()
		if strings.Count(message, "\n") != 1 || !strings.Contains(message, fmt.Sprintf("http://127.0.0.1:%d", port)) {
			t.Errorf("%v: stderr is %q, want one line that names the coordinator", command, message)
		}
	}
}

// TestCoordinatorKilledMidJob is the promise of the architecture's first line
// of failures: kill -9, and nobody loses anything.
func TestCoordinatorKilledMidJob(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	out := filepath.Join(workerMedia, "survivor.mkv")
	p := c.proxy("ffmpeg", realtime("8", filepath.Join(c.media(), "survivor.mkv"))...)
	p.stderr.await(t, "frame=")
	before := processesWith(t, out)

	c.coordinator.kill()
	c.startCoordinator()
	c.await("the worker to be online again", func() bool { return c.workerStatus("w1") == dffmpeg.WorkerOnline })
	if after := processesWith(t, out); fmt.Sprint(after) != fmt.Sprint(before) || len(after) == 0 {
		t.Errorf("the encode was disturbed: processes %v before, %v after", before, after)
	}
	if code := p.exitCode(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.stderr.text())
	}
	if got := duration(t, out); math.Abs(got-8) > 0.3 {
		t.Errorf("the file lasts %v s, want 8", got)
	}
	job := c.onlyJob()
	if job.Status != dffmpeg.JobCompleted || job.Attempt != 1 {
		t.Errorf("job is %s in attempt %d, want completed in the first", job.Status, job.Attempt)
	}
	// Every byte came once: the attached client saw what the log holds.
	logs := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "logs", job.ID)
	if logs.stderr.text() != p.stderr.text() {
		t.Errorf("the client saw %d bytes of stderr, the log holds %d", len(p.stderr.text()), len(logs.stderr.text()))
	}
}
