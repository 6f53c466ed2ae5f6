package janitor

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// settings are the defaults of protocol.md.
func settings() Settings {
	return Settings{
		Interval: 10 * time.Second, Jitter: 500 * time.Millisecond,
		WorkerFactor: 1.5, HeartbeatFactor: 2.5,
		AssignmentTimeout: 10 * time.Second, PendingTimeout: 30 * time.Second,
	}
}

// world is a store under a clock that the test moves.
type world struct {
	*testing.T
	state   *memory.State
	janitor *Janitor
	now     time.Time
}

// always is on duty.
func always() bool { return true }

func newWorld(t *testing.T) *world {
	w := &world{T: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.state = memory.New(func() time.Time { return w.now }, dffmpeg.NewIDSource())
	w.janitor = New(w.state, settings(), always, slog.New(slog.DiscardHandler))
	w.round() // silence counts from here
	return w
}

func (w *world) round() {
	w.Helper()
	if err := w.janitor.Round(w.Context(), dffmpeg.JanitorRunAll); err != nil {
		w.Fatal(err)
	}
}

// after moves the clock and does a round.
func (w *world) after(d time.Duration) {
	w.Helper()
	w.now = w.now.Add(d)
	w.round()
}

// worker brings a worker online that registers every 15 s.
func (w *world) worker(id string) {
	w.Helper()
	w.register(id)
	if _, err := w.state.Verify(w.Context(), id, "token"); err != nil {
		w.Fatal(err)
	}
}

func (w *world) register(id string) {
	w.Helper()
	_, err := w.state.Register(w.Context(), store.Registration{
		Worker: dffmpeg.Worker{
			ID: id, Binaries: []string{"ffmpeg"}, RegistrationInterval: 15,
			Status: dffmpeg.WorkerOnline, Transport: "http_polling",
		},
		Token: "token",
	})
	if err != nil {
		w.Fatal(err)
	}
}

// job submits a job with a heartbeat of 4 s: its window is 10 s.
func (w *world) job(monitor bool) string {
	w.Helper()
	change, err := w.state.Submit(w.Context(), dffmpeg.Job{
		RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 4, Monitor: monitor, Transport: "http_polling",
	})
	if err != nil {
		w.Fatal(err)
	}
	return change.Job.ID
}

// awaited submits a job that somebody waits for, and that only silence for hours ends.
func (w *world) awaited() string {
	w.Helper()
	w.now = w.now.Add(time.Millisecond)
	change, err := w.state.Submit(w.Context(), dffmpeg.Job{
		RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 3600, Monitor: true, Transport: "http_polling",
	})
	if err != nil {
		w.Fatal(err)
	}
	return change.Job.ID
}

// do fails the test unless an operation was applied.
func (w *world) do(change store.Change, err error) {
	w.Helper()
	if err != nil || change.Outcome != store.Applied {
		w.Fatalf("outcome %s, error %v", change.Outcome, err)
	}
}

func (w *world) expectJob(id string, status dffmpeg.JobStatus, reason string) {
	w.Helper()
	job, err := w.state.Job(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	if job.Status != status || !strings.Contains(job.Reason, reason) {
		w.Errorf("job is %s (%q), want %s (…%s…)", job.Status, job.Reason, status, reason)
	}
}

func (w *world) expectWorker(id string, status dffmpeg.WorkerStatus) {
	w.Helper()
	worker, err := w.state.Worker(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	if worker.Status != status {
		w.Errorf("worker is %s, want %s", worker.Status, status)
	}
}

func TestSilentWorkerGoesOffline(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	w.after(22 * time.Second)
	w.expectWorker("w1", dffmpeg.WorkerOnline)
	w.after(time.Second) // 23 s > 1.5 × 15 s
	w.expectWorker("w1", dffmpeg.WorkerOffline)
}

func TestWorkerThatNeverVerifiesGoesOffline(t *testing.T) {
	w := newWorld(t)
	w.register("w1")
	w.after(23 * time.Second)
	w.expectWorker("w1", dffmpeg.WorkerOffline)
}

// claim assigns a job to w1.
func (w *world) claim(id string) {
	w.Helper()
	job, err := w.state.Job(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	w.do(w.state.Claim(w.Context(), job, "w1"))
}

func TestUnacceptedOfferGoesBack(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.job(false)
	w.claim(id)
	w.after(10 * time.Second)
	w.expectJob(id, dffmpeg.JobAssigned, "")
	w.after(time.Second)
	w.expectJob(id, dffmpeg.JobPending, "w1 did not accept")
}

func TestWaitingJobFailsWithTheReason(t *testing.T) {
	w := newWorld(t)
	id, detached := w.awaited(), w.job(false)
	for range 3 {
		w.after(10 * time.Second)
		w.expectJob(id, dffmpeg.JobPending, "")
	}
	w.after(time.Second)
	w.expectJob(id, dffmpeg.JobFailed, "no worker is online")
	w.after(time.Hour)
	w.expectJob(detached, dffmpeg.JobPending, "")
}

// TestBusyIsNotAbsent: a job waits for as long as it takes while somebody qualifies, and
// from then on for the timeout.
func TestBusyIsNotAbsent(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.awaited()
	for range 60 {
		w.worker("w1")
		w.after(10 * time.Second)
	}
	if _, err := w.state.Deregister(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		w.after(10 * time.Second)
		w.expectJob(id, dffmpeg.JobPending, "")
	}
	w.worker("w1")
	w.after(time.Second) // it is there again: time begins anew
	if _, err := w.state.Deregister(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	w.after(10 * time.Second)
	late := w.awaited()
	w.after(10 * time.Second)
	w.after(19 * time.Second)
	w.expectJob(id, dffmpeg.JobPending, "")
	w.after(2 * time.Second)
	w.expectJob(id, dffmpeg.JobFailed, "no worker is online")
	w.expectJob(late, dffmpeg.JobFailed, "")
}

// TestOnlyTheOneThatLostIt: somebody waits for a job that the only worker lost, and may not
// have again because it may still run it.
func TestOnlyTheOneThatLostIt(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	change, err := w.state.Submit(t.Context(), dffmpeg.Job{
		RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 1000, Monitor: true,
		Retry: dffmpeg.RetryPolicy{MaxAttempts: 2, On: []string{dffmpeg.RetryLost}, Asked: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := change.Job.ID
	w.claim(id)
	w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))
	job, err := w.state.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.do(w.state.Lose(t.Context(), job, "silent"))
	for range 4 {
		w.worker("w1")
		w.after(10 * time.Second)
		w.expectJob(id, dffmpeg.JobPending, "")
	}
	w.worker("w1")
	w.after(time.Second)
	w.expectJob(id, dffmpeg.JobFailed, "only worker w1 could run it, which lost it and may still do so")
}

// TestQueueTimeout: a job waits for no longer than it says, whoever qualifies.
func TestQueueTimeout(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	var ids []string
	for range 100 {
		change, err := w.state.Submit(t.Context(), dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", QueueTimeout: 60})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, change.Job.ID)
	}
	w.after(time.Minute)
	w.expectJob(ids[0], dffmpeg.JobPending, "")
	w.after(time.Second)
	for _, id := range ids {
		w.expectJob(id, dffmpeg.JobFailed, "within its queue timeout of 1m0s")
	}
}

// TestRetryableAttempts: one that another may follow ends when its worker has stopped
// it, and not before.
func TestRetryableAttempts(t *testing.T) {
	for name, tt := range map[string]struct {
		capabilities []string
		asked        bool
		after        time.Duration // when it ends
		want         dffmpeg.JobStatus
	}{
		"leased":                     {[]string{dffmpeg.FeatureLease, dffmpeg.FeatureAttempt}, false, 315 * time.Second, dffmpeg.JobPending},
		"not leased":                 {nil, false, 10 * time.Second, dffmpeg.JobFailed},
		"not leased, but asked for":  {[]string{dffmpeg.FeatureAttempt}, true, 315 * time.Second, dffmpeg.JobPending},
		"leased to one that lost it": {[]string{dffmpeg.FeatureLease, dffmpeg.FeatureAttempt}, true, 315 * time.Second, dffmpeg.JobPending},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.state.Register(t.Context(), store.Registration{Token: "x", Worker: dffmpeg.Worker{
				ID: "w1", Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, Capabilities: tt.capabilities, RegistrationInterval: 86400,
			}})
			if err == nil {
				_, err = w.state.Verify(t.Context(), "w1", "x")
			}
			if err != nil {
				t.Fatal(err)
			}
			change, err := w.state.Submit(t.Context(), dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 4, Retry: dffmpeg.RetryPolicy{
				MaxAttempts: 2, On: []string{dffmpeg.RetryLost}, LostAfter: 300, Asked: tt.asked,
			}})
			if err != nil {
				t.Fatal(err)
			}
			id := change.Job.ID
			w.claim(id)
			w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))
			w.after(tt.after)
			w.expectJob(id, dffmpeg.JobRunning, "")
			w.after(time.Second)
			w.expectJob(id, tt.want, "Worker w1 was not heard from")
			if tt.want != dffmpeg.JobPending {
				return
			}
			w.claim(id)
			w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))
			w.after(11 * time.Second)
			w.expectJob(id, dffmpeg.JobFailed, "") // the last attempt is not waited for
		})
	}
}

func TestJobOfASilentWorkerFails(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.job(false)
	w.claim(id)
	w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))
	w.after(9 * time.Second)
	w.do(w.state.Renew(t.Context(), id, store.By{WorkerID: "w1"}))
	w.after(10 * time.Second)
	w.expectJob(id, dffmpeg.JobRunning, "")
	w.after(time.Second)
	w.expectJob(id, dffmpeg.JobFailed, "w1 was not heard from")
}

func TestCancelingJobOfASilentWorkerIsCanceled(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.job(false)
	w.claim(id)
	w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))
	w.do(w.state.Cancel(t.Context(), id, "c", ""))
	w.after(11 * time.Second)
	w.expectJob(id, dffmpeg.JobCanceled, "")
}

func TestUnattendedJobIsCanceled(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	waiting, running, detached := w.job(true), w.job(true), w.job(false)
	w.claim(running)
	w.do(w.state.Accept(t.Context(), running, store.By{WorkerID: "w1"}))
	w.now = w.now.Add(11 * time.Second)
	w.do(w.state.Renew(t.Context(), running, store.By{WorkerID: "w1"}))
	w.round()
	w.expectJob(waiting, dffmpeg.JobCanceled, "requester")
	w.expectJob(running, dffmpeg.JobCanceling, "requester")
	w.expectJob(detached, dffmpeg.JobPending, "")
}

// TestNobodyIsDeadBecauseTheCoordinatorWas: heartbeats that nobody could
// record are not missing.
func TestNobodyIsDeadBecauseTheCoordinatorWas(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.job(true)
	w.claim(id)
	w.do(w.state.Accept(t.Context(), id, store.By{WorkerID: "w1"}))

	w.now = w.now.Add(time.Hour) // the coordinator was away
	w.janitor = New(w.state, settings(), always, slog.New(slog.DiscardHandler))
	w.round()
	w.expectJob(id, dffmpeg.JobRunning, "")
	w.expectWorker("w1", dffmpeg.WorkerOnline)

	w.after(11 * time.Second) // but now it hears
	w.expectJob(id, dffmpeg.JobFailed, "")
}

// failingState fails as long as it is told to.
type failingState struct {
	*memory.State
	fail bool
}

func (f *failingState) Now(ctx context.Context) (time.Time, error) {
	if f.fail {
		return time.Time{}, errors.New("store is away")
	}
	return f.State.Now(ctx)
}

func TestStoreOutageDoesNotCountAsSilence(t *testing.T) {
	w := newWorld(t)
	state := &failingState{State: w.state}
	w.janitor = New(state, settings(), always, slog.New(slog.DiscardHandler))
	w.round()
	w.worker("w1")
	state.fail = true
	w.now = w.now.Add(time.Hour)
	if err := w.janitor.Round(t.Context(), dffmpeg.JanitorRunAll); err == nil {
		t.Fatal("a round without a store succeeded")
	}
	state.fail = false
	w.round()
	w.expectWorker("w1", dffmpeg.WorkerOnline)
}

func TestActionsSelectDuties(t *testing.T) {
	w := newWorld(t)
	w.worker("w1")
	id := w.awaited()
	w.now = w.now.Add(31 * time.Second)
	if err := w.janitor.Round(t.Context(), dffmpeg.JanitorCleanWorkers); err != nil {
		t.Fatal(err)
	}
	w.expectWorker("w1", dffmpeg.WorkerOffline)
	w.expectJob(id, dffmpeg.JobPending, "")
	if err := w.janitor.Round(t.Context(), dffmpeg.JanitorCleanJobs); err != nil {
		t.Fatal(err)
	}
	w.expectJob(id, dffmpeg.JobFailed, "")
}

func TestRunDoesRoundsAndHearsTriggers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		j := New(state, settings(), always, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- j.Run(ctx) }()
		synctest.Wait()
		time.Sleep(time.Millisecond)
		job, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 3600, Monitor: true})
		if err != nil {
			t.Fatal(err)
		}
		status := func() dffmpeg.JobStatus {
			got, err := state.Job(ctx, job.Job.ID)
			if err != nil {
				t.Fatal(err)
			}
			return got.Status
		}
		time.Sleep(30*time.Second + time.Millisecond)
		j.Trigger(dffmpeg.JanitorCleanWorkers)
		j.Trigger(dffmpeg.JanitorCleanJobs) // both wait: a full round
		synctest.Wait()
		if got := status(); got != dffmpeg.JobFailed {
			t.Errorf("job is %s after the trigger, want failed", got)
		}
		second, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 3600, Monitor: true})
		if err != nil {
			t.Fatal(err)
		}
		job = second
		time.Sleep(52 * time.Second) // an ordinary round comes by itself
		if got := status(); got != dffmpeg.JobFailed {
			t.Errorf("job is %s after the interval, want failed", got)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
}

// TestHistoryIsForgotten once it has been kept long enough, in every round that
// has something left to do, and else once a minute.
func TestHistoryIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.janitor.settings.Retention = Retention{Jobs: time.Hour}
	job := dffmpeg.Job{RequesterID: "alice", BinaryName: "ffmpeg", Transport: "http_polling"}
	submitted, err := w.state.Submit(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.state.Cancel(t.Context(), submitted.Job.ID, "alice", ""); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		_, err := w.state.Job(t.Context(), submitted.Job.ID)
		return dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound
	}
	w.after(time.Hour - 30*time.Second)
	if gone() {
		t.Error("a job was removed before its time")
	}
	w.after(31 * time.Second)
	if gone() {
		t.Error("history was looked at twice within a minute")
	}
	w.after(30 * time.Second)
	if !gone() {
		t.Error("a job is still there after its time")
	}
}

// TestOnlyTheOneOnDutyDoesRounds: another does one when it is asked, and counts
// silence anew when it takes over.
func TestOnlyTheOneOnDutyDoesRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		var onDuty atomic.Bool
		j := New(state, settings(), onDuty.Load, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- j.Run(ctx) }()
		job, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg", HeartbeatInterval: 3600, Monitor: true})
		if err != nil {
			t.Fatal(err)
		}
		check := func(when string, want dffmpeg.JobStatus) {
			t.Helper()
			synctest.Wait()
			if got, err := state.Job(ctx, job.Job.ID); err != nil || got.Status != want {
				t.Errorf("%s the job is %s (%v), want %s", when, got.Status, err, want)
			}
		}
		time.Sleep(10 * time.Minute)
		check("off duty", dffmpeg.JobPending)
		onDuty.Store(true)
		time.Sleep(time.Minute)
		check("on duty", dffmpeg.JobFailed)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	})
}
