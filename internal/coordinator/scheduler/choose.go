package scheduler

import (
	"cmp"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// choose returns the worker among those given that should take the job; see compare.
// It returns nil when there is none.
func choose(job *dffmpeg.Job, among []*candidate) *candidate {
	var best *candidate
	for _, c := range among {
		if best == nil || compare(job, c, best) < 0 {
			best = c
		}
	}
	return best
}

// compare orders two workers that qualify and have room, the better one first. A
// worker that would get its arguments without the paths within them is the last
// choice, then one on trial for a job that is not tried again if it fails there, one that
// has failed or given back the job, one that sends lines to a requester that takes bytes,
// and one of which it is not known whether it can do what the job needs. Of the others one with more of the preferred labels is better, then the
// one whose share of work is smallest, then the most recently seen.
func compare(job *dffmpeg.Job, a, b *candidate) int {
	return cmp.Or(
		cmp.Compare(cutShort(job, a.worker), cutShort(job, b.worker)),
		cmp.Compare(staked(job, a.worker), staked(job, b.worker)),
		cmp.Compare(hadIt(job, a.worker), hadIt(job, b.worker)),
		cmp.Compare(linesOnly(job, a.worker), linesOnly(job, b.worker)),
		cmp.Compare(guess(job, a.worker), guess(job, b.worker)),
		cmp.Compare(preferred(job, b.worker), preferred(job, a.worker)),
		cmp.Compare(a.burden(job), b.burden(job)),
		lastSeen(b.worker).Compare(lastSeen(a.worker)),
		cmp.Compare(a.worker.ID, b.worker.ID),
	)
}

// cutShort is 1 for a worker that would get only version 1 of arguments that
// need the second form, else 0.
func cutShort(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if job.Segments != nil && !w.Has(dffmpeg.FeatureSegments) {
		return 1
	}
	return 0
}

// staked is 1 for a worker that has to prove itself with a job that is not tried again if
// it fails there, else 0.
func staked(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	again := job.Retry.On != nil && job.Started()+1 < job.Retry.MaxAttempts
	if w.Trouble != nil && w.Trouble.OnTrial && !again {
		return 1
	}
	return 0
}

// linesOnly is 1 for a worker that sends lines to a requester that takes bytes,
// else 0.
func linesOnly(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if w.SendsLines(job) {
		return 1
	}
	return 0
}

// hadIt is how many of the job's attempts the worker had.
func hadIt(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	had := 0
	for i := range job.Attempts {
		if job.Attempts[i].WorkerID == w.ID {
			had++
		}
	}
	if had == 0 && job.Worker() == w.ID {
		had = 1 // assigned before attempts were kept
	}
	return had
}

// guess is 1 for a worker whose abilities are not known, when the job needs some.
func guess(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if len(job.Demand.Needs) > 0 && w.Profiles[job.BinaryName] == nil {
		return 1
	}
	return 0
}

// preferred counts the labels that the job prefers and the worker has.
func preferred(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	count := 0
	for name, value := range job.Prefer {
		if got, has := w.Offer.Labels[name]; has && got == value {
			count++
		}
	}
	return count
}

// lastSeen returns when the worker last proved that it hears.
func lastSeen(w *dffmpeg.Worker) time.Time {
	if w.LastSeen == nil {
		return time.Time{}
	}
	return *w.LastSeen
}

// justLost reports whether the worker lost the job's last attempt.
func justLost(job *dffmpeg.Job, w *dffmpeg.Worker) bool {
	last := job.CurrentAttempt()
	return last != nil && last.WorkerID == w.ID && last.Outcome == dffmpeg.AttemptLost
}
