// Package scheduler assigns pending jobs to workers. It decides who should
// take a job; whether the job is still there to be taken, and the worker still has
// room, is decided by the store's compare-and-set, so that any number of schedulers
// may run at once.
//
// A round looks which queues there are, who works and how much, and plans with that; of a
// queue for whose jobs there is room it reads some, and some more when those have been
// given away. So its cost depends on the number of workers and queues, and on how many
// jobs it assigns, and not on how many wait.
package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// State is the part of the store that the scheduler uses.
type State interface {
	Queues
	Enqueue(ctx context.Context, limit int) (int, error)
	Now(ctx context.Context) (time.Time, error)
	Loads(ctx context.Context) ([]store.Held, error)
	ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
	Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error)
}

const (
	// leastPage and mostPage bound how many jobs of a queue are read at a time.
	leastPage = 8
	mostPage  = 64
	// batch is how many jobs are planned before they are claimed.
	batch = 256
	// claimers is how many jobs are claimed at once.
	claimers = 8
	// rounds is how often in a row the scheduler tries again when claims were refused,
	// because others changed what the round had seen.
	rounds = 4
	// respite is how long it waits after that.
	respite = 100 * time.Millisecond
)

// Scheduler assigns jobs whenever it is woken. Make one with New, then Run it.
type Scheduler struct {
	state  State
	kinds  kinds // of the rounds, one after the other
	every  time.Duration
	logger *slog.Logger
	wake   chan struct{} // holds at most one token
}

// New returns a scheduler that looks for work when woken, and every so often in
// case a wake-up from elsewhere was lost.
func New(state State, every time.Duration, logger *slog.Logger) *Scheduler {
	return &Scheduler{state: state, kinds: kinds{state: state}, every: every, logger: logger, wake: make(chan struct{}, 1)}
}

// Wake makes the scheduler look for work soon. It never blocks; wake-ups that
// come while one is outstanding count as one.
func (s *Scheduler) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// WakeAfter does what Wake does, after a pause: a job may begin then. It does not
// block.
func (s *Scheduler) WakeAfter(pause time.Duration) { time.AfterFunc(pause, s.Wake) }

// Run assigns jobs until ctx is done.
func (s *Scheduler) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	for sweep := true; ; {
		var err error
		if sweep {
			err = s.enqueue(ctx)
		}
		if err := errors.Join(err, s.Assign(ctx)); err != nil && ctx.Err() == nil {
			s.logger.Warn("assigning jobs failed; trying again", "error", err, "in", s.every.String())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
			sweep = false
		case <-ticker.C:
			sweep = true
		}
	}
}

// enqueue puts those jobs into their queues that a coordinator of an earlier version has
// stored: after an upgrade, and as long as one still works.
func (s *Scheduler) enqueue(ctx context.Context) error {
	for {
		count, err := s.state.Enqueue(ctx, mostPage)
		if err != nil || count == 0 {
			return err
		}
		s.logger.Info("jobs of an earlier version were put into their queues", "jobs", count)
	}
}

// Assign offers pending jobs to workers as long as there is room for some. When others keep
// changing what it plans with it leaves the rest for a moment later. It must not be called
// while Run runs.
func (s *Scheduler) Assign(ctx context.Context) error {
	for range rounds {
		refused, err := s.round(ctx)
		if err != nil || !refused {
			return err
		}
	}
	s.WakeAfter(respite)
	return nil
}

// round assigns what can be assigned in the cluster as it is now, and reports whether
// a claim was refused: then the cluster is not as it was.
func (s *Scheduler) round(ctx context.Context) (refused bool, err error) {
	queues, c, err := s.look(ctx)
	if err != nil || len(queues) == 0 {
		return false, err
	}
	c.enter(queues)
	for {
		planned, err := c.plan(queues, feeding(ctx, s.state))
		if err != nil {
			return false, err
		}
		lost, err := s.claim(ctx, planned)
		if err != nil || lost || len(planned) < batch {
			return lost, err
		}
	}
}

// look reads what waits, and if anything does, who works: at the same time when something
// waited the last time.
func (s *Scheduler) look(ctx context.Context) (queues []*queue, c *Cluster, err error) {
	if len(s.kinds.known) == 0 {
		if queues, err = s.kinds.queues(ctx); err != nil || len(queues) == 0 {
			return nil, nil, err
		}
		c, err = s.cluster(ctx)
		return queues, c, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		queues, err = s.kinds.queues(ctx)
		return err
	})
	group.Go(func() (err error) {
		c, err = s.cluster(ctx)
		return err
	})
	err = group.Wait()
	return queues, c, err
}

// cluster reads who works, and how much.
func (s *Scheduler) cluster(ctx context.Context) (*Cluster, error) {
	now, err := s.state.Now(ctx)
	if err != nil {
		return nil, err
	}
	var workers []dffmpeg.Worker
	var held []store.Held
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		workers, err = s.state.ListWorkers(ctx, 0)
		return err
	})
	group.Go(func() (err error) {
		held, err = s.state.Loads(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return NewCluster(workers, held, now), nil
}

// feeding returns what reads more of queues, the more the more was read of one.
func feeding(ctx context.Context, state Queues) feed {
	return func(q *queue) error {
		jobs, err := state.Queued(ctx, q.name, q.last, q.page)
		if err == nil {
			q.known(jobs, q.page)
			q.page = min(2*q.page, mostPage)
		}
		return err
	}
}

// claim makes the assignments, several at a time, and reports whether one was refused.
func (s *Scheduler) claim(ctx context.Context, planned []assignment) (bool, error) {
	var refused atomic.Bool
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(claimers)
	for _, a := range planned {
		group.Go(func() error {
			done, err := s.assign(ctx, a)
			if !done {
				refused.Store(true)
			}
			return err
		})
	}
	err := group.Wait()
	return refused.Load(), err
}

// assign makes one assignment, and reports whether it was not refused.
func (s *Scheduler) assign(ctx context.Context, a assignment) (bool, error) {
	change, err := s.state.Claim(ctx, a.job, a.worker.worker.ID)
	switch {
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		return false, nil // deleted meanwhile
	case err != nil:
		return false, err
	case change.Outcome != store.Applied:
		// The job was canceled or taken by another scheduler, or the worker left, has
		// no room any more or cannot do it any more.
		s.logger.Debug("job not assigned", "job", a.job.ID, "worker", a.worker.worker.ID, "outcome", change.Outcome.String())
		return false, nil
	}
	s.logger.Info("job assigned", "job", a.job.ID, "worker", a.worker.worker.ID, "attempt", change.Job.Attempt)
	return true, nil
}
