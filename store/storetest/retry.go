package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// retrying submits a job that is tried three times.
func (w *world) retrying(on ...string) dffmpeg.Job {
	w.t.Helper()
	return w.demanding(func(job *dffmpeg.Job) {
		job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 3, Backoff: 10, On: on, LostAfter: 300}
	})
}

// start has b1 accept the job, and returns who it is.
func (w *world) start(id string) store.By {
	w.t.Helper()
	job := w.change(w.claim(id, b1)).Job
	by := store.By{WorkerID: b1, Attempt: job.Attempt}
	w.change(w.Accept(w.t.Context(), id, by))
	return by
}

// history renders what became of a job's attempts.
func history(job dffmpeg.Job) []string {
	list := []string{}
	for _, a := range job.Attempts {
		text := fmt.Sprintf("%d on %s: %s", a.Number, a.WorkerID, a.Outcome)
		if a.StartedAt == nil {
			text += ", not started"
		}
		if a.ExitCode != nil {
			text += fmt.Sprintf(", exit code %d", *a.ExitCode)
		}
		if a.Reason != "" {
			text += ", " + a.Reason
		}
		list = append(list, text)
	}
	return list
}

func (s *suite) testRetry(t *testing.T) {
	t.Run("lost", s.testRetryLost)
	t.Run("failed", s.testRetryFailed)
	t.Run("not accepted", s.testRetryUnaccepted)
	t.Run("leases", s.testAttemptLeases)
	for name, change := range map[string]func(*dffmpeg.Job){
		"a job without a policy":   func(*dffmpeg.Job) {},
		"a policy for other cases": func(job *dffmpeg.Job) { job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 3, On: []string{"1"}} },
		"a job that is tried once": func(job *dffmpeg.Job) {
			job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 1, On: []string{dffmpeg.RetryLost}}
		},
		"a job whose streams are relayed": func(job *dffmpeg.Job) {
			job.Stdio, job.Retry = dffmpeg.StdioOffered, dffmpeg.RetryPolicy{MaxAttempts: 3, On: []string{dffmpeg.RetryLost, dffmpeg.RetryFailed}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.world(t)
			able := announcement(b1, "able")
			able.Worker.Capabilities = []string{dffmpeg.FeatureStdio, dffmpeg.FeatureAttempt}
			must[store.Registered](t)(w.Register(t.Context(), able))
			must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "able"))
			job := w.demanding(change)
			w.start(job.ID)
			c := w.change(w.Lose(t.Context(), w.job(job.ID), "silent"))
			same(t, "fails when it is lost", lines(c.Messages), []string{"requester: failed", "b1: canceled"})
			same(t, "with the reason", c.Job.Reason, "silent")
			code := 3
			job = w.demanding(change)
			by := w.start(job.ID)
			c = w.change(w.Finish(t.Context(), job.ID, by, store.Result{Status: dffmpeg.JobFailed, ExitCode: &code}))
			same(t, "fails when its process does", c.Job.Status, dffmpeg.JobFailed)
		})
	}
	t.Run("canceling", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.retrying(dffmpeg.RetryLost, dffmpeg.RetryFailed)
		by := w.start(job.ID)
		w.change(w.Cancel(t.Context(), job.ID, alice, ""))
		lost := w.change(w.Lose(t.Context(), w.job(job.ID), "silent")).Job
		same(t, "a job that is being canceled is canceled when its worker is lost", lost.Status, dffmpeg.JobCanceled)
		outcome(t, "the worker's report comes late", store.Finished)(w.Finish(t.Context(), job.ID, by, store.Result{Status: dffmpeg.JobFailed}))
		again := w.retrying(dffmpeg.RetryFailed)
		by = w.start(again.ID)
		w.change(w.Cancel(t.Context(), again.ID, alice, ""))
		ended := w.change(w.Finish(t.Context(), again.ID, by, store.Result{Status: dffmpeg.JobFailed})).Job
		same(t, "and is not tried again", ended.Status, dffmpeg.JobFailed)
	})
	t.Run("Lose of what nobody has", func(t *testing.T) {
		w := s.world(t)
		_, err := w.Lose(t.Context(), w.submit(), "")
		coded(t, "Lose of a pending job", err, dffmpeg.CodeInvalid)
		_, err = w.Lose(t.Context(), dffmpeg.Job{ID: numbered(404), Status: dffmpeg.JobRunning}, "")
		coded(t, "Lose of an unknown job", err, dffmpeg.CodeNotFound)
		w.worker(b1)
		seen := w.running()
		w.change(w.Renew(t.Context(), seen.ID, by1))
		outcome(t, "Lose after a sign of life", store.Refused)(w.Lose(t.Context(), seen, ""))
		offer := w.assigned()
		same(t, "Lose of an offer takes it back", w.change(w.Lose(t.Context(), offer, "gone")).Job.Status, dffmpeg.JobPending)
	})
}

// testRetryLost: a lost attempt is followed by another, after a pause that grows, as
// often as the policy says.
func (s *suite) testRetryLost(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.retrying(dffmpeg.RetryLost)
	for i, pause := range []time.Duration{10 * time.Second, 20 * time.Second} {
		by := w.start(job.ID)
		w.change(w.AppendLogs(t.Context(), job.ID, by, 1, output(fmt.Sprint("attempt ", i+1))))
		c := w.change(w.Lose(t.Context(), w.job(job.ID), "silent"))
		same(t, "the requester is told, and the worker", lines(c.Messages), []string{"requester: pending", "b1: canceled"})
		same(t, "the record has the reason", c.Job.Reason, "silent")
		same(t, "the next attempt waits", c.Job.NotBefore, new(w.at(pause)))
		same(t, "it is stored", w.job(job.ID), c.Job)
		same(t, "it is in no queue while it waits", len(w.heads(9)), 0)
		same(t, "but counts", must[[]store.Depth](t)(w.Depths(t.Context()))[0].Jobs, 1)
		outcome(t, "Claim while it waits", store.Refused)(w.claim(job.ID, b1))
		outcome(t, "a late report of the lost attempt", store.Refused)(w.Finish(t.Context(), job.ID, by, store.Result{Status: dffmpeg.JobCompleted}))
		w.clock.advance(pause)
		same(t, "then it is in its queue", len(w.heads(9)), 1)
	}
	w.start(job.ID)
	ended := w.change(w.Lose(t.Context(), w.job(job.ID), "silent")).Job
	same(t, "the last attempt ends the job", ended.Status, dffmpeg.JobFailed)
	same(t, "each is recorded", history(w.job(job.ID)), []string{"1 on b1: lost, silent", "2 on b1: lost, silent", "3 on b1: lost, silent"})
	same(t, "and its output kept", w.logs(job.ID), []string{"attempt 1", "attempt 2"})
}

// testRetryFailed: a process that fails is started again if the policy names its exit
// code, or all.
func (s *suite) testRetryFailed(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	code := func(n int) *int { return &n }
	job := w.retrying("69", dffmpeg.RetryLost)
	by := w.start(job.ID)
	result := store.Result{Status: dffmpeg.JobFailed, ExitCode: code(69), Reason: "no device"}
	c := w.change(w.Finish(t.Context(), job.ID, by, result))
	same(t, "a failure that the policy names is tried again", lines(c.Messages), []string{"requester: pending, from b1"})
	same(t, "the record says why", []any{c.Job.Reason, c.Job.ExitCode, c.Job.NotBefore}, []any{"no device", (*int)(nil), new(w.at(10 * time.Second))})
	same(t, "nothing is left to acknowledge", lines(w.unacknowledged(dffmpeg.ToWorker(b1))), []string{})
	outcome(t, "the report once more", store.Repeated)(w.Finish(t.Context(), job.ID, by, result))
	w.clock.advance(10 * time.Second)
	by = w.start(job.ID)
	ended := w.change(w.Finish(t.Context(), job.ID, by, store.Result{Status: dffmpeg.JobFailed, ExitCode: code(1)})).Job
	same(t, "another one ends the job", ended.Status, dffmpeg.JobFailed)
	same(t, "each attempt is recorded", history(w.job(job.ID)),
		[]string{"1 on b1: failed, exit code 69, no device", "2 on b1: failed, exit code 1"})

	any := w.retrying(dffmpeg.RetryFailed)
	by = w.start(any.ID)
	same(t, "one that could not be started counts as failed",
		w.change(w.Finish(t.Context(), any.ID, by, store.Result{Status: dffmpeg.JobFailed})).Job.Status, dffmpeg.JobPending)
	w.clock.advance(time.Minute)
	by = w.start(any.ID)
	same(t, "one that completes does not",
		w.change(w.Finish(t.Context(), any.ID, by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: code(0)})).Job.Status, dffmpeg.JobCompleted)
}

// testRetryUnaccepted: a job that workers do not accept is offered again at once, then
// after longer and longer pauses, and as often as it takes.
func (s *suite) testRetryUnaccepted(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.retrying()
	for i, pause := range []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		claimed := w.change(w.claim(job.ID, b1)).Job
		back := claimed
		if i%2 == 0 {
			back = w.change(w.Reject(t.Context(), job.ID, by1)).Job
		} else {
			back = w.change(w.Requeue(t.Context(), claimed, "slow")).Job
		}
		var want *time.Time
		if pause > 0 {
			want = new(w.at(pause))
		}
		same(t, fmt.Sprintf("pause %d", i+1), back.NotBefore, want)
		w.clock.advance(pause)
	}
	same(t, "each is recorded", history(w.job(job.ID))[:2], []string{"1 on b1: refused, not started", "2 on b1: withdrawn, not started, slow"})
	w.start(job.ID)
	same(t, "none of them counts", started(w.job(job.ID)), 1)
	for range 2 * dffmpeg.AttemptsKept {
		job := w.retrying()
		w.clock.advance(time.Minute)
		w.change(w.claim(job.ID, b1))
	}
	for range dffmpeg.AttemptsKept {
		if w.job(job.ID).Status == dffmpeg.JobRunning {
			w.change(w.Requeue(t.Context(), w.job(job.ID), ""))
		} else {
			w.change(w.Reject(t.Context(), job.ID, by1))
		}
		w.clock.advance(time.Minute)
		w.change(w.claim(job.ID, b1))
	}
	kept := w.job(job.ID)
	same(t, "the number of records is bounded", len(kept.Attempts), dffmpeg.AttemptsKept)
	same(t, "what was started is kept longest", kept.Started(), 1)
}

// testAttemptLeases: an attempt that another may follow is leased to a worker that keeps to it.
func (s *suite) testAttemptLeases(t *testing.T) {
	w := s.world(t)
	able := announcement(b1, "able")
	able.Worker.Capabilities = []string{dffmpeg.FeatureLease, dffmpeg.FeatureAttempt}
	must[store.Registered](t)(w.Register(t.Context(), able))
	must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "able"))
	w.worker(b2)
	job := w.retrying(dffmpeg.RetryLost)
	for i, attempt := range []struct {
		worker string
		want   int
	}{{b2, 0}, {b1, 300}, {b1, 0}} {
		c := w.change(w.claim(job.ID, attempt.worker))
		same(t, fmt.Sprintf("lease of attempt %d", i+1), payload[dffmpeg.JobRequest](c.Messages[1]).LostAfter, attempt.want)
		same(t, "the record says so", c.Job.CurrentAttempt().Leased, attempt.want > 0)
		w.change(w.Accept(t.Context(), job.ID, store.By{WorkerID: attempt.worker}))
		w.change(w.Lose(t.Context(), w.job(job.ID), ""))
		w.clock.advance(time.Minute)
	}
}

// testTrouble: a worker that fails jobs which others complete is set aside until it has
// proven itself.
func (s *suite) testTrouble(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	w.worker(b2)
	fail := func(change ...func(*dffmpeg.Job)) string {
		job := w.demanding(func(job *dffmpeg.Job) {
			job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 5, On: []string{dffmpeg.RetryFailed}}
			for _, f := range change {
				f(job)
			}
		})
		w.change(w.Finish(t.Context(), job.ID, w.start(job.ID), store.Result{Status: dffmpeg.JobFailed}))
		return job.ID
	}
	complete := func(id, worker string) {
		w.change(w.claim(id, worker))
		w.change(w.Finish(t.Context(), id, store.By{WorkerID: worker}, store.Result{Status: dffmpeg.JobCompleted}))
	}
	trouble := func() *dffmpeg.Trouble { return must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)).Trouble }
	first, second, third := fail(), fail(), fail()
	same(t, "a failure alone says nothing of a worker", trouble(), (*dffmpeg.Trouble)(nil))
	complete(first, b2)
	complete(second, b2)
	same(t, "a job that another completes does", trouble(), &dffmpeg.Trouble{Jobs: []string{first, second}})
	complete(fail(light), b2)
	same(t, "but not a light one", len(trouble().Jobs), 2)
	ownID := fail()
	complete(ownID, b1)
	same(t, "a job that it completes itself ends the trouble", trouble(), (*dffmpeg.Trouble)(nil))

	complete(third, b2)
	same(t, "what failed before that is forgotten", trouble(), (*dffmpeg.Trouble)(nil))

	w.clock.advance(time.Second)
	others := []string{fail(), fail(), fail()}
	extra := fail()
	for _, id := range others {
		complete(id, b2)
	}
	since, until := w.at(0), w.at(5*time.Minute)
	aside := &dffmpeg.Trouble{Jobs: others, Since: &since, Until: &until, Times: 1}
	same(t, "the third one sets it aside", trouble(), aside)
	same(t, "everybody sees it", must[[]dffmpeg.Worker](t)(w.ListWorkers(t.Context(), 0))[0].Trouble, aside)
	outcome(t, "Claim for it", store.Refused)(w.claim(w.submit().ID, b1))
	w.clock.advance(5 * time.Minute)
	aside.OnTrial = true
	same(t, "after a while it is on trial", trouble(), aside)
	w.worker(b1)
	same(t, "also when it registers", trouble(), aside)
	trial := w.change(w.claim(w.demanding(func(job *dffmpeg.Job) {
		job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 5, On: []string{dffmpeg.RetryFailed}}
	}).ID, b1)).Job
	outcome(t, "with one job at a time", store.Refused)(w.claim(w.submit().ID, b1))
	outcome(t, "of any sort", store.Refused)(w.claim(w.demanding(light).ID, b1))
	w.change(w.Finish(t.Context(), trial.ID, by1, store.Result{Status: dffmpeg.JobFailed}))
	complete(trial.ID, b2)
	until = w.at(10 * time.Minute)
	since = w.at(0)
	want := &dffmpeg.Trouble{Jobs: []string{others[1], others[2], trial.ID}, Since: &since, Until: &until, Times: 2}
	same(t, "if that fails, too, it is set aside for longer", trouble(), want)
	complete(extra, b2)
	same(t, "what failed before then does not prolong that", trouble().Until, want.Until, cmp.AllowUnexported())
	w.clock.advance(10 * time.Minute)
	complete(w.submit().ID, b1)
	same(t, "a job on trial that completes ends it", trouble(), (*dffmpeg.Trouble)(nil))
}

// testTroubleOfLosses: what a worker loses by one event counts as one job.
func (s *suite) testTroubleOfLosses(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	w.worker(b2)
	var all []string
	for range 4 {
		for range 3 {
			job := w.retrying(dffmpeg.RetryLost)
			w.start(job.ID)
			w.change(w.Lose(t.Context(), w.job(job.ID), "restarted"))
			all = append(all, job.ID)
			w.clock.advance(time.Second)
		}
		w.clock.advance(time.Hour)
	}
	for i, id := range all[:9] {
		job := w.change(w.claim(id, b2)).Job
		w.change(w.Finish(t.Context(), id, store.By{WorkerID: b2, Attempt: job.Attempt}, store.Result{Status: dffmpeg.JobCompleted}))
		worker := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
		same(t, fmt.Sprintf("jobs that count after %d", i+1), len(worker.Trouble.Jobs), i/3+1)
		same(t, "three restarts set it aside", worker.Trouble.SetAside(), i >= 6)
	}
}

// testOlderWorkers: a worker that knows nothing of attempts does not get a job again that
// it may still run, or whose failure it may report once more.
func (s *suite) testOlderWorkers(t *testing.T) {
	older := func(w *world, id string) {
		old := announcement(id, "old")
		old.Worker.Capabilities = nil
		must[store.Registered](t)(w.Register(t.Context(), old))
		must[dffmpeg.Worker](t)(w.Verify(t.Context(), id, "old"))
	}
	t.Run("lost", func(t *testing.T) {
		w := s.world(t)
		older(w, b1)
		w.worker(b2)
		job := w.retrying(dffmpeg.RetryLost)
		w.start(job.ID)
		w.change(w.Lose(t.Context(), w.job(job.ID), "silent"))
		w.clock.advance(time.Hour)
		outcome(t, "Claim for the one that lost it", store.Refused)(w.claim(job.ID, b1))
		w.change(w.claim(job.ID, b2))
	})
	t.Run("failed", func(t *testing.T) {
		w := s.world(t)
		older(w, b1)
		job := w.retrying(dffmpeg.RetryFailed)
		w.start(job.ID)
		w.change(w.Finish(t.Context(), job.ID, store.By{WorkerID: b1}, store.Result{Status: dffmpeg.JobFailed}))
		w.clock.advance(34 * time.Second)
		outcome(t, "Claim while it may repeat its report", store.Refused)(w.claim(job.ID, b1))
		w.clock.advance(time.Second)
		w.change(w.claim(job.ID, b1))
	})
	t.Run("not accepted", func(t *testing.T) {
		w := s.world(t)
		older(w, b1)
		c := w.change(w.claim(w.submit().ID, b1))
		if err := w.MarkSent(t.Context(), dffmpeg.ToWorker(b1), c.Messages[1].Seq); err != nil {
			t.Fatal(err)
		}
		back := w.change(w.Requeue(t.Context(), c.Job, "not accepted"))
		same(t, "it is told first", lines(back.Messages), []string{"requester: pending", "b1: canceled"})
		same(t, "and alone", back.Job.NotBefore, new(w.at(time.Second)))
		unsent := w.change(w.claim(w.submit().ID, b1))
		same(t, "what was never sent may begin at once", w.change(w.Requeue(t.Context(), unsent.Job, "")).Job.NotBefore, (*time.Time)(nil))
	})
}

func started(job dffmpeg.Job) int { return job.Started() }
