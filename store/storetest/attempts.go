package storetest

import (
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// testAttempts: reports of an older attempt change nothing, also when the same
// worker has the job again.
func (s *suite) testAttempts(t *testing.T) {
	for name, second := range map[string]string{"same worker": b1, "another worker": b2} {
		t.Run(name, func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			w.worker(b2)
			lost := w.running()
			w.change(w.Requeue(t.Context(), lost, "lost"))
			job := w.change(w.claim(lost.ID, second)).Job
			same(t, "each assignment is an attempt", job.Attempt, 2)
			old, current := store.By{WorkerID: b1, Attempt: 1}, store.By{WorkerID: second, Attempt: 2}

			fenced := func(when string) {
				before := w.job(job.ID)
				outcome(t, "Accept of the old attempt "+when, store.Refused)(w.Accept(t.Context(), job.ID, old))
				outcome(t, "Reject of the old attempt "+when, store.Refused)(w.Reject(t.Context(), job.ID, old))
				outcome(t, "Finish of the old attempt "+when, store.Refused)(w.Finish(t.Context(), job.ID, old, store.Result{Status: dffmpeg.JobFailed}))
				outcome(t, "AppendLogs of the old attempt "+when, store.Refused)(w.AppendLogs(t.Context(), job.ID, old, 0, output("late")))
				renewed := outcome(t, "Renew of the old attempt "+when, store.Refused)(w.Renew(t.Context(), job.ID, old))
				same(t, "the old attempt's worker is told to stop", lines(renewed.Messages), []string{"b1: canceled"})
				for _, m := range renewed.Messages {
					same(t, "the message names the attempt to stop", payload[dffmpeg.JobStatusChange](m).Attempt, 1)
				}
				same(t, "reports of an old attempt change nothing "+when, w.job(job.ID), before)
			}
			fenced("while assigned")
			w.change(w.Accept(t.Context(), job.ID, current))
			fenced("while running")
			w.change(w.Finish(t.Context(), job.ID, current, store.Result{Status: dffmpeg.JobCompleted}))
			fenced("when completed")
			same(t, "no output of an old attempt is stored", len(w.logs(job.ID)), 0)
		})
	}
	t.Run("current when not named", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.change(w.claim(w.change(w.Requeue(t.Context(), w.assigned(), "")).Job.ID, b1)).Job
		w.change(w.Accept(t.Context(), job.ID, store.By{WorkerID: b1}))
		w.change(w.AppendLogs(t.Context(), job.ID, store.By{WorkerID: b1}, 0, output("x")))
		w.change(w.Finish(t.Context(), job.ID, store.By{WorkerID: b1}, store.Result{Status: dffmpeg.JobFailed}))
	})
	t.Run("is told", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		c := w.change(w.claim(w.change(w.Requeue(t.Context(), w.assigned(), "")).Job.ID, b1))
		same(t, "messages of a claim", lines(c.Messages), []string{"requester: assigned", "b1: job_request"})
		same(t, "job_status carries the attempt", payload[dffmpeg.JobStatusChange](c.Messages[0]).Attempt, 2)
		same(t, "job_request carries the attempt", payload[dffmpeg.JobRequest](c.Messages[1]).Attempt, 2)
	})
}
