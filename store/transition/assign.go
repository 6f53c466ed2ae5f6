package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Claim decides store.Jobs.Claim. Worker is nil when it is unknown.
func Claim(r Record, worker *dffmpeg.Worker, now time.Time) Decision {
	if worker == nil || worker.Status != dffmpeg.WorkerOnline || r.Status != dffmpeg.JobPending {
		return unchanged(r, store.Refused)
	}
	id := worker.ID
	r.WorkerID = &id
	r.Attempt++
	r.WorkerLastSeen = nil
	r.Reason = ""
	if r.Stdio != dffmpeg.StdioNone {
		r.Stdio = dffmpeg.StdioOffered
		if worker.Has(dffmpeg.FeatureStdio) {
			r.Stdio = dffmpeg.StdioRelayed
		}
	}
	r.LogBatch, r.StdoutBytes, r.StderrBytes = 0, 0, 0
	d := move(r, dffmpeg.JobAssigned, "", now)
	d.Messages = append(d.Messages,
		about(r.ID, dffmpeg.ToWorker(id), dffmpeg.MessageJobRequest, dffmpeg.NewJobRequest(&d.Record.Job, worker), "", now))
	return d
}

// Requeue decides store.Jobs.Requeue. Offered says whether the job_request of
// the current attempt was sent or acknowledged.
func Requeue(r Record, seen dffmpeg.Job, reason string, offered bool, now time.Time) (Decision, error) {
	if seen.Status != dffmpeg.JobAssigned && seen.Status != dffmpeg.JobRunning {
		return Decision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A job that is %s cannot go back to pending", seen.Status)
	}
	if seen.Version != r.Version || !r.Status.CanBecome(dffmpeg.JobPending) {
		return unchanged(r, store.Refused), nil
	}
	r.Reason = reason
	d := move(r, dffmpeg.JobPending, "", now)
	d.settle(Withdrawn, dffmpeg.MessageJobRequest)
	if offered {
		d.tellWorker(r.Worker(), r.Attempt, dffmpeg.JobCanceled, "", now)
	}
	return d, nil
}
