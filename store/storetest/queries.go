package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func ids(jobs []dffmpeg.Job) []string {
	list := []string{}
	for _, job := range jobs {
		list = append(list, job.ID)
	}
	return list
}

func (s *suite) testQueries(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	w.worker(b2)
	pending := w.submit()
	assigned := w.assigned()
	running := w.running()
	canceling := w.canceling()
	ended := w.ended(dffmpeg.JobCompleted)
	draft := w.draft()
	draft.RequesterID, draft.BinaryName = "bob", "ffprobe"
	w.change(w.Submit(t.Context(), draft))
	bobs := w.change(w.claim(draft.ID, b2)).Job
	returned := w.change(w.Reject(t.Context(), w.assigned().ID, by1)).Job

	list := func(query store.JobQuery) []string {
		return ids(must[[]dffmpeg.Job](t)(w.List(t.Context(), query)))
	}
	same(t, "List returns everybody's jobs, newest first", list(store.JobQuery{Window: time.Hour}),
		ids([]dffmpeg.Job{returned, bobs, ended, canceling, running, assigned, pending}))
	same(t, "List of one requester", list(store.JobQuery{Requester: "bob", Window: time.Hour}), []string{bobs.ID})
	same(t, "List pages by Before", list(store.JobQuery{Requester: alice, Window: time.Hour, Before: canceling.ID, Limit: 2}),
		[]string{running.ID, assigned.ID})
	same(t, "List of nobody's", list(store.JobQuery{Requester: "nobody", Window: time.Hour}), []string{})
	got := must[[]dffmpeg.Job](t)(w.List(t.Context(), store.JobQuery{Requester: "bob"}))
	same(t, "List returns whole records", got, []dffmpeg.Job{bobs})

	active := func(limit int, statuses ...dffmpeg.JobStatus) []string {
		return ids(must[[]dffmpeg.Job](t)(w.Active(t.Context(), limit, statuses...)))
	}
	same(t, "Active returns what has not ended, oldest first", active(0),
		ids([]dffmpeg.Job{pending, assigned, running, canceling, bobs, returned}))
	same(t, "Active of some statuses", active(0, dffmpeg.JobPending, dffmpeg.JobRunning), []string{pending.ID, running.ID, returned.ID})
	same(t, "Active with a limit returns the oldest", active(1, dffmpeg.JobPending), []string{pending.ID})

	same(t, "Loads counts jobs in a worker's hands, not those it gave back or ended",
		w.loads(), map[string]int{b1: 3, b2: 1})

	want := dffmpeg.MetricsAnswer{
		Total: dffmpeg.JobCounts{Current: 6, Last1m: 7, Last5m: 7},
		PerBinary: map[string]dffmpeg.JobCounts{
			"ffmpeg":  {Current: 5, Last1m: 6, Last5m: 6},
			"ffprobe": {Current: 1, Last1m: 1, Last5m: 1},
		},
		PerWorker: map[string]dffmpeg.JobCounts{
			b1: {Current: 3, Last1m: 5, Last5m: 5},
			b2: {Current: 1, Last1m: 1, Last5m: 1},
		},
	}
	same(t, "Tally counts jobs active and created", must[dffmpeg.MetricsAnswer](t)(w.Tally(t.Context())), want)

	_, err := w.Job(t.Context(), numbered(404))
	coded(t, "Job of an unknown ID", err, dffmpeg.CodeNotFound)
	t.Run("empty", func(t *testing.T) {
		w := s.world(t)
		same(t, "List of nothing", len(must[[]dffmpeg.Job](t)(w.List(t.Context(), store.JobQuery{Window: time.Hour}))), 0)
		same(t, "Active of nothing", len(must[[]dffmpeg.Job](t)(w.Active(t.Context(), 0))), 0)
		same(t, "Loads of nothing", w.loads(), map[string]int{})
		same(t, "Tally of nothing", must[dffmpeg.MetricsAnswer](t)(w.Tally(t.Context())), dffmpeg.MetricsAnswer{}, cmpopts.EquateEmpty())
	})
}

// testWindows: what depends on how long ago something was.
func (s *suite) testWindows(t *testing.T) {
	w := s.world(t)
	w.worker("gone")
	must[dffmpeg.Worker](t)(w.Deregister(t.Context(), "gone"))
	w.register("new", "token") // never seen
	w.worker(b1)
	old := w.ended(dffmpeg.JobFailed)
	active := w.running()
	w.clock.advance(2 * time.Minute)
	recent := w.ended(dffmpeg.JobCompleted)
	w.worker(b2)
	w.clock.advance(10 * time.Second)

	list := func(window time.Duration) []string {
		return ids(must[[]dffmpeg.Job](t)(w.List(t.Context(), store.JobQuery{Window: window})))
	}
	same(t, "List without window: active ones", list(0), []string{active.ID})
	same(t, "List within a window: and those updated within it", list(time.Minute), []string{recent.ID, active.ID})
	same(t, "List within a wide window", list(time.Hour), []string{recent.ID, active.ID, old.ID})
	w.change(w.Finish(t.Context(), active.ID, by1, store.Result{Status: dffmpeg.JobCompleted}))
	same(t, "what counts is the last update, not the creation", list(time.Second), []string{active.ID})

	workers := func(window time.Duration) (list []string) {
		for _, worker := range must[[]dffmpeg.Worker](t)(w.ListWorkers(t.Context(), window)) {
			list = append(list, worker.ID)
		}
		return list
	}
	same(t, "ListWorkers: present ones first, then last seen descending, never seen last; no offline ones", workers(0), []string{b2, b1, "new"})
	same(t, "ListWorkers: offline ones seen within the window, but after those present", workers(time.Hour), []string{b2, b1, "gone", "new"})
	same(t, "ListWorkers: the window bounds offline ones", workers(time.Minute), []string{b2, b1, "new"})

	want := dffmpeg.JobCounts{Current: 0, Last1m: 1, Last5m: 3}
	same(t, "Tally counts by the time of creation", must[dffmpeg.MetricsAnswer](t)(w.Tally(t.Context())).Total, want)
	w.clock.advance(10 * time.Minute)
	same(t, "Tally leaves out what has nothing to count", must[dffmpeg.MetricsAnswer](t)(w.Tally(t.Context())), dffmpeg.MetricsAnswer{}, cmpopts.EquateEmpty())
}

// testTimes: LastUpdate is when the status last changed, and nothing else.
func (s *suite) testTimes(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.submit()
	steps := []struct {
		name    string
		do      func() (store.Change, error)
		changed bool // the status
	}{
		{"Attend", func() (store.Change, error) { return w.Attend(t.Context(), job.ID, nil) }, false},
		{"Claim", func() (store.Change, error) { return w.claim(job.ID, b1) }, true},
		{"Accept", func() (store.Change, error) { return w.Accept(t.Context(), job.ID, by1) }, true},
		{"Renew", func() (store.Change, error) { return w.Renew(t.Context(), job.ID, by1) }, false},
		{"AppendLogs", func() (store.Change, error) { return w.AppendLogs(t.Context(), job.ID, by1, 1, output("x")) }, false},
		{"Cancel", func() (store.Change, error) { return w.Cancel(t.Context(), job.ID, alice, "") }, true},
		{"Finish", func() (store.Change, error) {
			return w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobCanceled})
		}, true},
	}
	for _, step := range steps {
		before := w.job(job.ID)
		w.clock.advance(time.Second)
		after := w.change(step.do()).Job
		same(t, step.name+" changes LastUpdate exactly when it changes the status", !after.LastUpdate.Equal(before.LastUpdate), step.changed)
		same(t, step.name+" leaves CreatedAt", after.CreatedAt, before.CreatedAt)
	}
	same(t, "the engine's clock is the injected one, in UTC and microseconds", w.now(), w.clock.Now().UTC().Truncate(time.Microsecond))
}
