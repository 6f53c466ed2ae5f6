package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// operation is one call of the contract about a job.
type operation func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error)

// stage is a point of a job's life, with how it gets there.
type stage struct {
	name string
	make func(w *world) dffmpeg.Job
}

func stages() []stage {
	return []stage{
		{"new", (*world).submit},
		{"returned", func(w *world) dffmpeg.Job {
			return w.change(w.Reject(w.t.Context(), w.assigned().ID, by1)).Job
		}},
		{"assigned", (*world).assigned},
		{"running", (*world).running},
		{"canceling", (*world).canceling},
		{"completed", func(w *world) dffmpeg.Job { return w.ended(dffmpeg.JobCompleted) }},
		{"failed", func(w *world) dffmpeg.Job { return w.ended(dffmpeg.JobFailed) }},
		{"canceled", func(w *world) dffmpeg.Job { return w.ended(dffmpeg.JobCanceled) }},
		{"given up", func(w *world) dffmpeg.Job {
			return w.change(w.Conclude(w.t.Context(), w.running(), dffmpeg.JobFailed, "silence")).Job
		}},
	}
}

// expectation says what one operation does at each stage: its outcome, the
// status if it changes, and the messages. Stages left out have the outcome
// otherwise.
type expectation struct {
	name      string
	do        operation
	at        map[string]string
	otherwise string
}

// testTransitions tries every operation at every stage of a job's life.
func (s *suite) testTransitions(t *testing.T) {
	for _, e := range expectations() {
		t.Run(e.name, func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			w.worker(b2)
			w.register("waiting", "token")
			for _, stage := range stages() {
				t.Run(stage.name, func(t *testing.T) {
					here := &world{State: w.State, t: t, clock: w.clock, ids: w.ids}
					want, ok := e.at[stage.name]
					if !ok {
						want = e.otherwise
					}
					here.try(e.do, stage.make(here), want)
				})
			}
		})
	}
}

// try does one operation and checks it and its traces.
func (w *world) try(do operation, before dffmpeg.Job, want string) {
	t := w.t
	t.Helper()
	recipients := []dffmpeg.Recipient{before.Requester(), dffmpeg.ToWorker(b1), dffmpeg.ToWorker(b2)}
	last := make(map[dffmpeg.Recipient]int64)
	for _, to := range recipients {
		for _, m := range w.all(to) {
			last[to] = m.Seq
		}
	}
	change, err := do(t.Context(), w, before)
	if got := summary(before, change, err); got != want {
		t.Errorf("the operation's result is\n  %s\nwant\n  %s", got, want)
	}
	after := w.job(before.ID)
	if err != nil || change.Outcome != store.Applied {
		same(t, "an operation that is not applied leaves the job as it is", after, before)
	}
	if err != nil {
		return
	}
	same(t, "Change.Job is the record after the operation", change.Job, after)
	if after.Status != before.Status && !before.Status.CanBecome(after.Status) {
		t.Errorf("the job went from %s to %s, which the transition table forbids", before.Status, after.Status)
	}
	for _, to := range recipients {
		older := func(m dffmpeg.Message) bool { return m.To != to || m.Seq <= last[to] }
		stored := slices.DeleteFunc(w.all(to), older)
		returned := slices.DeleteFunc(slices.Clone(change.Messages), older)
		same(t, "Change.Messages are the ones stored for "+to.String(), returned, stored, cmpopts.EquateEmpty())
	}
}

// summary renders what an operation did.
func summary(before dffmpeg.Job, c store.Change, err error) string {
	if err != nil {
		return "error " + string(dffmpeg.CodeOf(err))
	}
	text := c.Outcome.String()
	if c.Job.Status != before.Status {
		text += " → " + string(c.Job.Status)
	}
	return strings.Join(append([]string{text}, lines(c.Messages)...), " · ")
}
