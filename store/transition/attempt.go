package transition

import (
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// begin adds the record of the attempt that begins now.
func (r *Record) begin(leased bool, now time.Time) {
	r.Attempts = append(slices.Clip(r.Attempts), dffmpeg.Attempt{
		Number: r.Attempt, WorkerID: r.Worker(), AssignedAt: now, Leased: leased,
	})
	for len(r.Attempts) > dffmpeg.AttemptsKept {
		oldest := max(0, slices.IndexFunc(r.Attempts, func(a dffmpeg.Attempt) bool { return a.StartedAt == nil }))
		r.Attempts = slices.Delete(slices.Clone(r.Attempts), oldest, oldest+1)
	}
}

// edit changes the record of the current attempt, if there is one.
func (r *Record) edit(change func(*dffmpeg.Attempt)) {
	if r.CurrentAttempt() == nil {
		return // it was assigned before attempts were kept
	}
	r.Attempts = slices.Clone(r.Attempts)
	change(r.CurrentAttempt())
}

// start notes that the current attempt was accepted.
func (r *Record) start(now time.Time) {
	r.edit(func(a *dffmpeg.Attempt) {
		if a.StartedAt == nil {
			a.StartedAt = &now
		}
	})
}

// end notes how the current attempt ended.
func (r *Record) end(outcome dffmpeg.AttemptOutcome, exitCode *int, reason string, now time.Time) {
	r.edit(func(a *dffmpeg.Attempt) {
		a.EndedAt, a.Outcome, a.ExitCode, a.Reason = &now, outcome, exitCode, reason
	})
}

// firstPause and longestPause bound how long a job waits that workers do not accept.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
)

// unaccepted ends an attempt that was not started. From the second one in a row on,
// the job waits before the next.
func (r *Record) unaccepted(outcome dffmpeg.AttemptOutcome, reason string, now time.Time) {
	r.end(outcome, nil, reason, now)
	pause := time.Duration(0)
	for i := len(r.Attempts) - 2; i >= 0 && r.Attempts[i].StartedAt == nil && pause < longestPause; i-- {
		pause = max(firstPause, 2*pause)
	}
	r.NotBefore = later(now, min(pause, longestPause))
}

// later returns the time after a pause, nil without one.
func later(now time.Time, pause time.Duration) *time.Time {
	if pause <= 0 {
		return nil
	}
	at := Stamp(now.Add(pause))
	return &at
}

// outcomeOf returns how an attempt ended whose worker reported the job's status.
func outcomeOf(status dffmpeg.JobStatus) dffmpeg.AttemptOutcome {
	switch status {
	case dffmpeg.JobCompleted:
		return dffmpeg.AttemptCompleted
	case dffmpeg.JobCanceled:
		return dffmpeg.AttemptCanceled
	default:
		return dffmpeg.AttemptFailed
	}
}
