package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testClaim(t *testing.T) {
	t.Run("record", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		before, begin := w.submit(), w.now()
		job := w.change(w.claim(before.ID, b1)).Job
		want, worker := before, b1
		want.Status, want.WorkerID, want.Attempt, want.Version = dffmpeg.JobAssigned, &worker, 1, before.Version+1
		same(t, "Claim assigns the job and raises attempt and Version", job, want, cmpopts.IgnoreFields(dffmpeg.Job{}, "LastUpdate", "Attempts"))
		w.isNow("LastUpdate", &job.LastUpdate, begin)
	})
	t.Run("forgets the attempt before", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		lost := w.change(w.Requeue(t.Context(), w.running(), "lost")).Job
		if lost.Worker() != b1 || lost.Reason != "lost" || lost.WorkerLastSeen == nil {
			t.Errorf("Requeue keeps the worker and gives the reason, got %+v", lost)
		}
		job := w.change(w.claim(lost.ID, b1)).Job
		if job.Reason != "" || job.WorkerLastSeen != nil {
			t.Errorf("Claim clears Reason and WorkerLastSeen, got %q, %v", job.Reason, job.WorkerLastSeen)
		}
	})
	t.Run("messages", s.testClaimMessages)
	t.Run("needs a worker that is online", func(t *testing.T) {
		w := s.world(t)
		job := w.submit()
		w.worker("draining")
		draining := announcement("draining", "again")
		draining.Worker.Status = dffmpeg.WorkerDraining
		must[store.Registered](t)(w.Register(t.Context(), draining))
		w.worker("offline")
		must[dffmpeg.Worker](t)(w.Deregister(t.Context(), "offline"))
		for _, worker := range []string{"draining", "offline", "unknown", ""} {
			outcome(t, "Claim for a worker that is "+worker, store.Refused)(w.claim(job.ID, worker))
		}
		same(t, "a refused claim changes nothing", w.job(job.ID), job)
	})
	t.Run("needs the attempt that was seen", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		seen := w.submit()
		w.change(w.Attend(t.Context(), seen.ID, nil))
		job := w.change(w.Claim(t.Context(), seen, b1)).Job
		w.change(w.Reject(t.Context(), job.ID, by1))
		outcome(t, "Claim of a job that has had an attempt since", store.Refused)(w.Claim(t.Context(), seen, b1))
	})
	t.Run("needs a worker that lacks nothing", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		for name, change := range map[string]func(*dffmpeg.Job){
			"binary": func(job *dffmpeg.Job) { job.BinaryName = "x265" },
			"path":   func(job *dffmpeg.Job) { job.Paths = []string{"Media", "Cache"} },
			"label":  func(job *dffmpeg.Job) { job.Demand.Require = map[string]string{"gpu": "yes"} },
			"claim":  func(job *dffmpeg.Job) { job.Demand.Uses, job.Demand.Claims = map[string]int{"x": 1}, []string{"x"} },
			"worker": func(job *dffmpeg.Job) { job.Demand.Worker = b2 },
		} {
			outcome(t, "Claim for a worker that lacks the "+name, store.Refused)(w.claim(w.demanding(change).ID, b1))
		}
	})
	t.Run("standard streams", s.testClaimStdio)
	t.Run("unknown job", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		_, err := w.Claim(t.Context(), dffmpeg.Job{ID: numbered(404)}, b1)
		coded(t, "Claim of an unknown job", err, dffmpeg.CodeNotFound)
	})
}

// testClaimStdio: streams are relayed when both ends can, in each attempt anew.
func (s *suite) testClaimStdio(t *testing.T) {
	w := s.world(t)
	able := announcement(b1, "able")
	able.Worker.Capabilities = []string{dffmpeg.FeatureStdio}
	must[store.Registered](t)(w.Register(t.Context(), able))
	must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "able"))
	w.worker(b2)
	offering := w.draft()
	offering.Stdio = dffmpeg.StdioOffered
	job := w.change(w.Submit(t.Context(), offering)).Job
	for _, attempt := range []struct {
		worker string
		want   dffmpeg.StdioUse
	}{{b2, dffmpeg.StdioOffered}, {b1, dffmpeg.StdioRelayed}, {b2, dffmpeg.StdioOffered}} {
		c := w.change(w.claim(job.ID, attempt.worker))
		if c.Job.Stdio != attempt.want || w.job(job.ID).Stdio != attempt.want {
			t.Errorf("the streams of a job for %s are %q, want %q", attempt.worker, c.Job.Stdio, attempt.want)
		}
		relayed := attempt.want == dffmpeg.StdioRelayed
		if payload[dffmpeg.JobRequest](c.Messages[1]).Stdio != relayed || payload[dffmpeg.JobStatusChange](c.Messages[0]).Stdio != relayed {
			t.Errorf("the messages do not say whether streams are relayed: %t", relayed)
		}
		w.change(w.Accept(t.Context(), job.ID, store.By{WorkerID: attempt.worker}))
		w.change(w.Requeue(t.Context(), w.job(job.ID), ""))
	}
	plain := w.change(w.claim(w.submit().ID, b1)).Job
	same(t, "streams that nobody asked for", plain.Stdio, dffmpeg.StdioNone)
}

func (s *suite) testClaimMessages(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	begin := w.now()
	c := w.change(w.claim(w.submit().ID, b1))
	same(t, "messages of a claim", lines(c.Messages), []string{"requester: assigned", "b1: job_request"})
	told, request := c.Messages[0], c.Messages[1]
	same(t, "job_status tells the status", payload[dffmpeg.JobStatusChange](told), dffmpeg.NewJobStatusChange(&c.Job))
	same(t, "job_request asks for the attempt", payload[dffmpeg.JobRequest](request), dffmpeg.NewJobRequest(&c.Job, &dffmpeg.Worker{}))
	for _, m := range c.Messages {
		if m.JobID == nil || *m.JobID != c.Job.ID || m.RecipientID != m.To.ID || m.SentAt != nil || !dffmpeg.ValidID(m.ID) {
			t.Errorf("a message names its job and recipient, has a valid ID and is not sent; got %+v", m)
		}
		w.isNow("a message's timestamp", &m.Timestamp, begin)
	}
	same(t, "the requester's messages are those of its job", told.To, c.Job.Requester())
	same(t, "the worker's messages are its own", request.To, dffmpeg.ToWorker(b1))
}
