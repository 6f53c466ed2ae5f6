package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// old returns a job that ended elsewhere, with everything that a job can have.
func (w *world) old(status dffmpeg.JobStatus) dffmpeg.Job {
	job := w.draft()
	dir, worker, code := "$Media/it's 🎬", "a worker of old", 187
	day := time.Date(2024, 3, 31, 2, 30, 0, 123456000, time.UTC)
	seen, attended := day.Add(time.Hour), day.Add(2*time.Hour)
	job.Status, job.ExitCode, job.WorkerID, job.WorkingDirectory = status, &code, &worker, &dir
	job.CreatedAt, job.LastUpdate = day, day.Add(3*time.Hour)
	job.WorkerLastSeen, job.ClientLastSeen = &seen, &attended
	job.Monitor, job.Attempt, job.Version, job.Reason = true, 2, 9, "the reason of then"
	job.Segments = twoForms()
	job.Environment = map[string]string{"AMD_DEBUG": "x"}
	job.Warnings, job.Umask = []string{"é 🎬"}, umask(0o27)
	job.Arguments = []string{"-i", "é 🎬\x00\n", ""}
	job.TransportMetadata = map[string]any{"path": "/poll", "_private": true, "nested": []any{"a", 1.5, nil}}
	return job
}

// restored fails unless Restore added so many jobs.
func (w *world) restored(want int, jobs ...dffmpeg.Job) {
	w.t.Helper()
	same(w.t, "Restore says how many jobs it added", must[int](w.t)(w.Restore(w.t.Context(), jobs)), want)
}

func (s *suite) testRestore(t *testing.T) {
	t.Run("as given", s.testRestoreAsGiven)
	t.Run("again", s.testRestoreAgain)
	t.Run("refused", s.testRestoreRefused)
	t.Run("keys", s.testRestoreKeys)
	t.Run("afterwards", s.testRestoreAfterwards)
	t.Run("by several at once", s.testRestoreAtOnce)
}

func (s *suite) testRestoreAsGiven(t *testing.T) {
	w := s.world(t)
	for _, status := range []dffmpeg.JobStatus{dffmpeg.JobCompleted, dffmpeg.JobFailed, dffmpeg.JobCanceled} {
		job := w.old(status)
		w.restored(1, job)
		same(t, "a restored job is as it was given", w.job(job.ID), job)
		same(t, "nobody is told", lines(w.all(job.Requester())), []string{})
		same(t, "it has no output", w.logs(job.ID), []string(nil))
	}
	bare := dffmpeg.Job{
		ID: w.ids.NewID(time.Time{}), RequesterID: alice, Status: dffmpeg.JobFailed,
		CreatedAt: time.Date(2024, 1, 1, 1, 0, 0, 123456789, time.FixedZone("elsewhere", 60*60)), LastUpdate: time.Unix(1, 0),
	}
	w.restored(1, bare)
	want := bare
	want.Arguments, want.Paths, want.TransportMetadata, want.Version = []string{}, []string{}, map[string]any{}, 1
	want.CreatedAt, want.LastUpdate = time.Date(2024, 1, 1, 0, 0, 0, 123456000, time.UTC), time.Unix(1, 0).UTC()
	same(t, "what is absent is empty, times are UTC", w.job(bare.ID), want)
	given := w.old(dffmpeg.JobCompleted)
	w.restored(1, given)
	before := w.job(given.ID)
	spoil(&given)
	same(t, "changing a job that was given changes nothing", w.job(before.ID), before)
	w.restored(0)
}

func (s *suite) testRestoreAgain(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	first, second, third := w.old(dffmpeg.JobCompleted), w.old(dffmpeg.JobFailed), w.old(dffmpeg.JobCanceled)
	w.restored(2, first, second, first)
	changed := first
	changed.Status, changed.Reason = dffmpeg.JobFailed, "another one"
	w.restored(1, changed, second, third)
	same(t, "a job that exists stays as it is", w.job(first.ID), first)
	same(t, "the others are added", w.job(third.ID), third)
	running := w.running()
	first.ID = running.ID
	w.restored(0, first)
	same(t, "also one that runs here", w.job(running.ID), running)
}

func (s *suite) testRestoreRefused(t *testing.T) {
	w := s.world(t)
	good := w.old(dffmpeg.JobCompleted)
	for name, spoil := range map[string]func(*dffmpeg.Job){
		"pending":      func(j *dffmpeg.Job) { j.Status = dffmpeg.JobPending },
		"assigned":     func(j *dffmpeg.Job) { j.Status = dffmpeg.JobAssigned },
		"running":      func(j *dffmpeg.Job) { j.Status = dffmpeg.JobRunning },
		"canceling":    func(j *dffmpeg.Job) { j.Status = dffmpeg.JobCanceling },
		"unknown":      func(j *dffmpeg.Job) { j.Status = "done" },
		"no ID":        func(j *dffmpeg.Job) { j.ID = "" },
		"no requester": func(j *dffmpeg.Job) { j.RequesterID = "" },
		"no start":     func(j *dffmpeg.Job) { j.CreatedAt = time.Time{} },
		"no end":       func(j *dffmpeg.Job) { j.LastUpdate = time.Time{} },
	} {
		bad := w.old(dffmpeg.JobCompleted)
		spoil(&bad)
		added, err := w.Restore(t.Context(), []dffmpeg.Job{good, bad})
		coded(t, "Restore of a job that is "+name, err, dffmpeg.CodeInvalid)
		same(t, "then it adds none", added, 0)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Restore(done, []dffmpeg.Job{good})
	coded(t, "Restore with a context that is done", err, dffmpeg.CodeUnavailable)
	_, err = w.Job(t.Context(), good.ID)
	coded(t, "a job beside one that was refused", err, dffmpeg.CodeNotFound)
}

func (s *suite) testRestoreKeys(t *testing.T) {
	w := s.world(t)
	first, second := w.old(dffmpeg.JobCompleted), w.old(dffmpeg.JobCompleted)
	first.IdempotencyKey, second.IdempotencyKey = "key", "key"
	w.restored(2, first, second)
	draft := w.draft()
	draft.IdempotencyKey = "key"
	repeated := outcome(t, "a submission with the key of a restored job", store.Repeated)(w.Submit(t.Context(), draft))
	same(t, "it is that job", repeated.Job.ID, first.ID)
	same(t, "a second job with the key is stored without", w.job(second.ID).IdempotencyKey, "")
}

// testRestoreAfterwards: a restored job is one like any other that ended.
func (s *suite) testRestoreAfterwards(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.old(dffmpeg.JobCompleted)
	w.restored(1, job)
	same(t, "it is among those that ended", ids(must[[]dffmpeg.Job](t)(w.Active(t.Context(), 0, dffmpeg.JobCompleted))), []string{job.ID})
	same(t, "not among those that are active", ids(must[[]dffmpeg.Job](t)(w.Active(t.Context(), 0))), []string{})
	outcome(t, "Cancel of a restored job", store.Finished)(w.Cancel(t.Context(), job.ID, alice, ""))
	asked := outcome(t, "Attend to a restored job", store.Finished)(w.Attend(t.Context(), job.ID, nil))
	same(t, "its requester is told on request", lines(asked.Messages), []string{"requester: completed"})
	same(t, "and finds that", lines(w.unsent(job.Requester())), []string{"requester: completed"})
	outcome(t, "Finish of a restored job by another worker", store.Refused)(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobFailed}))
}

func (s *suite) testRestoreAtOnce(t *testing.T) {
	w := s.world(t)
	const callers, count = 4, 20
	jobs := make([]dffmpeg.Job, count)
	for i := range jobs {
		jobs[i] = w.old(dffmpeg.JobCompleted)
	}
	var all sync.WaitGroup
	added := make([]int, callers)
	for i := range callers {
		all.Go(func() {
			var err error
			if added[i], err = w.Restore(t.Context(), jobs); err != nil {
				t.Errorf("Restore beside others: %v", err)
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range added {
		total += n
	}
	same(t, "every job is added once", total, count)
}
