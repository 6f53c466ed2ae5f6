package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testSubmit(t *testing.T) {
	t.Run("fills in the record", func(t *testing.T) {
		w := s.world(t)
		begin, draft := w.now(), w.draft()
		draft.Monitor = true
		dir := "$Media/dir"
		draft.WorkingDirectory = &dir
		draft.IdempotencyKey = "k"
		change := w.change(w.Submit(t.Context(), draft))
		same(t, "Submit keeps what the caller filled in", change.Job, draft,
			cmpopts.IgnoreFields(dffmpeg.Job{}, "Status", "CreatedAt", "LastUpdate", "ClientLastSeen", "Version"))
		same(t, "a new job is pending", change.Job.Status, dffmpeg.JobPending)
		same(t, "no message announces a submission", lines(change.Messages), []string{})
		same(t, "the record can be read back", w.job(draft.ID), change.Job)
		w.isNow("CreatedAt", &change.Job.CreatedAt, begin)
		w.isNow("LastUpdate", &change.Job.LastUpdate, begin)
		w.isNow("ClientLastSeen", change.Job.ClientLastSeen, begin)
	})
	t.Run("ignores what is not the caller's to say", func(t *testing.T) {
		w := s.world(t)
		draft, code, worker := w.draft(), 3, b1
		draft.Status, draft.Attempt, draft.Version = dffmpeg.JobCompleted, 9, 9
		draft.ExitCode, draft.WorkerID = &code, &worker
		job := w.change(w.Submit(t.Context(), draft)).Job
		if job.Status != dffmpeg.JobPending || job.Attempt != 0 || job.ExitCode != nil || job.WorkerID != nil {
			t.Errorf("a new job is pending and without worker, attempt or exit code, got %+v", job)
		}
	})
	t.Run("makes an ID", func(t *testing.T) {
		w := s.world(t)
		draft := w.draft()
		draft.ID = ""
		if id := w.change(w.Submit(t.Context(), draft)).Job.ID; !dffmpeg.ValidID(id) {
			t.Errorf("the store makes an ID when there is none, got %q", id)
		}
	})
	t.Run("refuses an ID that exists", func(t *testing.T) {
		w := s.world(t)
		first := w.submit()
		again := w.draft()
		again.ID, again.BinaryName = first.ID, "ffprobe"
		_, err := w.Submit(t.Context(), again)
		coded(t, "an ID that exists is a conflict", err, dffmpeg.CodeConflict)
		same(t, "a refused submission changes nothing", w.job(first.ID), first)
	})
	t.Run("idempotency key", s.testIdempotency)
}

func (s *suite) testIdempotency(t *testing.T) {
	w := s.world(t)
	keyed := func(requester, key string) dffmpeg.Job {
		draft := w.draft()
		draft.RequesterID, draft.IdempotencyKey = requester, key
		return draft
	}
	first := w.change(w.Submit(t.Context(), keyed(alice, "Key"))).Job
	again := outcome(t, "the same requester and key", store.Repeated)(w.Submit(t.Context(), keyed(alice, "Key")))
	same(t, "a repeated submission returns the first job", again.Job, first)
	w.change(w.Cancel(t.Context(), first.ID, alice, ""))
	again = outcome(t, "the same key after the job ended", store.Repeated)(w.Submit(t.Context(), keyed(alice, "Key")))
	same(t, "the first job is returned as it is now", again.Job, w.job(first.ID))
	repeated := keyed(alice, "Key")
	repeated.ID = first.ID
	outcome(t, "the same key and the same ID", store.Repeated)(w.Submit(t.Context(), repeated))

	for _, other := range []dffmpeg.Job{keyed("bob", "Key"), keyed(alice, "key"), keyed(alice, ""), keyed(alice, "")} {
		outcome(t, "another requester, a key in another case, or none", store.Applied)(w.Submit(t.Context(), other))
	}
}
