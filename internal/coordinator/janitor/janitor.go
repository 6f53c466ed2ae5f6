// Package janitor is the coordinator's safety net: at regular intervals it ends
// what silence has ended. Each duty has a file of its own. Nothing that works
// as it should depends on it.
//
// Silence counts only while a coordinator could have heard: from the janitor's
// start, and again from the first round that succeeds after one that failed.
package janitor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Settings are the janitor's intervals and thresholds (protocol.md, Scheduler
// and janitor defaults).
type Settings struct {
	Interval          time.Duration // between rounds
	Jitter            time.Duration // at most so much is added to or taken from Interval
	WorkerFactor      float64       // × registration interval: a worker is offline
	HeartbeatFactor   float64       // × heartbeat interval: a worker or requester is gone
	AssignmentTimeout time.Duration // an offer not accepted goes back to pending
	PendingTimeout    time.Duration // a monitored job fails for which no worker qualifies
	Retention         Retention
}

// State is the part of the store that the janitor uses.
type State interface {
	Now(ctx context.Context) (time.Time, error)
	Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error)
	Monitored(ctx context.Context) ([]dffmpeg.Job, error)
	Overdue(ctx context.Context, limit int) ([]dffmpeg.Job, error)
	Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error)
	Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error)
	Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (store.Change, error)
	ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
	Expire(ctx context.Context, seen dffmpeg.Worker) (bool, error)
	Prune(ctx context.Context, order store.PruneOrder) (store.Pruned, error)
}

// Janitor does the rounds. Make one with New, then Run it.
type Janitor struct {
	state    State
	onDuty   func() bool
	settings Settings
	logger   *slog.Logger
	requests chan dffmpeg.JanitorAction
	// heardSince is when the coordinator began to hear without interruption;
	// zero before the first round and after one that failed.
	heardSince time.Time
	// qualified is when somebody qualified last for the jobs of a line, of those lines for
	// which nobody did in the last round.
	qualified map[string]time.Time
	looked    time.Time // when that was looked at
	// nextPrune is when history is looked at again; zero: at once.
	nextPrune time.Time
}

// New returns a janitor. It does its rounds while onDuty says so: of the
// coordinators that share a database one is, and two at once would do no harm.
func New(state State, settings Settings, onDuty func() bool, logger *slog.Logger) *Janitor {
	return &Janitor{
		state:    state,
		onDuty:   onDuty,
		settings: settings,
		logger:   logger,
		requests: make(chan dffmpeg.JanitorAction, 1),
	}
}

// Trigger asks for a round soon and does not wait for it. A request that comes
// while another one waits makes that one a full round.
func (j *Janitor) Trigger(action dffmpeg.JanitorAction) {
	for {
		select {
		case j.requests <- action:
			return
		default:
		}
		select {
		case waiting := <-j.requests:
			if waiting != action {
				action = dffmpeg.JanitorRunAll
			}
		default:
		}
	}
}

// Run does rounds until ctx is done: regularly while it is on duty, and whenever
// somebody asks for one.
func (j *Janitor) Run(ctx context.Context) error {
	for action, asked := dffmpeg.JanitorRunAll, false; ; {
		if asked || j.onDuty() {
			if err := j.Round(ctx, action); err != nil && ctx.Err() == nil {
				j.logger.Warn("janitor round failed", "action", string(action), "error", err)
			}
		} else {
			j.heardSince = time.Time{} // whoever is on duty counts
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case action = <-j.requests:
			asked = true
		case <-time.After(j.pause()):
			action, asked = dffmpeg.JanitorRunAll, false
		}
	}
}

// pause returns the time until the next round.
func (j *Janitor) pause() time.Duration {
	pause := j.settings.Interval
	if j.settings.Jitter > 0 {
		pause += rand.N(2*j.settings.Jitter) - j.settings.Jitter
	}
	return max(pause, time.Millisecond)
}

// Round does the duties of one action, each as far as it gets. It is not to be
// called while Run runs: use Trigger.
func (j *Janitor) Round(ctx context.Context, action dffmpeg.JanitorAction) error {
	now, err := j.state.Now(ctx)
	if err != nil {
		j.heardSince = time.Time{}
		return err
	}
	if j.heardSince.IsZero() {
		j.heardSince = now
	}
	for _, duty := range j.duties(action) {
		err = errors.Join(err, duty(ctx, now))
	}
	if err != nil {
		j.heardSince = time.Time{}
	}
	return err
}

// duty ends what is overdue at now.
type duty func(ctx context.Context, now time.Time) error

// duties returns what an action consists of.
func (j *Janitor) duties(action dffmpeg.JanitorAction) []duty {
	workers := []duty{j.expireWorkers}
	jobs := []duty{j.requeueUnaccepted, j.failWaiting, j.failOverdue, j.endSilent, j.cancelUnattended}
	switch action {
	case dffmpeg.JanitorCleanWorkers:
		return workers
	case dffmpeg.JanitorCleanJobs:
		return jobs
	default:
		return append(append(workers, jobs...), j.forget)
	}
}

// silentFor returns for how long nothing was heard although it could have been.
func (j *Janitor) silentFor(now time.Time, heard *time.Time, otherwise time.Time) time.Duration {
	last := otherwise
	if heard != nil {
		last = *heard
	}
	if last.Before(j.heardSince) {
		last = j.heardSince
	}
	return now.Sub(last)
}

// times multiplies a number of seconds by a factor.
func times(factor float64, seconds int) time.Duration {
	return time.Duration(factor * float64(seconds) * float64(time.Second))
}

// settled reports whether an operation on a job needs no more attention: a
// job that is gone is as good as done.
func settled(err error) error {
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		return nil
	}
	return err
}
