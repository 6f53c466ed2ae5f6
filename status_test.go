package dffmpeg

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTransitions states the table once more, from the protocol: what may
// follow what.
func TestTransitions(t *testing.T) {
	want := map[JobStatus][]JobStatus{
		JobPending:   {JobAssigned, JobFailed, JobCanceled},
		JobAssigned:  {JobPending, JobRunning, JobCanceling, JobCompleted, JobFailed, JobCanceled},
		JobRunning:   {JobPending, JobCanceling, JobCompleted, JobFailed, JobCanceled},
		JobCanceling: {JobCompleted, JobFailed, JobCanceled},
	}
	for _, from := range JobStatuses() {
		var got []JobStatus
		for _, to := range JobStatuses() {
			if from.CanBecome(to) {
				got = append(got, to)
			}
		}
		if diff := cmp.Diff(want[from], got); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", from, diff)
		}
		if from.Terminal() != (len(got) == 0) {
			t.Errorf("%s: terminal is %v, but %v may follow", from, from.Terminal(), got)
		}
		if from.Active() == from.Terminal() {
			t.Errorf("%s is both or neither of active and terminal", from)
		}
	}
	if JobStatus("paused").Valid() || JobStatus("paused").Active() {
		t.Error("an unknown status passes")
	}
}

func TestQualifies(t *testing.T) {
	w := Worker{Status: WorkerOnline, Binaries: []string{"ffmpeg"}, Paths: []string{"Media", "Cache"}}
	tests := []struct {
		job    Job
		status WorkerStatus
		want   bool
	}{
		{Job{BinaryName: "ffmpeg", Paths: []string{"Media"}}, WorkerOnline, true},
		{Job{BinaryName: "ffmpeg"}, WorkerDraining, false},
		{Job{BinaryName: "ffprobe"}, WorkerOnline, false},
		{Job{BinaryName: "ffmpeg", Paths: []string{"Media", "Other"}}, WorkerOnline, false},
		{Job{BinaryName: "ffmpeg", Arguments: []string{"-i", "-"}}, WorkerOnline, true},
		{Job{BinaryName: "ffmpeg", Arguments: []string{"-i", "-"}, Stdio: StdioOffered}, WorkerOnline, false},
		{Job{BinaryName: "ffmpeg", Arguments: []string{"-i", "a"}, Stdio: StdioOffered}, WorkerOnline, true},
	}
	for _, tt := range tests {
		w.Status = tt.status
		if got := w.Qualifies(&tt.job); got != tt.want {
			t.Errorf("a worker that is %s qualifies for %v: %v, want %v", tt.status, tt.job, got, tt.want)
		}
	}
}

// TestLacksEverything: all that is lacking is said, not only the first of it.
func TestLacksEverything(t *testing.T) {
	w := Worker{Status: WorkerDraining, Paths: []string{"Cache"}}
	got := w.Lacks(&Job{BinaryName: "ffprobe", Paths: []string{"Media", "Cache", "Other"}, Arguments: []string{"pipe:0"}, Stdio: StdioOffered})
	want := Lack{Status: WorkerDraining, Binary: "ffprobe", Paths: []string{"Media", "Other"}, Streams: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Nothing() || !(Lack{}).Nothing() {
		t.Error("nothing is something")
	}
}
