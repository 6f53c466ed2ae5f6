package e2e

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// realtime returns arguments of an encode that takes as many seconds as it
// makes, so that something can happen in the middle.
func realtime(seconds, output string) []string {
	return []string{
		"-nostdin", "-y", "-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=" + seconds,
		"-c:v", "mpeg4", output,
	}
}

func TestTranscodeWithDifferentRoots(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	mkdir(t, filepath.Join(workerMedia, "films"))
	makeClip(t, filepath.Join(workerMedia, "films", "in.mkv"), 2)

	in, out := filepath.Join(c.media(), "films", "in.mkv"), filepath.Join(c.media(), "films", "out.mp4")
	p := c.proxy("ffmpeg", "-nostdin", "-i", in, "-c:v", "mpeg4", "-c:a", "copy", out)
	if code := p.exitCode(); code != 0 {
		t.Fatalf("exit code %d, want 0; stderr: %s", code, p.stderr.text())
	}
	if !strings.HasPrefix(p.stderr.text(), "ffmpeg version") || !strings.Contains(p.stderr.text(), "frame=") {
		t.Errorf("stderr is not ffmpeg's own: %q", p.stderr.text())
	}
	if p.stdout.text() != "" {
		t.Errorf("stdout is %q, want nothing", p.stdout.text())
	}
	made := filepath.Join(workerMedia, "films", "out.mp4")
	if got := duration(t, made); math.Abs(got-2) > 0.2 {
		t.Errorf("%s lasts %v s, want about 2", made, got)
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s exists on the client's side: the job ran there", out)
	}
	job := c.onlyJob()
	if job.Status != dffmpeg.JobCompleted || job.Worker() != "w1" || job.ExitCode == nil || *job.ExitCode != 0 {
		t.Errorf("job record is %+v", job)
	}
	if want := "$Media/films/in.mkv"; job.Arguments[2] != want {
		t.Errorf("the coordinator saw %q, want %q", job.Arguments[2], want)
	}
}

// TestPathsWithinArguments has paths in a filter graph and in a list file that
// only the client has.
func TestPathsWithinArguments(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	odd := "It's [a], b: c"
	mkdir(t, filepath.Join(workerMedia, odd))
	makeClip(t, filepath.Join(workerMedia, odd, "in.mkv"), 1)
	in := filepath.Join(c.media(), odd, "in.mkv")

	quoted := strings.NewReplacer("'", `\\\'`, "[", `\[`, "]", `\]`, ",", `\,`, ":", `\\:`).Replace(in)
	p := c.proxy("ffmpeg", "-nostdin", "-i", in, "-filter_complex", "movie="+quoted+",null[m];[0:v][m]overlay", filepath.Join(c.media(), "overlay.mkv"))
	if code := p.exitCode(); code != 0 {
		t.Errorf("filter graph: exit code %d; stderr: %s", code, p.stderr.text())
	}
	list := filepath.Join(t.TempDir(), "list.txt")
	line := "file '" + strings.ReplaceAll(in, "'", `'\''`) + "'\n"
	if err := os.WriteFile(list, []byte(line+line), 0o600); err != nil {
		t.Fatal(err)
	}
	p = c.proxy("ffmpeg", "-nostdin", "-f", "concat", "-safe", "0", "-i", list, "-c", "copy", filepath.Join(c.media(), "joined.mkv"))
	if code := p.exitCode(); code != 0 {
		t.Errorf("list file: exit code %d; stderr: %s", code, p.stderr.text())
	}
	for name, seconds := range map[string]float64{"overlay.mkv": 1, "joined.mkv": 2} {
		if got := duration(t, filepath.Join(workerMedia, name)); math.Abs(got-seconds) > 0.2 {
			t.Errorf("%s lasts %v s, want about %v", name, got, seconds)
		}
	}
}

func TestProbeIsLikeLocal(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	makeClip(t, filepath.Join(workerMedia, "in.mkv"), 1)
	args := []string{"-v", "error", "-of", "json", "-show_format", "-show_streams"}

	want, _, _ := local(t, workerMedia, "ffprobe", append(args, filepath.Join(workerMedia, "in.mkv"))...)
	p := c.proxy("ffprobe", append(args, filepath.Join(c.media(), "in.mkv"))...)
	if code := p.exitCode(); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.stderr.text())
	}
	if got := p.stdout.text(); got != want {
		t.Errorf("ffprobe through the proxy printed\n%s\nlocal ffprobe\n%s", got, want)
	}
	// A relative path is found in the mapped working directory.
	p = c.proxy("ffprobe", append(args, "in.mkv")...)
	if code := p.exitCode(); code != 0 || !strings.Contains(p.stdout.text(), `"filename": "in.mkv"`) {
		t.Errorf("relative path: exit code %d, stdout %q, stderr %q", code, p.stdout.text(), p.stderr.text())
	}
}

func TestFailureIsTheProgramsOwn(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	missing := filepath.Join(c.media(), "missing.mkv")

	_, wantErr, wantCode := local(t, workerMedia, "ffmpeg", "-hide_banner", "-i", filepath.Join(workerMedia, "missing.mkv"))
	p := c.proxy("ffmpeg", "-hide_banner", "-i", missing)
	if code := p.exitCode(); code != wantCode {
		t.Errorf("exit code %d, want %d as local", code, wantCode)
	}
	if got := p.stderr.text(); got != wantErr {
		t.Errorf("stderr %q, want %q", got, wantErr)
	}
	// 8-bit codes beyond 1: ffprobe of this kind of error is 1 too, so let a
	// signal death speak: ffmpeg caught SIGTERM gives 255.
	if status := c.onlyJob().Status; status != dffmpeg.JobFailed {
		t.Errorf("status %s, want failed", status)
	}
}

func TestCtrlCStopsTheRemoteProcess(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	out := filepath.Join(workerMedia, "cancel-me.mkv")
	p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "cancel-me.mkv"))...)
	p.stderr.await(t, "frame=")
	if pids := processesWith(t, out); len(pids) == 0 {
		t.Fatal("no process on the worker writes the output")
	}
	p.signal(syscall.SIGINT)
	if code := p.exitCode(); code != 255 { // ffmpeg caught it
		t.Errorf("exit code %d, want 255", code)
	}
	c.await("the remote process to end", func() bool { return len(processesWith(t, out)) == 0 })
	if job := c.onlyJob(); job.Status != dffmpeg.JobFailed || job.ExitCode == nil || *job.ExitCode != 255 {
		t.Errorf("the job is %s with exit code %v, want failed with 255", job.Status, job.ExitCode)
	}
	if got := duration(t, out); got <= 0 {
		t.Errorf("the file lasts %v s; ffmpeg finishes it when it is interrupted", got)
	}
}

func TestCancelByCommand(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	out := filepath.Join(workerMedia, "cancel-me-too.mkv")
	p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "cancel-me-too.mkv"))...)
	p.stderr.await(t, "frame=")
	cancel := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "cancel", c.onlyJob().ID)
	if code := cancel.exitCode(); code != 0 {
		t.Fatalf("job cancel: exit code %d: %s", code, cancel.stderr.text())
	}
	if code := p.exitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	c.await("the remote process to end", func() bool { return len(processesWith(t, out)) == 0 })
}

func TestTwoJobsAtOnce(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	names := []string{"one.mkv", "two.mkv"}
	proxies := make([]*process, len(names))
	for i, name := range names {
		proxies[i] = c.proxy("ffmpeg", realtime("3", filepath.Join(c.media(), name))...)
	}
	var both sync.WaitGroup
	for _, p := range proxies {
		both.Go(func() { <-p.exited })
		p.stderr.await(t, "frame=") // the other one cannot have ended: both take 3 s
	}
	both.Wait()
	for i, p := range proxies {
		if code := p.exitCode(); code != 0 {
			t.Errorf("%s: exit code %d: %s", names[i], code, p.stderr.text())
		}
		if other := names[1-i]; strings.Contains(p.stderr.text(), other) {
			t.Errorf("output of %s mentions %s", names[i], other)
		}
		if got := duration(t, filepath.Join(workerMedia, names[i])); math.Abs(got-3) > 0.3 {
			t.Errorf("%s lasts %v s, want 3", names[i], got)
		}
	}
}

func TestDetachedJob(t *testing.T) {
	c := newCluster(t)
	_, workerMedia := c.startWorker("w1")
	makeClip(t, filepath.Join(workerMedia, "in.mkv"), 1)
	p := run(t, c.clientEnv(), c.media(), "dffmpeg-client", "submit", "-b", "ffprobe", "-D", "-v", "error", "-show_format", filepath.Join(c.media(), "in.mkv"))
	id, ok := strings.CutPrefix(strings.TrimSpace(p.stdout.text()), "Job ID: ")
	if p.exitCode() != 0 || !ok || !dffmpeg.ValidID(id) {
		t.Fatalf("detached submit printed %q, %q", p.stdout.text(), p.stderr.text())
	}
	attach := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "attach", id)
	if attach.exitCode() != 0 || !strings.Contains(attach.stdout.text(), "[FORMAT]") {
		t.Errorf("attach: exit code %d, stdout %q, stderr %q", attach.exitCode(), attach.stdout.text(), attach.stderr.text())
	}
	logs := run(t, c.clientEnv(), c.dir, "dffmpeg-client", "job", "logs", id)
	if logs.stdout.text() != attach.stdout.text() {
		t.Errorf("logs %q differ from attach's %q", logs.stdout.text(), attach.stdout.text())
	}
}
