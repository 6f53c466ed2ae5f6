package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// world is a store with a scheduler on it.
type world struct {
	*testing.T
	*memory.State
	scheduler *Scheduler
}

func newWorld(t *testing.T) *world {
	state := memory.New(time.Now, dffmpeg.NewIDSource())
	return &world{t, state, New(state, time.Hour, slog.New(slog.DiscardHandler))}
}

// worker brings a worker online.
func (w *world) worker(id string, offer dffmpeg.Offer) {
	w.Helper()
	_, err := w.Register(w.Context(), store.Registration{Token: "x", Worker: dffmpeg.Worker{
		ID: id, Binaries: []string{"ffmpeg"}, Status: dffmpeg.WorkerOnline, Offer: offer, Capabilities: []string{dffmpeg.FeatureAttempt},
	}})
	if err == nil {
		_, err = w.Verify(w.Context(), id, "x")
	}
	if err != nil {
		w.Fatal(err)
	}
}

// submit submits a job, and returns its ID.
func (w *world) submit(requester string, change ...func(*dffmpeg.Job)) string {
	w.Helper()
	job := dffmpeg.Job{RequesterID: requester, BinaryName: "ffmpeg"}
	for _, f := range change {
		f(&job)
	}
	c, err := w.Submit(w.Context(), job)
	if err != nil {
		w.Fatal(err)
	}
	return c.Job.ID
}

// assigned does a round and returns the jobs that it assigned, in the order they were
// submitted.
func (w *world) assigned() []string {
	w.Helper()
	before, err := w.Active(w.Context(), 0, dffmpeg.JobPending)
	if err == nil {
		err = w.scheduler.Assign(w.Context())
	}
	if err != nil {
		w.Fatal(err)
	}
	assigned := []string{}
	for _, job := range before {
		if now, err := w.Job(w.Context(), job.ID); err != nil {
			w.Fatal(err)
		} else if now.Status == dffmpeg.JobAssigned {
			assigned = append(assigned, job.ID)
		}
	}
	return assigned
}

// finish completes a job.
func (w *world) finish(id string) {
	w.Helper()
	job, err := w.Job(w.Context(), id)
	if err == nil {
		_, err = w.Finish(w.Context(), id, store.By{WorkerID: job.Worker()}, store.Result{Status: dffmpeg.JobCompleted})
	}
	if err != nil {
		w.Fatal(err)
	}
}

func priority(p int) func(*dffmpeg.Job) { return func(job *dffmpeg.Job) { job.Priority = p } }

func light(job *dffmpeg.Job) { job.Demand.Light = true }

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestOrder: priority, then fairness, then age.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.worker("a", dffmpeg.Offer{MaxJobs: 1, MaxLightJobs: 1})
	greedy := []string{w.submit("alice"), w.submit("alice"), w.submit("alice")}
	bobs := []string{w.submit("bob"), w.submit("bob")}
	low, urgent := w.submit("carol", priority(-1)), w.submit("alice", priority(1))
	probe := w.submit("dave", light)
	order := []string{}
	next := w.assigned()
	expect(t, "a probe has a slot of its own", next, []string{urgent, probe})
	w.finish(probe)
	for range 7 {
		order = append(order, next[0])
		w.finish(next[0])
		if next = w.assigned(); len(next) == 0 {
			break
		}
	}
	want := []string{urgent, greedy[0], greedy[1], greedy[2], bobs[0], bobs[1], low}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("with one slot, age decides between requesters that have none (-want +got):\n%s", diff)
	}
}

// TestFairness: of several requesters each gets as much as the others, whoever came
// first and however much it wants.
func TestFairness(t *testing.T) {
	w := newWorld(t)
	w.worker("a", dffmpeg.Offer{MaxJobs: 4})
	w.worker("b", dffmpeg.Offer{MaxJobs: 2})
	for range 100 {
		w.submit("greedy")
	}
	first := w.assigned()
	if len(first) != 6 {
		t.Fatalf("%d jobs were assigned, want 6", len(first))
	}
	bob, carol := w.submit("bob"), w.submit("carol")
	w.submit("bob")
	w.finish(first[0])
	w.finish(first[1])
	expect(t, "freed slots go to those who have none", w.assigned(), []string{bob, carol})
}

// TestWorkGoesOn: what cannot run keeps nothing else from it, however much there is
// of it.
func TestWorkGoesOn(t *testing.T) {
	w := newWorld(t)
	w.worker("a", dffmpeg.Offer{MaxJobs: 3, Resources: map[string]int{"nvenc": 1}})
	for i := range 300 {
		w.submit("alice", priority(100), func(job *dffmpeg.Job) { job.BinaryName = fmt.Sprint("other", i%100) })
	}
	nvenc := func(job *dffmpeg.Job) { job.Demand.Uses = map[string]int{"nvenc": 1} }
	gpu := w.submit("alice", nvenc)
	w.submit("alice", nvenc)
	cpu := []string{w.submit("alice"), w.submit("bob")}
	expect(t, "assigned are", w.assigned(), []string{gpu, cpu[0], cpu[1]})
}

// TestManyAtOnce: one round fills a large cluster from one long queue.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.worker(fmt.Sprint("w", i), dffmpeg.Offer{MaxJobs: 20})
	}
	for range 1000 {
		w.submit("alice")
	}
	if got := len(w.assigned()); got != 400 {
		t.Errorf("%d jobs were assigned, want 400", got)
	}
	held, err := w.Loads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, jobs := range store.JobsByWorker(held) {
		if jobs != 20 {
			t.Errorf("worker %s has %d jobs, want 20", id, jobs)
		}
	}
}

// TestLostJobsWait: jobs that may not go back to the worker that lost them do not keep
// those behind them from it.
func TestLostJobsWait(t *testing.T) {
	w := newWorld(t)
	w.worker("a", dffmpeg.Offer{MaxJobs: 200})
	for range 150 {
		w.submit("alice", func(job *dffmpeg.Job) {
			job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 2, On: []string{dffmpeg.RetryLost}}
		})
	}
	for _, id := range w.assigned() {
		c, err := w.Accept(t.Context(), id, store.By{WorkerID: "a", Attempt: 1})
		if err == nil {
			_, err = w.Lose(t.Context(), c.Job, "lost")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.worker("b", dffmpeg.Offer{MaxJobs: 1})
	behind := w.submit("alice")
	got := w.assigned()
	if len(got) != 2 || got[1] != behind {
		t.Errorf("assigned are %v, want one that was lost and %s", got, behind)
	}
}

// TestTrialIsNotStaked: a worker on trial proves itself with a job that can be tried
// again, unless nobody else has room.
func TestTrialIsNotStaked(t *testing.T) {
	trial := func(w *dffmpeg.Worker) { w.Trouble = &dffmpeg.Trouble{OnTrial: true} }
	workers := []dffmpeg.Worker{with(worker("bad", 9), trial), offering("good", dffmpeg.Offer{MaxJobs: 2})}
	once := dffmpeg.Job{BinaryName: "ffmpeg"}
	again := dffmpeg.Job{BinaryName: "ffmpeg", Retry: dffmpeg.RetryPolicy{MaxAttempts: 2, On: []string{dffmpeg.RetryFailed}}}
	for _, tt := range []struct {
		job  dffmpeg.Job
		held int
		want string
	}{{once, 1, "good"}, {again, 1, "bad"}, {once, 2, "bad"}} {
		if got := who(tt.job, workers, map[string]int{"good": tt.held}); got != tt.want {
			t.Errorf("with %d jobs at the other, a job of %d attempts goes to %q, want %q", tt.held, tt.job.Retry.MaxAttempts, got, tt.want)
		}
	}
}

// racing is a store in which others are faster, now and then.
type racing struct {
	*memory.State
	mu      sync.Mutex
	refuse  map[string]error // by job; nil for a refusal
	claimed []string
}

func (r *racing) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	r.mu.Lock()
	err, refused := r.refuse[seen.ID]
	delete(r.refuse, seen.ID)
	r.claimed = append(r.claimed, seen.ID)
	r.mu.Unlock()
	if refused {
		return store.Change{Outcome: store.Refused}, err
	}
	return r.State.Claim(ctx, seen, workerID)
}

// TestRefusedClaims: what a claim did not get is tried again at once with the cluster
// as it is then, but not for ever.
func TestRefusedClaims(t *testing.T) {
	w := newWorld(t)
	w.worker("a", dffmpeg.Offer{MaxJobs: 2})
	one, two := w.submit("alice"), w.submit("alice")
	r := &racing{State: w.State, refuse: map[string]error{one: nil, two: dffmpeg.Errorf(dffmpeg.CodeNotFound, "gone")}}
	w.scheduler = New(r, time.Hour, slog.New(slog.DiscardHandler))
	expect(t, "assigned after a refusal are", w.assigned(), []string{one, two})
	if len(r.claimed) != 4 {
		t.Errorf("%d claims were made, want 4", len(r.claimed))
	}
	broken := errors.New("the store is away")
	w.worker("b", dffmpeg.Offer{})
	r.refuse = map[string]error{w.submit("alice"): broken}
	if err := w.scheduler.Assign(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Assign = %v, want %v", err, broken)
	}
}

// counting is a store that counts rounds, and fails.
type counting struct {
	State
	rounds atomic.Int64
}

func (c *counting) Queues(context.Context, string, int) ([]store.Head, error) {
	c.rounds.Add(1)
	return nil, errors.New("store is away")
}

func (c *counting) Enqueue(context.Context, int) (int, error) { return 0, nil }

// leftovers is a store with jobs in no queue.
type leftovers struct {
	State
	left atomic.Int64
}

func (l *leftovers) Enqueue(_ context.Context, limit int) (int, error) {
	n := min(l.left.Load(), int64(limit))
	l.left.Add(-n)
	return int(n), nil
}

// TestJobsInNoQueue: those that an earlier version stored are put into their queues at
// the start, and whenever there is time.
func TestJobsInNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := &leftovers{State: w.State}
		l.left.Store(2*mostPage + 1)
		s := New(l, time.Minute, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		if left := l.left.Load(); left != 0 {
			t.Errorf("at the start %d jobs are left in no queue", left)
		}
		l.left.Store(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		if l.left.Load() != 0 {
			t.Error("later ones are left in no queue")
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestRunWakesAndSurvivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := &counting{}
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
		s.WakeAfter(10 * time.Second)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if state.rounds.Load() != before+1 {
			t.Errorf("%d rounds after a pause, want %d", state.rounds.Load(), before+1)
		}
		before = state.rounds.Load()
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
