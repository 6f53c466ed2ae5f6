// Package scheduler assigns pending jobs to workers. It decides who should
// take a job; whether the job is still there to be taken is decided by the
// store's compare-and-set, so that any number of schedulers may run at once.
package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// State is the part of the store that the scheduler uses.
type State interface {
	Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error)
	Loads(ctx context.Context) (map[string]int, error)
	ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
	Claim(ctx context.Context, jobID, workerID string) (store.Change, error)
}

// Scheduler assigns jobs whenever it is woken. Make one with New, then Run it.
type Scheduler struct {
	state  State
	every  time.Duration
	logger *slog.Logger
	wake   chan struct{} // holds at most one token
}

// New returns a scheduler that looks for work when woken, and every so often in
// case a wake-up from elsewhere was lost.
func New(state State, every time.Duration, logger *slog.Logger) *Scheduler {
	return &Scheduler{state: state, every: every, logger: logger, wake: make(chan struct{}, 1)}
}

// Wake makes the scheduler look for work soon. It never blocks; wake-ups that
// come while one is outstanding count as one.
func (s *Scheduler) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run assigns jobs until ctx is done.
func (s *Scheduler) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for {
		if err := s.Assign(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("assigning jobs failed; trying again", "error", err, "in", s.every.String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		case <-ticker.C:
		}
	}
}

// Assign offers every pending job that some worker qualifies for, oldest
// first. Jobs that nobody qualifies for stay pending.
func (s *Scheduler) Assign(ctx context.Context) error {
	jobs, err := s.state.Active(ctx, 0, dffmpeg.JobPending)
	if err != nil || len(jobs) == 0 {
		return err
	}
	workers, err := s.state.ListWorkers(ctx, 0)
	if err != nil {
		return err
	}
	loads, err := s.state.Loads(ctx)
	if err != nil {
		return err
	}
	for i := range jobs {
		if err := s.assign(ctx, &jobs[i], workers, loads); err != nil {
			return err
		}
	}
	return nil
}

// assign offers one job to the best worker, if any, and counts it as load.
func (s *Scheduler) assign(ctx context.Context, job *dffmpeg.Job, workers []dffmpeg.Worker, loads map[string]int) error {
	worker := choose(job, workers, loads)
	if worker == nil {
		s.logger.Debug("job waits", "job", job.ID, "reason", Explain(job, workers))
		return nil
	}
	change, err := s.state.Claim(ctx, job.ID, worker.ID)
	switch {
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		return nil // deleted meanwhile
	case err != nil:
		return err
	case change.Outcome != store.Applied:
		// The job was canceled or taken by another scheduler, or the worker
		// left: whoever did that wakes a scheduler if there is more to do.
		s.logger.Debug("job not assigned", "job", job.ID, "worker", worker.ID, "outcome", change.Outcome.String())
		return nil
	}
	loads[worker.ID]++
	s.logger.Info("job assigned", "job", job.ID, "worker", worker.ID, "attempt", change.Job.Attempt)
	return nil
}
