package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Claim decides store.Jobs.Claim. Worker is nil when it is unknown; load is that of
// the jobs in its hands, and need not be known of one whose Counts is false.
func Claim(r Record, seen dffmpeg.Job, worker *dffmpeg.Worker, load *dffmpeg.JobLoad, now time.Time) Decision {
	pending := r.Status == dffmpeg.JobPending && r.Attempt == seen.Attempt && Ready(&r.Job, now)
	if !pending || worker == nil || !worker.Qualifies(&r.Job) || r.MayStillRun(worker, now) || worker.Reached(&r.Job, load) != nil {
		return unchanged(r, store.Refused)
	}
	id := worker.ID
	r.WorkerID = &id
	r.Attempt++
	r.WorkerLastSeen = nil
	r.Reason, r.NotBefore = "", nil
	if r.Stdio != dffmpeg.StdioNone {
		r.Stdio = dffmpeg.StdioOffered
		if worker.Has(dffmpeg.FeatureStdio) {
			r.Stdio = dffmpeg.StdioRelayed
		}
	}
	r.LogBatch, r.StdoutBytes, r.StderrBytes = 0, 0, 0
	lease := r.LeaseFor(worker)
	r.begin(lease > 0, now)
	d := move(r, dffmpeg.JobAssigned, "", now)
	request := dffmpeg.NewJobRequest(&d.Record.Job, worker)
	request.LostAfter = int(lease / time.Second)
	d.Messages = append(d.Messages, about(r.ID, dffmpeg.ToWorker(id), dffmpeg.MessageJobRequest, request, "", now))
	return d
}

// Ready reports whether a pending job may begin.
func Ready(job *dffmpeg.Job, now time.Time) bool {
	return job.NotBefore == nil || !job.NotBefore.After(now)
}

// withdrawal is how long a job waits at least that a worker was told of and did not accept
// in time, so that the worker hears of that alone: of several messages about a job that
// come at once, one of 0.4 acts upon the last, and would start the job a second time.
const withdrawal = time.Second

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
	if r.Status == dffmpeg.JobAssigned {
		r.unaccepted(dffmpeg.AttemptWithdrawn, reason, now)
	} else {
		r.end(dffmpeg.AttemptLost, nil, reason, now)
	}
	if offered && r.Status == dffmpeg.JobAssigned && (r.NotBefore == nil || r.NotBefore.Before(now.Add(withdrawal))) {
		r.NotBefore = later(now, withdrawal)
	}
	d := move(r, dffmpeg.JobPending, "", now)
	d.settle(Withdrawn, dffmpeg.MessageJobRequest)
	if offered {
		d.tellWorker(r.Worker(), r.Attempt, dffmpeg.JobCanceled, "", now)
	}
	return d, nil
}

// Lose decides store.Jobs.Lose. Offered is as for Requeue.
func Lose(r Record, seen dffmpeg.Job, reason string, offered bool, now time.Time) (Decision, error) {
	switch {
	case !seen.Status.HasWorker():
		return Decision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A job that is %s is in no worker's hands", seen.Status)
	case seen.Version != r.Version:
		return unchanged(r, store.Refused), nil
	case r.Status == dffmpeg.JobCanceling:
		return conclude(r, dffmpeg.JobCanceled, reason, now), nil
	case r.Status == dffmpeg.JobRunning && !r.MayRetryLost():
		return conclude(r, dffmpeg.JobFailed, reason, now), nil
	}
	if r.Status == dffmpeg.JobRunning {
		r.NotBefore = later(now, r.Retry.Pause(r.Started()))
	}
	return Requeue(r, seen, reason, offered, now)
}
