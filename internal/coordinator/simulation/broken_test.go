//go:build !race

package simulation

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
)

// broken says in which way the system under test is broken on purpose.
type broken struct {
	ignoresRoom      bool // the store does not count what workers have
	ignoresLeases    bool // workers do not stop what they were lent, and coordinators do not wait
	trustsWallClock  bool // workers count leases by a clock that is set
	forgets          bool // nobody takes back what was not accepted, or gives up what was lost
	ignoresOrder     bool // the scheduler does not see priorities
	ignoresShares    bool // the scheduler does not see whose jobs run
	ignoresAbilities bool // the scheduler does not see what programs can do
	ignoresAge       bool // coordinators do not see that workers are of 0.4
	keepsNothing     bool // the scheduler does not see for how long jobs wait
	newestFirst      bool // the scheduler takes the youngest jobs that it sees
	sleeps           bool // the scheduler is not woken by what happens
	unfenced         bool // reports count whatever attempt they are about
}

// blinded returns the store as a scheduler sees it that is broken in some way.
func blinded(state store.State, b broken) scheduler.State { return &blind{state, b} }

type blind struct {
	store.State
	broken broken
}

// everything is more than any queue has.
const everything = 1 << 20

func (s *blind) Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error) {
	if s.broken.newestFirst {
		limit = everything
	}
	jobs, err := s.State.Queued(ctx, queue, after, limit)
	if s.broken.newestFirst && len(jobs) > 1 {
		jobs = jobs[len(jobs)-1:]
	}
	for i := range jobs {
		if s.broken.ignoresOrder {
			jobs[i].Priority = -jobs[i].Priority
		}
		if s.broken.ignoresShares {
			jobs[i].RequesterID = "anybody"
		}
	}
	return jobs, err
}

func (s *blind) ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	workers, err := s.State.ListWorkers(ctx, window)
	for i := range workers {
		if s.broken.ignoresAbilities {
			workers[i].Profiles = nil
		}
	}
	return workers, err
}

func (s *blind) Now(ctx context.Context) (time.Time, error) {
	if s.broken.keepsNothing {
		return time.Time{}, nil
	}
	return s.State.Now(ctx)
}

// watched is the store with an eye on what operations do.
type watched struct {
	store.State
	checks *checks
}

func (c *checks) watch(state store.State) store.State { return &watched{state, c} }

// Register hides limits from a store that is to ignore them, and the age of workers.
func (s *watched) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	if s.checks.w.broken.ignoresRoom {
		registration.Worker.Offer.MaxJobs, registration.Worker.Offer.Resources = 0, nil
	}
	if s.checks.w.broken.ignoresAge {
		registration.Worker.Capabilities = []string{dffmpeg.FeatureAttempt}
	}
	return s.State.Register(ctx, registration)
}

// Claim looks whether the claim was right.
func (s *watched) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	change, err := s.State.Claim(ctx, seen, workerID)
	if err == nil && change.Outcome == store.Applied {
		s.checks.claimed(ctx, &change.Job)
	}
	return change, err
}

// Finish counts completions, and lets old attempts count where nothing is fenced.
func (s *watched) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	if s.checks.w.broken.unfenced {
		if job, err := s.Job(ctx, jobID); err == nil {
			by = store.By{WorkerID: job.Worker()}
		}
	}
	change, err := s.State.Finish(ctx, jobID, by, result)
	if err == nil && change.Outcome == store.Applied && result.Status == dffmpeg.JobCompleted {
		s.checks.completes(jobID)
	}
	return change, err
}

// Lose notes what workers lose.
func (s *watched) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	change, err := s.State.Lose(ctx, seen, reason)
	if err == nil && change.Outcome == store.Applied && seen.Status == dffmpeg.JobRunning {
		s.checks.loses(seen.ID, seen.Worker())
	}
	return change, err
}

// Active gives attempts up at once where leases are ignored.
func (s *watched) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	jobs, err := s.State.Active(ctx, limit, statuses...)
	if s.checks.w.broken.ignoresLeases {
		for i := range jobs {
			jobs[i].Retry.LostAfter = 0
		}
	}
	return jobs, err
}
