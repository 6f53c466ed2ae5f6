package storetest

import (
	"context"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// racers is how many callers do the same thing at once.
const racers = 16

// race does an operation by several callers at once and returns what each got.
func race(t *testing.T, do func(ctx context.Context, racer int) (store.Change, error)) []store.Change {
	t.Helper()
	changes := make([]store.Change, racers)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			<-start
			var err error
			if changes[i], err = do(t.Context(), i); err != nil {
				t.Errorf("one of %d callers at once: %v", racers, err)
			}
		})
	}
	close(start)
	group.Wait()
	return changes
}

// tally counts outcomes.
func tally(changes []store.Change) map[store.Outcome]int {
	counts := make(map[store.Outcome]int)
	for _, c := range changes {
		counts[c.Outcome]++
	}
	return counts
}

func (s *suite) testRaces(t *testing.T) {
	t.Run("Claim", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		w.worker(b2)
		job := w.submit()
		changes := race(t, func(ctx context.Context, i int) (store.Change, error) {
			return w.Claim(ctx, job, []string{b1, b2}[i%2])
		})
		same(t, "a job is claimed once", tally(changes), map[store.Outcome]int{store.Applied: 1, store.Refused: racers - 1})
		after := w.job(job.ID)
		same(t, "there is one attempt", after.Attempt, 1)
		var requests []dffmpeg.Message
		for _, worker := range []string{b1, b2} {
			requests = append(requests, w.unsent(dffmpeg.ToWorker(worker))...)
		}
		same(t, "one worker is asked", len(requests), 1)
		same(t, "it is the job's", requests[0].RecipientID, after.Worker())
		same(t, "the requester is told once", lines(w.all(job.Requester())), []string{"requester: assigned"})
	})
	t.Run("Submit with a key", func(t *testing.T) {
		w := s.world(t)
		changes := race(t, func(ctx context.Context, _ int) (store.Change, error) {
			draft := w.draft()
			draft.IdempotencyKey = "key"
			return w.Submit(ctx, draft)
		})
		same(t, "one job is stored", tally(changes), map[store.Outcome]int{store.Applied: 1, store.Repeated: racers - 1})
		for _, c := range changes {
			same(t, "every caller gets the same job", c.Job.ID, changes[0].Job.ID)
		}
		same(t, "there is one job", len(must[[]dffmpeg.Job](t)(w.Active(t.Context(), 0))), 1)
	})
	t.Run("Accept", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.assigned()
		changes := race(t, func(ctx context.Context, _ int) (store.Change, error) { return w.Accept(ctx, job.ID, by1) })
		same(t, "every accept is a sign of life", tally(changes), map[store.Outcome]int{store.Applied: racers})
		announced := 0
		for _, c := range changes {
			announced += len(c.Messages)
		}
		same(t, "the start is announced once", announced, 1)
	})
	t.Run("batches of output", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		changes := race(t, func(ctx context.Context, _ int) (store.Change, error) {
			return w.AppendLogs(ctx, job.ID, by1, 1, output("once"))
		})
		same(t, "a batch is stored once", tally(changes), map[store.Outcome]int{store.Applied: 1, store.Repeated: racers - 1})
		same(t, "a batch is stored once", w.logs(job.ID), []string{"once"})
	})
	t.Run("Finish", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.running()
		changes := race(t, func(ctx context.Context, i int) (store.Change, error) {
			return w.Finish(ctx, job.ID, by1, store.Result{Status: []dffmpeg.JobStatus{dffmpeg.JobFailed, dffmpeg.JobCompleted}[i%2]})
		})
		same(t, "a job ends once; half the reports repeat how", tally(changes),
			map[store.Outcome]int{store.Applied: 1, store.Repeated: racers/2 - 1, store.Finished: racers / 2})
	})
	t.Run("janitors", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		seen := w.running()
		changes := race(t, func(ctx context.Context, i int) (store.Change, error) {
			if i%2 == 0 {
				return w.Requeue(ctx, seen, "lost")
			}
			return w.Conclude(ctx, seen, dffmpeg.JobFailed, "lost")
		})
		same(t, "of several decisions on one record, one is applied", tally(changes), map[store.Outcome]int{store.Applied: 1, store.Refused: racers - 1})
	})
	t.Run("everything", s.testRacingEverything)
	t.Run("Register", s.testRacingRegister)
}

// testRacingEverything: whatever races, what the requester was told is a way
// through the transition table that ends where the record is.
func (s *suite) testRacingEverything(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job := w.assigned()
	race(t, func(ctx context.Context, i int) (store.Change, error) {
		switch i % 8 {
		case 0:
			return w.Accept(ctx, job.ID, by1)
		case 1:
			return w.Reject(ctx, job.ID, by1)
		case 2:
			return w.Finish(ctx, job.ID, by1, store.Result{Status: dffmpeg.JobFailed})
		case 3:
			return w.Cancel(ctx, job.ID, alice, "")
		case 4:
			return w.Claim(ctx, job, b1)
		case 5:
			return w.Requeue(ctx, job, "")
		case 6:
			return w.Conclude(ctx, job, dffmpeg.JobCanceled, "")
		default:
			return w.AppendLogs(ctx, job.ID, by1, 0, output("x"))
		}
	})
	w.historyIsLegal(job.ID)
}

// historyIsLegal checks what the requester of a job was told of it.
func (w *world) historyIsLegal(jobID string) {
	t := w.t
	t.Helper()
	job := w.job(jobID)
	mail := w.all(job.Requester())
	inOrder(t, mail)
	at := dffmpeg.JobPending
	for _, m := range mail {
		if m.Type != dffmpeg.MessageJobStatus {
			continue
		}
		if next := status(m); next != at {
			if !at.CanBecome(next) {
				t.Errorf("the requester was told %s after %s, which the transition table forbids: %q", next, at, lines(mail))
			}
			at = next
		}
	}
	same(t, "the last status told is the record's", at, job.Status)
}

func (s *suite) testRacingRegister(t *testing.T) {
	w := s.world(t)
	var group sync.WaitGroup
	results := make([]store.Registered, racers)
	for i := range racers {
		group.Go(func() {
			var err error
			if results[i], err = w.Register(t.Context(), announcement(b1, numbered(int64(i)))); err != nil {
				t.Errorf("one of %d registrations at once: %v", racers, err)
			}
		})
	}
	group.Wait()
	mail, fresh := w.all(dffmpeg.ToWorker(b1)), 0
	same(t, "only the last token's message is left", len(mail), 1)
	same(t, "every registration sent one message", mail[0].Seq, int64(racers))
	for _, r := range results {
		if r.Previous == nil {
			fresh++
		}
	}
	same(t, "one registration found the worker unknown", fresh, 1)
	must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, payload[dffmpeg.VerifyRegistration](mail[0]).RegistrationToken))
}
