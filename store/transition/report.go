package transition

import (
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Every applied report of a worker but its output sets WorkerLastSeen: it is a
// sign of life.

// holds reports whether by has the current or last attempt at the job.
func holds(r *Record, by store.By) bool {
	return r.WorkerID != nil && *r.WorkerID == by.WorkerID && (by.Attempt == 0 || by.Attempt == r.Attempt)
}

// standing returns the outcome of any report that by makes about a job which is
// not in its hands now, and Applied when it is.
func standing(r *Record, by store.By) store.Outcome {
	switch {
	case !holds(r, by) || r.Status == dffmpeg.JobPending:
		return store.Refused
	case r.Status.Terminal():
		return store.Finished
	default:
		return store.Applied
	}
}

// stop is the decision to leave the job as it is and to tell the worker so.
func stop(r Record, by store.By, outcome store.Outcome, now time.Time) Decision {
	attempt := by.Attempt
	if holds(&r, by) {
		attempt = r.Attempt
	}
	d := unchanged(r, outcome)
	d.tellWorker(by.WorkerID, attempt, dffmpeg.JobCanceled, "", now)
	return d
}

// Accept decides store.Jobs.Accept.
func Accept(r Record, by store.By, now time.Time) Decision {
	if outcome := standing(&r, by); outcome != store.Applied {
		return stop(r, by, outcome, now)
	}
	switch r.Status {
	case dffmpeg.JobRunning:
		// Its worker begins now, and counts from now for how long it may have it.
		r.WorkerLastSeen = &now
		return touch(r)
	case dffmpeg.JobCanceling:
		d := unchanged(r, store.Refused)
		d.tellWorker(by.WorkerID, r.Attempt, dffmpeg.JobCanceling, "", now)
		return d
	}
	r.WorkerLastSeen = &now
	r.start(now)
	d := move(r, dffmpeg.JobRunning, by.WorkerID, now)
	d.settle(Acknowledged, dffmpeg.MessageJobRequest)
	return d
}

// Reject decides store.Jobs.Reject.
func Reject(r Record, by store.By, now time.Time) Decision {
	if !holds(&r, by) || r.Status != dffmpeg.JobAssigned {
		return unchanged(r, store.Refused)
	}
	r.WorkerLastSeen = &now
	r.unaccepted(dffmpeg.AttemptRefused, "", now)
	d := move(r, dffmpeg.JobPending, by.WorkerID, now)
	d.settle(Acknowledged, dffmpeg.MessageJobRequest)
	return d
}

// Renew decides store.Jobs.Renew.
func Renew(r Record, by store.By, now time.Time) Decision {
	if outcome := standing(&r, by); outcome != store.Applied {
		return stop(r, by, outcome, now)
	}
	r.WorkerLastSeen = &now
	d := touch(r)
	switch r.Status {
	case dffmpeg.JobRunning:
		d.tellRequester(by.WorkerID, now)
	case dffmpeg.JobCanceling:
		d.tellWorker(by.WorkerID, r.Attempt, dffmpeg.JobCanceling, "", now)
	}
	return d
}

// reported reports whether the job ended with this very result: then it is the
// worker's own earlier report, as the coordinator's conclusions carry a reason
// of theirs.
func reported(r *Record, result store.Result) bool {
	return r.Status == result.Status && r.Reason == result.Reason && equal(r.ExitCode, result.ExitCode)
}

func equal(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Finish decides store.Jobs.Finish.
func Finish(r Record, by store.By, result store.Result, now time.Time) (Decision, error) {
	if !result.Status.Terminal() {
		return Decision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A job cannot end as %q", string(result.Status))
	}
	if len(result.Output) == 0 {
		return finish(r, by, result, now), nil
	}
	output, err := AppendLogs(r, by, result.Batch, result.Output, now)
	if err != nil {
		return Decision{}, err
	}
	d := finish(output.Record, by, result, now)
	d.Changed = d.Changed || output.Changed
	d.Messages = append(output.Messages, d.Messages...)
	d.Chunks = output.Chunks
	return d, nil
}

// finish ends a job as its worker says.
func finish(r Record, by store.By, result store.Result, now time.Time) Decision {
	switch outcome := standing(&r, by); {
	case outcome == store.Finished && reported(&r, result), outcome == store.Refused && recorded(&r, by, result):
		return unchanged(r, store.Repeated)
	case outcome != store.Applied:
		return unchanged(r, outcome)
	}
	r.WorkerLastSeen = &now
	r.Warnings = dffmpeg.Warnings(r.Warnings, result.Warnings)
	r.start(now)
	r.end(outcomeOf(result.Status), result.ExitCode, result.Reason, now)
	if result.Status == dffmpeg.JobFailed && r.MayRetryFailed(result.ExitCode) {
		r.Reason = result.Reason
		r.NotBefore = later(now, r.Retry.Pause(r.Started()))
		d := move(r, dffmpeg.JobPending, by.WorkerID, now)
		d.settle(Acknowledged, "")
		return d
	}
	r.ExitCode = result.ExitCode
	r.Reason = result.Reason
	d := move(r, result.Status, by.WorkerID, now)
	d.settle(Acknowledged, "")
	if result.Status == dffmpeg.JobCompleted {
		d.Judgements = judgements(&r)
	}
	return d
}

// recorded reports whether an attempt that is over was reported with this very result:
// it failed, and the job is being tried again.
func recorded(r *Record, by store.By, result store.Result) bool {
	return slices.ContainsFunc(r.Attempts, func(a dffmpeg.Attempt) bool {
		return a.Number == by.Attempt && a.WorkerID == by.WorkerID && a.Outcome == dffmpeg.AttemptFailed &&
			result.Status == dffmpeg.JobFailed && equal(a.ExitCode, result.ExitCode) && a.Reason == result.Reason
	})
}
