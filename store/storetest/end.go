package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testAttend(t *testing.T) {
	yes, no := true, false
	w := s.world(t)
	w.worker(b1)
	job := w.running()
	for _, step := range []struct {
		monitor *bool
		want    bool
	}{{nil, false}, {&yes, true}, {nil, true}, {&no, false}} {
		before, begin := w.job(job.ID), w.now()
		after := w.change(w.Attend(t.Context(), job.ID, step.monitor)).Job
		want := before
		want.Monitor, want.Version = step.want, before.Version+1
		same(t, "Attend sets Monitor when it is given, and raises Version", after, want, cmpopts.IgnoreFields(dffmpeg.Job{}, "ClientLastSeen"))
		w.isNow("ClientLastSeen", after.ClientLastSeen, begin)
	}
	_, err := w.Attend(t.Context(), numbered(404), nil)
	coded(t, "Attend to an unknown job", err, dffmpeg.CodeNotFound)
}

// testEnd tests how Cancel, Requeue and Conclude end an attempt.
func (s *suite) testEnd(t *testing.T) {
	type ending = func(w *world, job dffmpeg.Job) (store.Change, error)
	endings := map[string]ending{
		"Cancel": func(w *world, job dffmpeg.Job) (store.Change, error) {
			return w.Cancel(w.t.Context(), job.ID, alice, "why")
		},
		"Requeue": func(w *world, job dffmpeg.Job) (store.Change, error) { return w.Requeue(w.t.Context(), job, "why") },
		"Conclude": func(w *world, job dffmpeg.Job) (store.Change, error) {
			return w.Conclude(w.t.Context(), job, dffmpeg.JobFailed, "why")
		},
	}
	for name, end := range endings {
		t.Run(name+" gives the reason", func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			before, begin := w.running(), w.now()
			c := w.change(end(w, before))
			same(t, "the record has the reason", c.Job.Reason, "why")
			same(t, "the message has it", payload[dffmpeg.JobStatusChange](c.Messages[0]), dffmpeg.NewJobStatusChange(&c.Job))
			same(t, "Version is raised", c.Job.Version, before.Version+1)
			same(t, "the worker's last sign of life stays", c.Job.WorkerLastSeen, before.WorkerLastSeen)
			w.isNow("LastUpdate", &c.Job.LastUpdate, begin)
		})
		t.Run(name+" withdraws the job_request", func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			job, other := w.assigned(), w.assigned()
			w.change(end(w, job))
			for _, mail := range [][]dffmpeg.Message{w.all(dffmpeg.ToWorker(b1)), w.unsent(dffmpeg.ToWorker(b1)), w.unacknowledged(dffmpeg.ToWorker(b1))} {
				for _, m := range mail {
					if m.Type == dffmpeg.MessageJobRequest && *m.JobID != other.ID {
						t.Errorf("no reader sees a withdrawn job_request, found it in %q", lines(mail))
					}
				}
			}
		})
		t.Run(name+" leaves a job_request that was acknowledged", func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			job := w.running()
			before := w.all(dffmpeg.ToWorker(b1))
			w.change(end(w, job))
			same(t, "what was acknowledged stays", w.all(dffmpeg.ToWorker(b1))[:len(before)], before)
		})
		t.Run(name+" of an unknown job", func(t *testing.T) {
			w := s.world(t)
			_, err := end(w, dffmpeg.Job{ID: numbered(404), Status: dffmpeg.JobRunning})
			coded(t, name+" of an unknown job", err, dffmpeg.CodeNotFound)
		})
	}
	t.Run("Requeue of an offer that was sent", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.assigned()
		mail := w.unsent(dffmpeg.ToWorker(b1))
		if err := w.MarkSent(t.Context(), dffmpeg.ToWorker(b1), mail[len(mail)-1].Seq); err != nil {
			t.Fatal(err)
		}
		c := w.change(w.Requeue(t.Context(), job, "not accepted"))
		same(t, "a worker that was sent the offer is told", lines(c.Messages), []string{"requester: pending", "b1: canceled"})
		same(t, "the message names the attempt", payload[dffmpeg.JobStatusChange](c.Messages[1]).Attempt, 1)
		same(t, "the offer is gone", lines(w.unacknowledged(dffmpeg.ToWorker(b1))), []string{"b1: canceled"})
	})
	t.Run("Requeue of a second offer that was not sent", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		job := w.change(w.Reject(t.Context(), w.assigned().ID, by1)).Job
		job = w.change(w.claim(job.ID, b1)).Job
		c := w.change(w.Requeue(t.Context(), job, "not accepted"))
		same(t, "a worker that was not sent this offer is not told", lines(c.Messages), []string{"requester: pending"})
	})
	t.Run("a sign of life wins", s.testVersion)
}

// testVersion: every operation that changes the record raises Version, so that
// a decision made on an older one is refused.
func (s *suite) testVersion(t *testing.T) {
	signs := map[string]func(w *world, id string) (store.Change, error){
		"Renew":  func(w *world, id string) (store.Change, error) { return w.Renew(w.t.Context(), id, by1) },
		"Attend": func(w *world, id string) (store.Change, error) { return w.Attend(w.t.Context(), id, nil) },
	}
	for name, sign := range signs {
		t.Run(name, func(t *testing.T) {
			w := s.world(t)
			w.worker(b1)
			seen := w.running()
			w.change(sign(w, seen.ID))
			before := w.job(seen.ID)
			outcome(t, "Conclude after "+name, store.Refused)(w.Conclude(t.Context(), seen, dffmpeg.JobFailed, "silence"))
			outcome(t, "Requeue after "+name, store.Refused)(w.Requeue(t.Context(), seen, "silence"))
			same(t, "the job is unchanged", w.job(seen.ID), before)
		})
	}
	t.Run("not by output", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		seen := w.running()
		w.change(w.AppendLogs(t.Context(), seen.ID, by1, 1, output("x")))
		same(t, "output changes neither status nor Version", w.job(seen.ID), seen)
	})
}
