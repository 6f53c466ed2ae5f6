package dffmpeg

import (
	"slices"
	"strconv"
	"time"
)

// Attempt is what became of one assignment of a job to a worker.
type Attempt struct {
	Number     int        `json:"attempt"`
	WorkerID   string     `json:"worker_id"`
	AssignedAt time.Time  `json:"assigned_at"`
	StartedAt  *time.Time `json:"started_at,omitempty" doc:"When the worker accepted it; absent if it never did"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	// Outcome is empty while the attempt goes on.
	Outcome  AttemptOutcome `json:"outcome,omitempty" enum:"completed,failed,canceled,lost,refused,withdrawn"`
	ExitCode *int           `json:"exit_code,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	// Leased says that the worker stops the attempt by itself when it has not reached
	// the coordinator for as long as the job's RetryPolicy says.
	Leased bool `json:"leased,omitempty" doc:"The worker stops it by itself when it loses contact"`
}

// AttemptOutcome says how an attempt ended. The set is closed.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptCompleted AttemptOutcome = "completed"
	AttemptFailed    AttemptOutcome = "failed"    // the process failed, or could not be started
	AttemptCanceled  AttemptOutcome = "canceled"  // somebody asked for it
	AttemptLost      AttemptOutcome = "lost"      // the worker was silent for too long, or restarted
	AttemptRefused   AttemptOutcome = "refused"   // the worker gave it back
	AttemptWithdrawn AttemptOutcome = "withdrawn" // the worker did not accept it in time
)

// MaxAttempts is the greatest RetryPolicy.MaxAttempts.
const MaxAttempts = 20

// What a RetryPolicy may name beside exit codes.
const (
	RetryLost   = "lost"   // the worker was lost
	RetryFailed = "failed" // the process failed, whatever its exit code
)

// RetryPolicy says when a job is tried again, and how often. The zero RetryPolicy is
// that of a job that is tried once.
type RetryPolicy struct {
	// MaxAttempts counts attempts that a worker has accepted; 0 counts as 1.
	MaxAttempts int `json:"max_attempts,omitempty" minimum:"0" maximum:"20" doc:"Attempts at most"`
	// Backoff is how long the second attempt waits, in seconds. Each one after it waits
	// twice as long, up to MaxBackoff.
	Backoff int `json:"backoff,omitempty" minimum:"0" maximum:"86400" doc:"Seconds before the second attempt; each one after it waits twice as long"`
	// On names what is tried again: RetryLost, RetryFailed or an exit code in digits.
	On []string `json:"on,omitempty" maxItems:"64" doc:"What is tried again: lost, failed, or an exit code"`
	// LostAfter is how long a worker may be out of contact, in seconds, before its
	// attempt counts as lost. Workers with FeatureLease stop it by then.
	LostAfter int `json:"lost_after,omitempty" minimum:"0" maximum:"604800" doc:"Seconds without contact before a worker's attempt counts as lost"`
	// Asked says that the requester wants it, as opposed to a default.
	Asked bool `json:"asked,omitempty"`
}

// MaxBackoff is the longest pause before an attempt.
const MaxBackoff = 10 * time.Minute

// names reports whether the policy has a word in On.
func (p *RetryPolicy) names(word string) bool { return slices.Contains(p.On, word) }

// Pause returns how long the attempt waits that follows the given number of started
// ones.
func (p *RetryPolicy) Pause(started int) time.Duration {
	pause := time.Duration(p.Backoff) * time.Second
	for ; started > 1 && pause < MaxBackoff; started-- {
		pause *= 2
	}
	return min(pause, max(MaxBackoff, time.Duration(p.Backoff)*time.Second))
}

// Started counts the attempts that a worker accepted.
func (j *Job) Started() int {
	started := 0
	for i := range j.Attempts {
		if j.Attempts[i].StartedAt != nil {
			started++
		}
	}
	return started
}

// CurrentAttempt returns the record of the current or last attempt, nil when none is
// kept. It is part of the job.
func (j *Job) CurrentAttempt() *Attempt {
	if n := len(j.Attempts); n > 0 && j.Attempts[n-1].Number == j.Attempt {
		return &j.Attempts[n-1]
	}
	return nil
}

// settling is for how long a worker of 0.4 may repeat its report of an attempt that failed:
// it does so after 1, 2, 4, 8 and 16 seconds if nobody has answered.
const settling = 35 * time.Second

// MayStillRun reports whether a worker may run an earlier attempt at the job at a time,
// or report the end of one, without knowing that it has not got that any more: a worker
// of 0.4, which is told nothing of attempts. What it says would count for the next one.
func (j *Job) MayStillRun(w *Worker, now time.Time) bool {
	if w.Has(FeatureAttempt) {
		return false
	}
	for i := range j.Attempts {
		a := &j.Attempts[i]
		if a.WorkerID != w.ID {
			continue
		}
		failed := a.Outcome == AttemptFailed && a.EndedAt != nil && now.Sub(*a.EndedAt) < settling
		if failed || a.Outcome == AttemptLost {
			return true
		}
	}
	return false
}

// WaitsSince returns since when a pending job waits for a worker that starts it: since it
// was submitted, or since the attempt could begin that follows one that was started. That
// workers gave it back, or did not accept it in time, does not make it wait anew.
func (j *Job) WaitsSince() time.Time {
	for i := len(j.Attempts) - 1; i >= 0; i-- {
		if a := &j.Attempts[i]; a.StartedAt != nil && a.EndedAt != nil {
			return a.EndedAt.Add(j.Retry.Pause(j.Started()))
		}
	}
	if j.Attempt > 0 && len(j.Attempts) == 0 {
		return j.LastUpdate // it was assigned before attempts were kept
	}
	return j.CreatedAt
}

// mayFollow reports whether the policy leaves room for an attempt after the current
// one. A job whose standard streams were relayed is never tried again once it was
// started: what was read and delivered cannot be taken back.
func (j *Job) mayFollow() bool {
	return j.Status != JobCanceling && j.Stdio != StdioRelayed && j.Started() < j.Retry.MaxAttempts
}

// MayRetryLost reports whether another attempt follows when the current one is lost.
func (j *Job) MayRetryLost() bool { return j.Retry.names(RetryLost) && j.mayFollow() }

// MayRetryFailed reports whether another attempt follows when the process of the
// current one ends with an exit code; nil for one that could not be started.
func (j *Job) MayRetryFailed(exitCode *int) bool {
	wanted := j.Retry.names(RetryFailed) || exitCode != nil && j.Retry.names(strconv.Itoa(*exitCode))
	return wanted && j.mayFollow()
}

// LeaseFor returns how long the attempt that begins now may be out of contact before
// its worker has to stop it, 0 for ever: such an attempt is never stopped for silence.
func (j *Job) LeaseFor(w *Worker) time.Duration {
	if !w.Has(FeatureLease) || !j.Retry.names(RetryLost) || j.Stdio == StdioRelayed || j.Started()+1 >= j.Retry.MaxAttempts {
		return 0
	}
	return time.Duration(j.Retry.LostAfter) * time.Second
}
