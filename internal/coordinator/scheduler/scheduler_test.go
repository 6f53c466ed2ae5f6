package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// fakeState is a store with jobs that are claimed as told.
type fakeState struct {
	jobs    []dffmpeg.Job
	workers []dffmpeg.Worker
	loads   map[string]int
	claim   func(jobID, workerID string) (store.Change, error)
	fail    error
	rounds  atomic.Int64
	claimed [][2]string
}

func (f *fakeState) Active(context.Context, int, ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	f.rounds.Add(1)
	return f.jobs, f.fail
}

func (f *fakeState) Loads(context.Context) (map[string]int, error) { return f.loads, nil }

func (f *fakeState) ListWorkers(context.Context, time.Duration) ([]dffmpeg.Worker, error) {
	return f.workers, nil
}

func (f *fakeState) Claim(_ context.Context, jobID, workerID string) (store.Change, error) {
	f.claimed = append(f.claimed, [2]string{jobID, workerID})
	if f.claim != nil {
		return f.claim(jobID, workerID)
	}
	return store.Change{Outcome: store.Applied}, nil
}

func jobs(ids ...string) []dffmpeg.Job {
	list := make([]dffmpeg.Job, 0, len(ids))
	for _, id := range ids {
		list = append(list, dffmpeg.Job{ID: id, BinaryName: "ffmpeg", Status: dffmpeg.JobPending})
	}
	return list
}

func TestAssignSpreadsOverWorkers(t *testing.T) {
	state := &fakeState{
		jobs:    jobs("1", "2", "3"),
		workers: []dffmpeg.Worker{worker("a", 1), worker("b", 1)},
		loads:   map[string]int{"a": 1},
	}
	if err := New(state, time.Hour, slog.New(slog.DiscardHandler)).Assign(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{"1", "b"}, {"2", "a"}, {"3", "b"}}
	if diff := cmp.Diff(want, state.claimed); diff != "" {
		t.Errorf("claims differ (-want +got):\n%s", diff)
	}
}

func TestAssignGoesOnAfterALostRace(t *testing.T) {
	state := &fakeState{
		jobs:    jobs("gone", "taken", "free"),
		workers: []dffmpeg.Worker{worker("a", 1)},
		loads:   map[string]int{},
		claim: func(jobID, _ string) (store.Change, error) {
			switch jobID {
			case "gone":
				return store.Change{}, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found")
			case "taken":
				return store.Change{Outcome: store.Refused}, nil
			default:
				return store.Change{Outcome: store.Applied}, nil
			}
		},
	}
	if err := New(state, time.Hour, slog.New(slog.DiscardHandler)).Assign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(state.claimed) != 3 {
		t.Errorf("claimed %v, want all three tried", state.claimed)
	}
	if state.loads["a"] != 1 {
		t.Errorf("load of a is %d, want 1: only one claim succeeded", state.loads["a"])
	}
}

func TestRunWakesAndSurvivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := &fakeState{fail: errors.New("store is away")}
		s := New(state, time.Minute, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()

		synctest.Wait()
		if state.rounds.Load() != 1 {
			t.Errorf("%d rounds at the start, want 1", state.rounds.Load())
		}
		s.Wake()
		s.Wake() // counts as the same
		synctest.Wait()
		if state.rounds.Load() < 2 || state.rounds.Load() > 3 {
			t.Errorf("%d rounds after waking, want 2 or 3", state.rounds.Load())
		}
		before := state.rounds.Load()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if state.rounds.Load() != before+1 {
			t.Errorf("%d rounds after the interval, want %d", state.rounds.Load(), before+1)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
}
