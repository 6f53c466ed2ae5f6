//go:build !race

// Package simulation tests scheduler, janitor, reconciliation and store together, under
// virtual time: hundreds of workers that die, leave, flap and are cut off, messages that
// are late, lost or doubled, thousands of jobs of all sorts, and three coordinators. It
// checks what must hold at every moment, and that each check finds a system in which it
// does not.
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
	"github.com/dffmpeg/dffmpeg/internal/coordinator/reconcile"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

const (
	heartbeat = 5 * time.Second
	tick      = 5 * time.Second // how often schedulers look without being woken
	lostAfter = 5 * time.Minute
)

// size is how much is simulated.
type size struct {
	workers, jobs int
	arrive        time.Duration // jobs arrive within
}

// broken says in which way the system under test is broken on purpose.
type broken struct {
	ignoresRoom   bool // the store does not count what workers have
	ignoresLeases bool // workers do not stop what they were lent, and coordinators do not wait
	forgets       bool // nobody takes back what was not accepted, or gives up what was lost
	ignoresOrder  bool // the scheduler does not see priorities
	ignoresShares bool // the scheduler does not see whose jobs run
	newestFirst   bool // the scheduler takes the youngest jobs that it sees
	sleeps        bool // the scheduler is not woken by what happens
	unfenced      bool // reports count whatever attempt they are about
}

// world is the system under test and what is known of it.
type world struct {
	*testing.T
	seed       uint64
	broken     broken
	random     *rand.Rand // of the test's own goroutine
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

// simulate runs a world to its end and returns what was violated, by invariant.
func simulate(t *testing.T, seed uint64, s size, b broken) map[string][]string {
	t.Helper()
	var violations map[string][]string
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, b)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		w.start(ctx, &all, s.workers)
		w.submit(ctx, s)
		w.drain(ctx)
		cancel()
		all.Wait()
		violations = w.checks.found
	})
	return violations
}

func newWorld(t *testing.T, seed uint64, b broken) *world {
	w := &world{T: t, seed: seed, broken: b, random: rand.New(rand.NewPCG(seed, 0)), machines: make(map[string]*machine)}
	w.engine = memory.New(time.Now, dffmpeg.NewIDSource())
	w.checks = newChecks(w)
	return w
}

// start starts coordinators and workers.
func (w *world) start(ctx context.Context, all *sync.WaitGroup, workers int) {
	logger := slog.New(slog.DiscardHandler)
	for i := range 3 {
		queue := &queue{asleep: w.broken.sleeps}
		state := announce.Wrap(w.checks.watch(w.engine), w, queue)
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
			Interval: 10 * time.Second, Jitter: time.Second, WorkerFactor: 1.5, HeartbeatFactor: 2.5,
			AssignmentTimeout: 10 * time.Second, PendingTimeout: 30 * time.Second,
		}
		j := janitor.New(state, settings, func() bool { return !w.broken.forgets }, logger)
		all.Go(func() { _ = j.Run(ctx) })
		w.reconciler = reconcile.New(state, logger)
	}
	for i := range workers {
		m := w.newMachine(i)
		w.machines[m.id] = m
	}
	for _, m := range w.machines {
		all.Go(func() { m.live(ctx) })
	}
	synctest.Wait()
}

// newMachine returns one of several sorts of workers.
func (w *world) newMachine(i int) *machine {
	m := &machine{
		w: w, id: fmt.Sprintf("w%03d", i), index: i, random: rand.New(rand.NewPCG(w.seed, uint64(i)+1)),
		binaries: []string{"ffmpeg", "ffprobe"}, roots: []string{"Media"},
		mail: make(chan struct{}, 1), running: make(map[string]*run), seen: make(map[string]bool), ended: make(chan *run, 64),
	}
	m.offer = dffmpeg.Offer{MaxJobs: 1 + i%4, MaxLightJobs: 2 + i%3, Labels: map[string]string{"site": fmt.Sprint("s", i%3)}}
	if i%5 == 0 {
		m.offer.Resources = map[string]int{"nvenc": 2}
		m.offer.Labels["gpu"] = "yes"
	}
	if i%7 == 0 {
		m.roots = []string{"Media", "Archive"}
	}
	if i%11 == 0 {
		m.offer.MaxPerBinary = map[string]int{"ffprobe": 1}
	}
	return m
}

// submit submits jobs of all sorts, in bursts and one by one.
func (w *world) submit(ctx context.Context, s size) {
	for n := range s.jobs {
		job := w.draft(n)
		change, err := w.states[w.random.IntN(len(w.states))].Submit(ctx, job)
		if err != nil {
			w.Errorf("submit: %v", err)
			continue
		}
		w.checks.submitted(&change.Job)
		if w.random.IntN(100) == 0 {
			time.Sleep(time.Duration(w.random.Int64N(int64(200 * s.arrive / time.Duration(s.jobs)))))
		}
	}
}

// draft returns the n-th job. A tenth of the requesters submit nine tenths of the jobs.
func (w *world) draft(n int) dffmpeg.Job {
	job := dffmpeg.Job{
		RequesterID: "greedy", BinaryName: "ffmpeg", Paths: []string{"Media"}, HeartbeatInterval: int(heartbeat / time.Second),
		Retry: dffmpeg.RetryPolicy{MaxAttempts: 20, Backoff: 1, On: []string{dffmpeg.RetryLost, dffmpeg.RetryFailed}, LostAfter: int(lostAfter / time.Second), Asked: true},
	}
	if w.random.IntN(10) == 0 {
		job.RequesterID = fmt.Sprint("modest", w.random.IntN(9))
	}
	switch w.random.IntN(10) {
	case 0, 1, 2:
		job.BinaryName, job.Demand.Light = "ffprobe", true
	case 3, 4:
		job.Demand.Uses, job.Demand.Require = map[string]int{"nvenc": 1}, map[string]string{"gpu": "yes"}
	case 5:
		job.Paths = []string{"Media", "Archive"}
	case 6:
		job.Demand.Require = map[string]string{"site": fmt.Sprint("s", n%3)}
	case 7:
		job.Prefer = map[string]string{"site": "s1"}
	}
	if w.random.IntN(20) == 0 {
		job.Priority = []int{-10, 10, 50}[w.random.IntN(3)]
	}
	return job
}

// fate returns how long an attempt takes and how it ends: one in thirty fails.
func (w *world) fate(jobID string, attempt int) (time.Duration, store.Result) {
	length := 20 * time.Second
	random := rand.New(rand.NewPCG(w.seed, hash(fmt.Sprint(jobID, attempt))))
	if random.IntN(4) > 0 {
		length = time.Duration(random.Int64N(int64(3 * time.Minute)))
	}
	code := 0
	if random.IntN(30) == 0 {
		code = 1
		return length, store.Result{Status: dffmpeg.JobFailed, ExitCode: &code}
	}
	return length, store.Result{Status: dffmpeg.JobCompleted, ExitCode: &code}
}

func hash(text string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return sum
}

// patience is how long a run may take after the last job was submitted.
const patience = 3 * time.Hour

// drain waits for all jobs to end, and looks at the whole once in a while.
func (w *world) drain(ctx context.Context) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		time.Sleep(tick + time.Millisecond)
		synctest.Wait()
		if w.checks.look(ctx) == 0 {
			break
		}
	}
	w.checks.conclude(ctx)
}

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

// queue wakes one coordinator's scheduler.
type queue struct {
	asleep    bool
	scheduler atomic.Pointer[scheduler.Scheduler]
}

func (q *queue) Wake() {
	if s := q.scheduler.Load(); s != nil && !q.asleep {
		s.Wake()
	}
}

func (q *queue) WakeAfter(pause time.Duration) {
	if s := q.scheduler.Load(); s != nil && !q.asleep {
		s.WakeAfter(pause)
	}
}
