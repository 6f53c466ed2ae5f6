//go:build !race

// Package simulation tests scheduler, janitor, reconciliation and store together, under
// virtual time: hundreds of workers that die, leave, flap, sleep and are cut off, that are
// of two generations, whose clocks are wrong and whose ffmpeg changes, messages and
// reports that are late, lost or doubled, thousands of jobs of all sorts, and three
// coordinators. It checks what must hold at every moment, and that each check finds a
// system in which it does not.
package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/announce"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/janitor"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/profiles"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/reconcile"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

const (
	heartbeat = 5 * time.Second
	tick      = 5 * time.Second // how often schedulers look without being woken
	lostAfter = 5 * time.Minute
	round     = 10 * time.Second // of the janitor, which takes a second more or less
	jitter    = time.Second
)

// size is how much is simulated.
type size struct {
	workers, jobs int
	arrive        time.Duration // jobs arrive within
	outages       bool          // machines are cut off, and nothing else happens to them
}

// world is the system under test and what is known of it.
type world struct {
	*testing.T
	seed       uint64
	size       size
	broken     broken
	wanted     string     // the violation that is looked for, "" for any
	random     *rand.Rand // of who submits
	clock      clock      // the database's
	engine     *memory.State
	states     []store.State // one for each coordinator
	reconciler *reconcile.Reconciler
	machines   map[string]*machine
	checks     *checks
}

// Error notes a violation; a run that is broken on purpose is to have one.
func (w *world) Error(args ...any) { w.checks.violated("error", fmt.Sprint(args...)) }

// Errorf is Error with a format.
func (w *world) Errorf(format string, args ...any) {
	w.checks.violated("error", fmt.Sprintf(format, args...))
}

// simulate runs a world to its end, or until what is wanted was violated, and returns what
// was, by invariant.
func simulate(t *testing.T, seed uint64, s size, b broken, wanted string) map[string][]string {
	t.Helper()
	var violations map[string][]string
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, s, b)
		w.wanted = wanted
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		w.start(ctx, &all)
		submitted := make(chan struct{})
		all.Go(func() {
			defer close(submitted)
			w.submit(ctx)
		})
		w.watch(ctx, submitted)
		cancel()
		all.Wait()
		violations = w.checks.found
	})
	return violations
}

func newWorld(t *testing.T, seed uint64, s size, b broken) *world {
	w := &world{T: t, seed: seed, size: s, broken: b, random: rand.New(rand.NewPCG(seed, 0)), machines: make(map[string]*machine)}
	w.clock = newClock(w.random)
	w.engine = memory.New(w.now, dffmpeg.NewIDSource())
	w.checks = newChecks(w)
	return w
}

// now is the time by the database's clock. Coordinators, whose clocks are right, have
// another one.
func (w *world) now() time.Time { return w.clock.now().wall }

// start starts coordinators and workers.
func (w *world) start(ctx context.Context, all *sync.WaitGroup) {
	logger := slog.New(slog.DiscardHandler)
	for i := range 3 {
		queue := &queue{asleep: w.broken.sleeps, takes: planning * time.Duration(w.size.workers)}
		state := announce.Wrap(profiles.Wrap(w.checks.watch(w.engine)), w, queue)
		every := tick
		if w.broken.sleeps {
			every = time.Minute
		}
		s := scheduler.New(blinded(state, w.broken), every, logger)
		queue.scheduler.Store(s)
		w.states = append(w.states, state)
		all.Go(func() { _ = s.Run(ctx) })
		if i > 0 {
			continue
		}
		settings := janitor.Settings{
			Interval: round, Jitter: jitter, WorkerFactor: 1.5, HeartbeatFactor: 2.5,
			AssignmentTimeout: 10 * time.Second, PendingTimeout: 30 * time.Second,
		}
		j := janitor.New(state, settings, func() bool { return !w.broken.forgets }, logger)
		all.Go(func() { _ = j.Run(ctx) })
		w.reconciler = reconcile.New(state, logger)
	}
	for i := range w.size.workers {
		m := w.newMachine(i)
		w.machines[m.id] = m
	}
	for _, m := range w.machines {
		all.Go(func() { m.live(ctx) })
	}
	synctest.Wait()
}

// patience is how long a run may take after the last job was submitted.
const patience = 3 * time.Hour

// watch looks at the whole once in a while until all jobs have ended.
func (w *world) watch(ctx context.Context, submitted <-chan struct{}) {
	var deadline time.Time
	for !w.enough() {
		time.Sleep(tick + time.Millisecond)
		synctest.Wait()
		left := w.checks.look(ctx)
		select {
		case <-submitted:
			if deadline.IsZero() {
				deadline = time.Now().Add(patience)
			}
			if left == 0 || time.Now().After(deadline) {
				w.checks.conclude(ctx)
				return
			}
		default:
		}
	}
}

// enough reports whether what is wanted was violated.
func (w *world) enough() bool { return w.wanted != "" && w.checks.has(w.wanted) }

// Notify implements announce.Post: the notification may be late, lost or doubled.
func (w *world) Notify(to dffmpeg.Recipient, _ time.Time) {
	m := w.machines[to.ID]
	if to.Kind != dffmpeg.RecipientWorker || m == nil || hash(fmt.Sprint(to.ID, time.Now().UnixNano()))%50 == 0 {
		return
	}
	select {
	case m.mail <- struct{}{}:
	default:
	}
}

// queue wakes one coordinator's scheduler, which takes its time: what happens meanwhile it
// sees in one round. No time passes in this world while it plans.
type queue struct {
	asleep    bool
	takes     time.Duration
	waking    atomic.Bool
	scheduler atomic.Pointer[scheduler.Scheduler]
}

// planning is what a round takes for each worker.
const planning = 2 * time.Millisecond

func (q *queue) Wake() { q.WakeAfter(0) }

func (q *queue) WakeAfter(pause time.Duration) {
	s := q.scheduler.Load()
	switch {
	case s == nil || q.asleep:
	case pause > 0:
		s.WakeAfter(pause)
	case q.waking.CompareAndSwap(false, true):
		time.AfterFunc(q.takes, func() {
			q.waking.Store(false)
			s.Wake()
		})
	}
}
