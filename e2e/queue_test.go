package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// asAdmin returns the environment of a client that is an admin.
func (c *cluster) asAdmin() []string {
	path := c.write("dffmpeg-root.yaml", fmt.Sprintf("client_id: root\nhmac_key: %s\ncoordinator: {scheme: http, host: 127.0.0.1, port: %d}\n", c.keys["root"], c.port))
	return []string{"DFFMPEG_CLIENT_CONFIG=" + path}
}

// job returns one job.
func (c *cluster) job(id string) dffmpeg.Job {
	c.t.Helper()
	var job dffmpeg.Job
	c.clientJSON(&job, "job", "show", "--json", id)
	return job
}

func (c *cluster) awaitStatus(id string, status dffmpeg.JobStatus) dffmpeg.Job {
	c.t.Helper()
	var job dffmpeg.Job
	c.await("job "+id+" to be "+string(status), func() bool {
		job = c.job(id)
		return job.Status == status
	})
	return job
}

// TestQueue: a busy worker is a queue, of which everybody can see what waits and why; a
// probe does not wait, what is urgent goes first, and a paused worker is given nothing.
func TestQueue(t *testing.T) {
	c := newCluster(t)
	c.slots = "1"
	c.startWorkerAt("w1", c.media())
	first := c.submitted(realtime("600", filepath.Join(c.media(), "first.mkv"))...)
	c.awaitStatus(first, dffmpeg.JobRunning)
	second := c.submitted(realtime("1", filepath.Join(c.media(), "second.mkv"))...)
	third := c.submitted(realtime("1", filepath.Join(c.media(), "third.mkv"))...)
	for i, id := range []string{second, third} {
		if job := c.job(id); job.Position != i+1 || job.Reason != "the only slot busy on worker w1" {
			t.Errorf("job %d is at %d: %q", i+2, job.Position, job.Reason)
		}
	}
	if probe := run(t, c.clientEnv(), c.media(), "ffprobe", "-version"); probe.exitCode() != 0 {
		t.Errorf("a probe beside it: exit code %d: %s", probe.exitCode(), probe.stderr.text())
	}
	with := c.write("with-terms.yaml", fmt.Sprintf("client_id: jellyfin\nhmac_key: %s\ncoordinator: {scheme: http, host: 127.0.0.1, port: %d}\njob: {priority: -7}\n", c.keys["jellyfin"], c.port))
	if probe := run(t, []string{"DFFMPEG_CLIENT_CONFIG=" + with}, c.media(), "ffprobe", "-version"); probe.exitCode() != 0 || c.jobs()[0].Priority != -7 {
		t.Errorf("with a priority in the configuration the drop-in's job has %d, exit code %d: %s", c.jobs()[0].Priority, probe.exitCode(), probe.stderr.text())
	}
	refused := run(t, c.clientEnv(), c.dir, "dffmpeg", "submit", "-D", "--priority", "1", "--", "-version")
	if refused.exitCode() == 0 || !strings.Contains(refused.stderr.text(), "The highest priority that jellyfin may ask for is 0") {
		t.Errorf("a client that asks for a high priority: exit code %d: %s", refused.exitCode(), refused.stderr.text())
	}
	urgent := run(t, c.asAdmin(), c.dir, "dffmpeg", "submit", "-D", "--priority", "1", "--", "-f", "lavfi", "-i", "nullsrc=d=0.1", "-f", "null", "-")
	if urgent.exitCode() != 0 {
		t.Fatalf("an admin's urgent job: %s", urgent.stderr.text())
	}
	if job := c.job(third); job.Position != 3 {
		t.Errorf("behind an urgent job the third is at %d, want 3", job.Position)
	}

	if p := run(t, c.asAdmin(), c.dir, "dffmpeg", "client", "worker", "pause", "w1", "--reason", "new card"); p.exitCode() != 0 {
		t.Fatalf("pause: %s", p.stderr.text())
	}
	if p := run(t, c.clientEnv(), c.dir, "dffmpeg", "job", "cancel", first); p.exitCode() != 0 {
		t.Fatalf("cancel: %s", p.stderr.text())
	}
	c.awaitStatus(first, dffmpeg.JobCanceled)
	if job := c.job(second); job.Status != dffmpeg.JobPending || job.Reason != "every worker that could run it is paused" {
		t.Errorf("with a paused worker the second job is %s: %q", job.Status, job.Reason)
	}
	if shown := string(c.printed("client", "worker", "show", "w1")); !strings.Contains(shown, "online, paused") || !strings.Contains(shown, "new card") {
		t.Errorf("the paused worker is shown as\n%s", shown)
	}
	if p := run(t, c.asAdmin(), c.dir, "dffmpeg", "client", "worker", "resume", "w1"); p.exitCode() != 0 {
		t.Fatalf("resume: %s", p.stderr.text())
	}
	done := c.awaitStatus(third, dffmpeg.JobCompleted)
	before := c.awaitStatus(second, dffmpeg.JobCompleted)
	if !before.Attempts[0].StartedAt.Before(*done.Attempts[0].StartedAt) {
		t.Error("the third job was started before the second")
	}
}

// TestLostJobIsTriedAgain: when a worker is killed and comes back, its detached job goes
// to another one and completes there; all of that is on record.
func TestLostJobIsTriedAgain(t *testing.T) {
	c := newCluster(t)
	worker := c.startWorkerAt("w1", c.media())
	out := filepath.Join(c.media(), "lost.mkv")
	id := c.submitted(realtime("3", out)...)
	c.awaitStatus(id, dffmpeg.JobRunning)
	c.startWorkerAt("w2", c.media())
	worker.signal(syscall.SIGKILL)
	worker.exitCode()
	c.startWorkerAt("w1", c.media())
	job := c.awaitStatus(id, dffmpeg.JobCompleted)
	var attempts []string
	for _, a := range job.Attempts {
		attempts = append(attempts, a.WorkerID+" "+string(a.Outcome))
	}
	if want := []string{"w1 lost", "w2 completed"}; !slices.Equal(attempts, want) {
		t.Errorf("the attempts are %q, want %q", attempts, want)
	}
	if got := duration(t, out); got < 2.5 {
		t.Errorf("the file lasts %v s, want 3", got)
	}
	if shown := string(c.printed("job", "show", id)); !strings.Contains(shown, "Worker w1 was restarted while it ran the job") {
		t.Errorf("the job is shown as\n%s", shown)
	}
}

// card is a program that is ffmpeg on a machine with an encoder in hardware.
const card = `#!/bin/sh
case "$*" in
*"-init_hw_device list"*) exec /usr/bin/ffmpeg "$@" ;;
*"-init_hw_device cuda"*) exit 0 ;;
*hevc_nvenc*) exec /usr/bin/ffmpeg $(echo "$*" | sed s/hevc_nvenc/mpeg4/) ;;
*) exec /usr/bin/ffmpeg "$@" ;;
esac
`

// TestAbilities: what a worker's ffmpeg can do is found out, and a job waits for one that
// can do what it needs, with the reason shown, unless the need is lifted.
func TestAbilities(t *testing.T) {
	c := newCluster(t)
	c.startWorkerAt("w1", c.media())
	coded := []string{"-nostdin", "-f", "lavfi", "-i", "nullsrc=s=64x64:d=0.1", "-c:v", "hevc_nvenc", "-f", "null", "-"}
	id := c.submitted(coded...)
	if job := c.job(id); job.Status != dffmpeg.JobPending || job.Reason != "no worker has encoder hevc_nvenc" {
		t.Errorf("without the encoder the job is %s: %q", job.Status, job.Reason)
	}
	d := c.doctor(c.clientEnv(), 1, append([]string{"--", "ffmpeg"}, coded...)...)
	if status, found := d.of("workers"); status != "problem" || !strings.Contains(found, "w1 lacks only encoder hevc_nvenc") {
		t.Errorf("the doctor finds a %s: %s", status, found)
	}
	failing := run(t, c.clientEnv(), c.media(), "dffmpeg", slices.Concat([]string{"run", "--no-need", "encoder:hevc_nvenc", "--"}, coded)...)
	if failing.exitCode() == 0 || !strings.Contains(failing.stderr.text(), "hevc_nvenc") {
		t.Errorf("with the need lifted: exit code %d: %s", failing.exitCode(), failing.stderr.text())
	}
	c.program, c.asked = filepath.Join(c.dir, "with-card"), true
	if err := os.WriteFile(c.program, []byte(card), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	c.startWorkerAt("w2", c.media())
	if job := c.awaitStatus(id, dffmpeg.JobCompleted); job.Worker() != "w2" {
		t.Errorf("it ran on %s, want the worker with the encoder", job.Worker())
	}
	shown := string(c.printed("client", "worker", "show", "w2"))
	if !strings.Contains(shown, "Hardware of ffmpeg:") || !strings.Contains(shown, "cuda, hevc_nvenc\n") {
		t.Errorf("the worker with the encoder is shown as\n%s", shown)
	}
	for worker, want := range map[string]bool{"w1": false, "w2": true} {
		var programs map[string]dffmpeg.ProgramAnswer
		c.clientJSON(&programs, "worker", "programs", "--json", worker)
		profile := programs["ffmpeg"].Abilities
		if profile.Can("encoder:hevc_nvenc") != want || !profile.Can("encoder:libx264") || programs["ffprobe"].Version == "" {
			t.Errorf("of the programs of %s it is said: hevc_nvenc %t, libx264 %t, version of ffprobe %q",
				worker, profile.Can("encoder:hevc_nvenc"), profile.Can("encoder:libx264"), programs["ffprobe"].Version)
		}
	}
}
