package reconcile

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// running puts a job into the hands of a worker.
func running(t *testing.T, state store.State, workerID string, accept bool) dffmpeg.Job {
	t.Helper()
	ctx := t.Context()
	if _, err := state.Register(ctx, store.Registration{
		Worker: dffmpeg.Worker{ID: workerID, Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, InstanceID: "one"}, Token: "x",
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Verify(ctx, workerID, "x"); err != nil {
		t.Fatal(err)
	}
	change, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"})
	if err != nil {
		t.Fatal(err)
	}
	if change, err = state.Claim(ctx, change.Job, workerID); err != nil {
		t.Fatal(err)
	}
	if accept {
		if change, err = state.Accept(ctx, change.Job.ID, store.By{WorkerID: workerID, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
	}
	return change.Job
}

func TestReconcile(t *testing.T) {
	ref := func(job dffmpeg.Job) dffmpeg.AttemptRef {
		return dffmpeg.AttemptRef{JobID: job.ID, Attempt: job.Attempt}
	}
	one, two := "one", "two"
	tests := []struct {
		name     string
		accept   bool
		instance string
		lists    bool              // whether the worker says that it runs the job
		foreign  bool              // whether it lists a job that is not its own as well
		want     dffmpeg.JobStatus // of its job
	}{
		{name: "same instance that runs it", accept: true, instance: one, lists: true, want: dffmpeg.JobRunning},
		{name: "same instance that does not list it yet", accept: true, instance: one, want: dffmpeg.JobRunning},
		{name: "new instance lost it", accept: true, instance: two, want: dffmpeg.JobFailed},
		{name: "new instance still runs it", accept: true, instance: two, lists: true, want: dffmpeg.JobRunning},
		{name: "an offer stands", instance: two, want: dffmpeg.JobAssigned},
		{name: "0.4 worker", accept: true, want: dffmpeg.JobRunning},
		{name: "runs what is not its own", accept: true, instance: one, lists: true, foreign: true, want: dffmpeg.JobRunning},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state := memory.New(time.Now, dffmpeg.NewIDSource())
			job := running(t, state, "w1", tt.accept)
			other := running(t, state, "w2", true)
			request := dffmpeg.RegisterRequest{WorkerID: "w1", InstanceID: tt.instance}
			var want []dffmpeg.AttemptRef
			if tt.lists {
				request.Running = append(request.Running, ref(job))
			}
			if tt.foreign {
				old := dffmpeg.AttemptRef{JobID: job.ID, Attempt: 7}
				want = []dffmpeg.AttemptRef{ref(other), old}
				request.Running = append(request.Running, want...)
			}
			stop, err := New(state, slog.New(slog.DiscardHandler)).Reconcile(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, stop); diff != "" {
				t.Errorf("attempts to stop (-want +got):\n%s", diff)
			}
			got, err := state.Job(t.Context(), job.ID)
			if err != nil || got.Status != tt.want {
				t.Errorf("job is %s (%v), want %s", got.Status, err, tt.want)
			}
			if kept, err := state.Job(t.Context(), other.ID); err != nil || kept.Status != dffmpeg.JobRunning {
				t.Errorf("the other worker's job is %s (%v), want running", kept.Status, err)
			}
		})
	}
}

func TestFirstRegistrationHasNothingToReconcile(t *testing.T) {
	state := memory.New(time.Now, dffmpeg.NewIDSource())
	request := dffmpeg.RegisterRequest{WorkerID: "w1", InstanceID: "one"}
	stop, err := New(state, slog.New(slog.DiscardHandler)).Reconcile(t.Context(), request)
	if err != nil || len(stop) != 0 {
		t.Errorf("Reconcile = %v, %v; want nothing", stop, err)
	}
}

// renewing is a store in which a heartbeat of the instance before comes last.
type renewing struct {
	*memory.State
	again int // how often
}

func (r *renewing) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	if r.again > 0 {
		r.again--
		if _, err := r.Renew(ctx, seen.ID, store.By{WorkerID: seen.Worker(), Attempt: seen.Attempt}); err != nil {
			return store.Change{}, err
		}
	}
	return r.State.Lose(ctx, seen, reason)
}

// TestLastHeartbeat: a heartbeat of the instance before does not keep its job alive.
func TestLastHeartbeat(t *testing.T) {
	for again, want := range map[int]dffmpeg.JobStatus{loseTries - 1: dffmpeg.JobFailed, loseTries: dffmpeg.JobRunning} {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		job := running(t, state, "w", true)
		r := New(&renewing{State: state, again: again}, slog.New(slog.DiscardHandler))
		_, err := r.Reconcile(t.Context(), dffmpeg.RegisterRequest{WorkerID: "w", InstanceID: "two"})
		if (err == nil) != (want == dffmpeg.JobFailed) {
			t.Errorf("after %d heartbeats: %v", again, err)
		}
		if got, err := state.Job(t.Context(), job.ID); err != nil || got.Status != want {
			t.Errorf("after %d heartbeats the job is %s, want %s: %v", again, got.Status, want, err)
		}
	}
}

// TestLeft: what a worker that leaves had not accepted goes to others, and what it runs
// is left to it.
func TestLeft(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		job := running(t, state, "w", accepted)
		if _, err := state.Deregister(t.Context(), "w"); err != nil {
			t.Fatal(err)
		}
		if err := New(state, slog.New(slog.DiscardHandler)).Left(t.Context(), "w"); err != nil {
			t.Fatal(err)
		}
		want := dffmpeg.JobPending
		if accepted {
			want = dffmpeg.JobRunning
		}
		got, err := state.Job(t.Context(), job.ID)
		if err != nil || got.Status != want {
			t.Errorf("accepted %t: the job is %s, want %s: %v", accepted, got.Status, want, err)
		}
	}
}
