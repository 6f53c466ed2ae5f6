package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Attend decides store.Jobs.Attend.
func Attend(r Record, monitor *bool, now time.Time) Decision {
	if r.Status.Terminal() {
		d := unchanged(r, store.Finished)
		d.tellRequester("", now)
		return d
	}
	r.ClientLastSeen = &now
	if monitor != nil {
		r.Monitor = *monitor
	}
	return touch(r)
}

// Cancel decides store.Jobs.Cancel.
func Cancel(r Record, by, reason string, now time.Time) Decision {
	switch {
	case r.Status.Terminal():
		return unchanged(r, store.Finished)
	case r.Status == dffmpeg.JobCanceling:
		return unchanged(r, store.Repeated)
	case r.Status.HasWorker():
		return end(r, dffmpeg.JobCanceling, by, reason, now)
	default:
		return end(r, dffmpeg.JobCanceled, by, reason, now)
	}
}

// Conclude decides store.Jobs.Conclude.
func Conclude(r Record, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string, now time.Time) (Decision, error) {
	if !conclusion(status) || !seen.Status.CanBecome(status) {
		return Decision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A job that is %s cannot be concluded as %q", seen.Status, string(status))
	}
	if seen.Version != r.Version {
		return unchanged(r, store.Refused), nil
	}
	return conclude(r, status, reason, now), nil
}

// conclude ends a job without its worker.
func conclude(r Record, status dffmpeg.JobStatus, reason string, now time.Time) Decision {
	if r.Status.HasWorker() && status.Terminal() {
		outcome := dffmpeg.AttemptLost
		if status == dffmpeg.JobCanceled && r.Status != dffmpeg.JobCanceling {
			outcome = dffmpeg.AttemptCanceled
		}
		r.end(outcome, nil, reason, now)
	}
	return end(r, status, "", reason, now)
}

// conclusion reports whether the coordinator may decide by itself that a job
// becomes status.
func conclusion(status dffmpeg.JobStatus) bool {
	return status == dffmpeg.JobFailed || status == dffmpeg.JobCanceled || status == dffmpeg.JobCanceling
}

// end moves a job towards its end without its worker having asked for it.
func end(r Record, status dffmpeg.JobStatus, sender, reason string, now time.Time) Decision {
	if !r.Status.CanBecome(status) {
		return unchanged(r, store.Refused)
	}
	held := r.Status.HasWorker()
	r.Reason = reason
	d := move(r, status, sender, now)
	if !held {
		return d
	}
	told := dffmpeg.JobCanceled
	if status == dffmpeg.JobCanceling {
		told = dffmpeg.JobCanceling
	}
	d.settle(Withdrawn, dffmpeg.MessageJobRequest)
	d.tellWorker(r.Worker(), r.Attempt, told, sender, now)
	return d
}
