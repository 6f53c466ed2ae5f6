package sqlite

import (
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// bench is a store with a worker online, and how long its operations took.
type bench struct {
	store.State
	mu   sync.Mutex
	took []time.Duration
}

func newBench(b *testing.B) *bench {
	b.Helper()
	state, err := Open(b.Context(), at(filepath.Join(b.TempDir(), "state.db")), options())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := state.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := state.Register(b.Context(), store.Registration{Worker: dffmpeg.Worker{ID: "w", Status: dffmpeg.WorkerOnline}, Token: "x"}); err != nil {
		b.Fatal(err)
	}
	if _, err := state.Verify(b.Context(), "w", "x"); err != nil {
		b.Fatal(err)
	}
	return &bench{State: state}
}

// timed does an operation and notes how long it took.
func (s *bench) timed(do func() (store.Change, error)) (store.Change, error) {
	start := time.Now()
	change, err := do()
	took := time.Since(start)
	s.mu.Lock()
	s.took = append(s.took, took)
	s.mu.Unlock()
	return change, err
}

// life is a job from submission to end: four operations.
func (s *bench) life(b *testing.B) {
	ctx, by := b.Context(), store.By{WorkerID: "w"}
	change, submitted := s.timed(func() (store.Change, error) {
		return s.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", Arguments: []string{"-i", "$In/a.mkv", "$Out/a.mp4"}})
	})
	id := change.Job.ID
	_, claimed := s.timed(func() (store.Change, error) { return s.Claim(ctx, change.Job, "w") })
	_, accepted := s.timed(func() (store.Change, error) { return s.Accept(ctx, id, by) })
	_, finished := s.timed(func() (store.Change, error) {
		return s.Finish(ctx, id, by, store.Result{Status: dffmpeg.JobCompleted})
	})
	if err := errors.Join(submitted, claimed, accepted, finished); err != nil {
		b.Error(err)
	}
}

// report adds lives per second, and the median of one operation.
func (s *bench) report(b *testing.B) {
	b.Helper()
	slices.Sort(s.took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(float64(s.took[len(s.took)/2].Microseconds()), "p50-µs/operation")
}

// BenchmarkJobLife: one caller at a time.
func BenchmarkJobLife(b *testing.B) {
	s := newBench(b)
	for b.Loop() {
		s.life(b)
	}
	s.report(b)
}

// BenchmarkJobLifeCrowd: 64 callers at once, whose operations share
// transactions.
func BenchmarkJobLifeCrowd(b *testing.B) {
	s := newBench(b)
	lives := make(chan struct{})
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for range lives {
				s.life(b)
			}
		})
	}
	for b.Loop() {
		lives <- struct{}{}
	}
	close(lives)
	callers.Wait()
	s.report(b)
}
