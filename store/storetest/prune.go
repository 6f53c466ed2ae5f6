package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// prune removes all that is due and returns how much that was.
func (w *world) prune(order store.PruneOrder) store.Pruned {
	w.t.Helper()
	if order.Limit == 0 {
		order.Limit = 100
	}
	var total store.Pruned
	for {
		total = total.Add(must[store.Pruned](w.t)(w.Prune(w.t.Context(), order)))
		if !total.More {
			return total
		}
	}
}

// testPrune needs a clock that can be set.
func (s *suite) testPrune(t *testing.T) {
	t.Run("jobs", s.testPruneJobs)
	t.Run("logs", s.testPruneLogs)
	t.Run("log bytes", s.testTrimLogs)
	t.Run("messages", s.testPruneMessages)
	t.Run("profiles", s.testPruneProfiles)
	t.Run("while others write", s.testPruneWhileWriting)
	t.Run("nothing is due for ever", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.ended(dffmpeg.JobCompleted)
		w.clock.advance(1000 * time.Hour)
		same(t, "without ages nothing is removed", w.prune(store.PruneOrder{}), store.Pruned{})
		same(t, "the job is there", w.job(job.ID), job)
	})
}

func (s *suite) testPruneJobs(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	old, running := w.running(), w.running()
	w.change(w.AppendLogs(t.Context(), old.ID, by1, 1, output("one", "two")))
	w.change(w.AppendLogs(t.Context(), running.ID, by1, 1, output("of a long job")))
	w.change(w.Finish(t.Context(), old.ID, by1, store.Result{Status: dffmpeg.JobCompleted}))
	keyed := w.draft()
	keyed.IdempotencyKey = "again"
	first := w.change(w.Submit(t.Context(), keyed)).Job
	w.change(w.Cancel(t.Context(), first.ID, alice, ""))
	w.clock.advance(time.Hour)
	young := w.ended(dffmpeg.JobFailed)
	w.clock.advance(time.Hour)
	order := store.PruneOrder{Jobs: 90 * time.Minute}
	same(t, "jobs that ended too long ago are removed", w.prune(order), store.Pruned{Jobs: 2})
	_, err := w.Job(t.Context(), old.ID)
	coded(t, "a job that was removed", err, dffmpeg.CodeNotFound)
	_, err = w.Logs(t.Context(), old.ID, store.LogQuery{})
	coded(t, "output of a job that was removed", err, dffmpeg.CodeNotFound)
	same(t, "so are the messages to its requester", lines(w.all(old.Requester())), []string{})
	same(t, "a job that ended later is kept", w.job(young.ID), young)
	same(t, "a job that has not ended is kept, however old", w.logs(running.ID), []string{"of a long job"})
	keyed.ID = w.ids.NewID(time.Time{})
	second := w.change(w.Submit(t.Context(), keyed)).Job
	same(t, "the key of a removed job can be used again", second.ID, keyed.ID)
	w.change(w.Finish(t.Context(), running.ID, by1, store.Result{Status: dffmpeg.JobCompleted}))
}

// testPruneProfiles: what no worker names is removed some time after it was saved last.
func (s *suite) testPruneProfiles(t *testing.T) {
	w := s.world(t)
	save := func(encoder string) dffmpeg.Profile {
		profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {encoder}}
		if err := w.SaveProfile(t.Context(), profile); err != nil {
			t.Fatal(err)
		}
		return profile
	}
	named, forgotten, again := save("named"), []dffmpeg.Profile{save("a"), save("b"), save("c")}, save("again")
	w.offering(b1, dffmpeg.Offer{Programs: map[string]dffmpeg.Program{"ffmpeg": {Profile: named.ID()}}})
	w.clock.advance(time.Hour)
	save("again")
	order := store.PruneOrder{Profiles: time.Hour, Limit: 2}
	same(t, "what is not too old is kept", w.prune(order), store.Pruned{})
	w.clock.advance(time.Microsecond)
	same(t, "what is too old is removed", w.prune(order), store.Pruned{Profiles: 3})
	for _, profile := range forgotten {
		_, err := w.Profile(t.Context(), profile.ID())
		coded(t, "a profile that was removed", err, dffmpeg.CodeNotFound)
	}
	for _, profile := range []dffmpeg.Profile{named, again} {
		same(t, "one that is named, or was saved again, is kept", must[dffmpeg.Profile](t)(w.Profile(t.Context(), profile.ID())), profile)
	}
}

func (s *suite) testPruneLogs(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, other := w.running(), w.running()
	w.change(w.AppendLogs(t.Context(), job.ID, by1, 1, []dffmpeg.LogEntry{
		{Stream: dffmpeg.Stdout, Content: "old"}, {Stream: dffmpeg.Stderr, Content: "old, too"},
	}))
	w.change(w.AppendLogs(t.Context(), other.ID, by1, 1, output("old, of another")))
	w.clock.advance(time.Hour)
	second := w.change(w.AppendLogs(t.Context(), job.ID, by1, 2, output("young"))).Messages[0]
	w.clock.advance(time.Minute)
	same(t, "old output is removed, by batches", w.prune(store.PruneOrder{Logs: 30 * time.Minute, Limit: 1}), store.Pruned{Logs: 2})
	same(t, "young output is kept", w.logs(job.ID), []string{"young"})
	same(t, "of another job as well", w.logs(other.ID), []string(nil))
	var announced []string
	for _, m := range w.all(job.Requester()) {
		if m.Type == dffmpeg.MessageJobLogs {
			announced = append(announced, m.ID)
		}
	}
	same(t, "messages about old output are removed with it", announced, []string{second.ID})
	w.change(w.AppendLogs(t.Context(), job.ID, by1, 3, output("more")))
	same(t, "a job goes on", w.logs(job.ID), []string{"young", "more"})
}

func (s *suite) testTrimLogs(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, modest := w.running(), w.running()
	for _, line := range []string{"a", "b", "c", "d"} {
		w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, output(strings.Repeat(line, 99))))
	}
	w.change(w.AppendLogs(t.Context(), modest.ID, by1, 0, output(strings.Repeat("x", 199))))
	order := store.PruneOrder{LogBytes: 250}
	same(t, "too much output is cut at the old end", w.prune(order), store.Pruned{Logs: 2})
	same(t, "the newest is kept", w.logs(job.ID), []string{strings.Repeat("c", 99), strings.Repeat("d", 99)})
	same(t, "a job with less keeps all", len(w.logs(modest.ID)), 1)
	w.change(w.AppendLogs(t.Context(), job.ID, by1, 0, output("e")))
	same(t, "what was removed no longer counts", w.prune(order), store.Pruned{})
	w.change(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobCompleted}))
	order.LogBytes = 50
	w.prune(order)
	same(t, "a job that ended is cut as well", w.logs(job.ID), []string{"e"})
}

func (s *suite) testPruneMessages(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.running()
	w.change(w.AppendLogs(t.Context(), job.ID, by1, 1, output("a line")))
	cursor := w.all(job.Requester())[0].ID
	w.clock.advance(time.Hour)
	last := w.change(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobCompleted})).Messages[0]
	w.clock.advance(time.Minute)
	w.prune(store.PruneOrder{Messages: 30 * time.Minute, Limit: 2})
	same(t, "young messages are kept", lines(w.all(job.Requester())), []string{"requester: completed, from b1"})
	same(t, "old ones are removed for workers, too", lines(w.all(dffmpeg.ToWorker(b1))), []string{})
	same(t, "a cursor on a removed message stays valid", lines(w.mail(job.Requester(), store.MailQuery{Select: store.MailAfter, After: cursor})),
		[]string{"requester: completed, from b1"})
	same(t, "output is kept without its message", w.logs(job.ID), []string{"a line"})
	late := w.change(w.AppendLogs(t.Context(), job.ID, by1, 2, output("late"))).Messages[0]
	if late.Seq != last.Seq+1 || late.ID <= last.ID {
		t.Errorf("numbers go on after what was removed: %d %s after %d %s", late.Seq, late.ID, last.Seq, last.ID)
	}
}

// testPruneWhileWriting: what is removed beside writers costs none of them an
// operation, and no job that has not ended.
func (s *suite) testPruneWhileWriting(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	const writers, jobsEach = 4, 5
	drafts := make([]dffmpeg.Job, writers*jobsEach)
	for i := range drafts {
		drafts[i] = w.draft()
	}
	ctx, stop := context.WithCancel(t.Context())
	order := store.PruneOrder{Jobs: time.Second, Logs: time.Millisecond, Messages: time.Millisecond, LogBytes: 10, Limit: 3}
	var pruning, writing sync.WaitGroup
	removed := 0
	pruning.Go(func() {
		for ctx.Err() == nil {
			w.clock.advance(10 * time.Millisecond)
			pruned, err := w.Prune(ctx, order)
			if err != nil && ctx.Err() == nil {
				t.Errorf("Prune beside writers: %v", err)
				return
			}
			removed += pruned.Jobs
		}
	})
	for i := range writers {
		writing.Go(func() {
			for _, draft := range drafts[i*jobsEach : (i+1)*jobsEach] {
				if err := w.life(ctx, draft); err != nil {
					t.Errorf("job beside Prune: %v", err)
					return
				}
			}
		})
	}
	writing.Wait()
	stop()
	pruning.Wait()
	w.clock.advance(time.Minute)
	removed += w.prune(order).Jobs
	same(t, "every job that ended is removed once", removed, writers*jobsEach)
}

// life takes a job from its submission to its end.
func (w *world) life(ctx context.Context, draft dffmpeg.Job) error {
	steps := []func() (store.Change, error){
		func() (store.Change, error) { return w.Submit(ctx, draft) },
		func() (store.Change, error) { return w.Claim(ctx, draft, b1) },
		func() (store.Change, error) { return w.Accept(ctx, draft.ID, by1) },
		func() (store.Change, error) {
			return w.AppendLogs(ctx, draft.ID, by1, 1, output("one", "two", "three"))
		},
		func() (store.Change, error) { return w.AppendLogs(ctx, draft.ID, by1, 2, output("four", "five")) },
		func() (store.Change, error) {
			return w.Finish(ctx, draft.ID, by1, store.Result{Status: dffmpeg.JobCompleted})
		},
	}
	for i, step := range steps {
		change, err := step()
		if err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if change.Outcome != store.Applied {
			return fmt.Errorf("step %d was %s", i, change.Outcome)
		}
	}
	return nil
}
