package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testAccept(t *testing.T) {
	t.Run("record", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		before, begin := w.assigned(), w.now()
		job := w.change(w.Accept(t.Context(), before.ID, by1)).Job
		want := before
		want.Status, want.Version = dffmpeg.JobRunning, before.Version+1
		same(t, "Accept makes the job run and raises Version", job, want, cmpopts.IgnoreFields(dffmpeg.Job{}, "LastUpdate", "WorkerLastSeen", "Attempts"))
		w.isNow("LastUpdate", &job.LastUpdate, begin)
		w.isNow("WorkerLastSeen", job.WorkerLastSeen, begin)
	})
	t.Run("again", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		running, begin := w.running(), w.now()
		again := w.change(w.Accept(t.Context(), running.ID, by1)).Job
		w.isNow("WorkerLastSeen", again.WorkerLastSeen, begin)
		running.Version++
		same(t, "an accept that is repeated is a sign of life and no more", again, running, cmpopts.IgnoreFields(dffmpeg.Job{}, "WorkerLastSeen"))
	})
	t.Run("acknowledges the job_request", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		other := w.assigned()
		w.running()
		left := w.unacknowledged(dffmpeg.ToWorker(b1))
		same(t, "only the other job's job_request is not acknowledged", lines(left), []string{"b1: job_request"})
		same(t, "it is the other job's", *left[0].JobID, other.ID)
		same(t, "what is acknowledged counts as sent", len(w.unsent(dffmpeg.ToWorker(b1))), 1)
	})
	t.Run("Reject acknowledges the job_request", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		before := w.assigned()
		job := w.change(w.Reject(t.Context(), before.ID, by1)).Job
		same(t, "Reject keeps the worker, so that another is chosen", job.Worker(), b1)
		same(t, "Reject keeps the attempt's number", job.Attempt, 1)
		same(t, "nothing is left to acknowledge", lines(w.unacknowledged(dffmpeg.ToWorker(b1))), []string{})
	})
	t.Run("Renew", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		before, begin := w.running(), w.now()
		job := w.change(w.Renew(t.Context(), before.ID, by1)).Job
		want := before
		want.Version++
		same(t, "Renew changes WorkerLastSeen only, and raises Version", job, want, cmpopts.IgnoreFields(dffmpeg.Job{}, "WorkerLastSeen"))
		w.isNow("WorkerLastSeen", job.WorkerLastSeen, begin)
	})
	t.Run("unknown job", func(t *testing.T) {
		w := s.world(t)
		_, err := w.Accept(t.Context(), numbered(404), by1)
		coded(t, "Accept of an unknown job", err, dffmpeg.CodeNotFound)
		_, err = w.Reject(t.Context(), numbered(404), by1)
		coded(t, "Reject of an unknown job", err, dffmpeg.CodeNotFound)
		_, err = w.Renew(t.Context(), numbered(404), by1)
		coded(t, "Renew of an unknown job", err, dffmpeg.CodeNotFound)
	})
}

func (s *suite) testFinish(t *testing.T) {
	code := func(n int) *int { return &n }
	t.Run("record", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		for _, result := range []store.Result{
			{Status: dffmpeg.JobCompleted, ExitCode: code(0)},
			{Status: dffmpeg.JobFailed, ExitCode: code(187), Reason: "No such file: ✗"},
			{Status: dffmpeg.JobFailed, ExitCode: code(-9)},
			{Status: dffmpeg.JobCanceled},
		} {
			before, begin := w.running(), w.now()
			c := w.change(w.Finish(t.Context(), before.ID, by1, result))
			want := before
			want.Status, want.ExitCode, want.Reason, want.Version = result.Status, result.ExitCode, result.Reason, before.Version+1
			same(t, "Finish stores the result; exit code 0 is not null", c.Job, want,
				cmpopts.IgnoreFields(dffmpeg.Job{}, "LastUpdate", "WorkerLastSeen", "Attempts"))
			same(t, "the result can be read back", w.job(before.ID), c.Job)
			same(t, "the requester is told the result", payload[dffmpeg.JobStatusChange](c.Messages[0]), dffmpeg.NewJobStatusChange(&c.Job))
			w.isNow("LastUpdate", &c.Job.LastUpdate, begin)
			outcome(t, "the same report once more", store.Repeated)(w.Finish(t.Context(), before.ID, by1, result))
			outcome(t, "another report when the job ended", store.Finished)(w.Finish(t.Context(), before.ID, by1,
				store.Result{Status: opposite(c.Job.Status)}))
		}
	})
	t.Run("acknowledges all messages about the job", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job, other := w.canceling(), w.canceling()
		w.change(w.Renew(t.Context(), job.ID, by1))
		w.change(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobCanceled}))
		left := w.unacknowledged(dffmpeg.ToWorker(b1))
		same(t, "the final status acknowledges this job's messages, no other's", lines(left), []string{"b1: canceling, from alice"})
		same(t, "what is left is the other job's", *left[0].JobID, other.ID)
	})
	t.Run("acknowledges a job_request never accepted", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		w.change(w.Finish(t.Context(), w.assigned().ID, by1, store.Result{Status: dffmpeg.JobFailed}))
		same(t, "nothing is left to acknowledge", lines(w.unacknowledged(dffmpeg.ToWorker(b1))), []string{})
	})
	t.Run("with the last output", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		w.change(w.AppendLogs(t.Context(), job.ID, by1, 1, output("one")))
		result := store.Result{Status: dffmpeg.JobCompleted, ExitCode: code(0), Batch: 2, Output: output("two", "three")}
		c := w.change(w.Finish(t.Context(), job.ID, by1, result))
		same(t, "output is announced before the status", lines(c.Messages),
			[]string{"requester: job_logs, from b1", "requester: completed, from b1"})
		same(t, "it is stored behind what was there", w.logs(job.ID), []string{"one", "two", "three"})
		again := outcome(t, "the same report once more", store.Repeated)(w.Finish(t.Context(), job.ID, by1, result))
		same(t, "a report that is repeated announces nothing", lines(again.Messages), []string{})
		same(t, "nor does it store output again", w.logs(job.ID), []string{"one", "two", "three"})
	})
	t.Run("with output that was stored before", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		w.change(w.AppendLogs(t.Context(), job.ID, by1, 1, output("one")))
		c := w.change(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobFailed, Batch: 1, Output: output("one")}))
		same(t, "only the status is announced", lines(c.Messages), []string{"requester: failed, from b1"})
		same(t, "output is stored once", w.logs(job.ID), []string{"one"})
	})
	t.Run("with output, after the end", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		w.change(w.Conclude(t.Context(), job, dffmpeg.JobFailed, "silent for too long"))
		late := store.Result{Status: dffmpeg.JobCompleted, ExitCode: code(0), Batch: 1, Output: output("last words")}
		outcome(t, "a report after the end", store.Finished)(w.Finish(t.Context(), job.ID, by1, late))
		same(t, "its output is kept", w.logs(job.ID), []string{"last words"})
		same(t, "its status is not", w.job(job.ID).Status, dffmpeg.JobFailed)
		outcome(t, "a report of another's", store.Refused)(w.Finish(t.Context(), job.ID, store.By{WorkerID: b2}, late))
		same(t, "output of another's is not kept", w.logs(job.ID), []string{"last words"})
	})
	t.Run("unknown job", func(t *testing.T) {
		w := s.world(t)
		_, err := w.Finish(t.Context(), numbered(404), by1, store.Result{Status: dffmpeg.JobFailed})
		coded(t, "Finish of an unknown job", err, dffmpeg.CodeNotFound)
	})
}

// opposite returns another terminal status.
func opposite(status dffmpeg.JobStatus) dffmpeg.JobStatus {
	if status == dffmpeg.JobFailed {
		return dffmpeg.JobCompleted
	}
	return dffmpeg.JobFailed
}
