package dffmpeg

import "slices"

// JobStatus says where a job is in its life. The set is closed: 0.4 peers
// reject an answer that holds a status they do not know.
type JobStatus string

// The statuses of a job.
const (
	JobPending   JobStatus = "pending"   // waits for a worker
	JobAssigned  JobStatus = "assigned"  // offered to a worker that has not accepted yet
	JobRunning   JobStatus = "running"   // accepted; its process runs
	JobCanceling JobStatus = "canceling" // its worker was told to stop it
	JobCompleted JobStatus = "completed" // ended with exit code 0
	JobFailed    JobStatus = "failed"    // ended otherwise, or could not be run
	JobCanceled  JobStatus = "canceled"  // ended because somebody asked for it
)

// jobTransitions returns what may follow each status. It is the only place that
// knows: every store checks a change against it through [JobStatus.CanBecome].
func jobTransitions(from JobStatus) []JobStatus {
	switch from {
	case JobPending:
		return []JobStatus{JobAssigned, JobFailed, JobCanceled}
	case JobAssigned:
		// A worker's final report implies that it accepted: a 0.4 worker
		// ignores the answer to its accept, and `failed` may come without one.
		return []JobStatus{JobRunning, JobPending, JobCanceling, JobCompleted, JobFailed, JobCanceled}
	case JobRunning:
		// Back to pending: a lost attempt that may be tried again.
		return []JobStatus{JobPending, JobCanceling, JobCompleted, JobFailed, JobCanceled}
	case JobCanceling:
		// The process may end by itself before the worker stops it.
		return []JobStatus{JobCompleted, JobFailed, JobCanceled}
	default:
		return nil
	}
}

// JobStatuses lists every status in the order of a job's life.
func JobStatuses() []JobStatus {
	return []JobStatus{
		JobPending, JobAssigned, JobRunning, JobCanceling,
		JobCompleted, JobFailed, JobCanceled,
	}
}

// Valid reports whether s is one of the known statuses.
func (s JobStatus) Valid() bool { return slices.Contains(JobStatuses(), s) }

// CanBecome reports whether a job may change from s to next.
func (s JobStatus) CanBecome(next JobStatus) bool {
	return slices.Contains(jobTransitions(s), next)
}

// Terminal reports whether a job with this status has ended for good.
func (s JobStatus) Terminal() bool {
	return s == JobCompleted || s == JobFailed || s == JobCanceled
}

// Active reports whether a job with this status still occupies somebody: it is
// valid and not terminal.
func (s JobStatus) Active() bool { return s.Valid() && !s.Terminal() }

// HasWorker reports whether a job with this status is in the hands of a worker.
func (s JobStatus) HasWorker() bool {
	return s == JobAssigned || s == JobRunning || s == JobCanceling
}

// WorkerStatus says whether a worker takes jobs. The set is closed.
type WorkerStatus string

// The statuses of a worker.
const (
	WorkerRegistering WorkerStatus = "registering" // waits for its registration token to come back
	WorkerOnline      WorkerStatus = "online"      // takes jobs
	WorkerDraining    WorkerStatus = "draining"    // finishes what it has, takes nothing new
	WorkerOffline     WorkerStatus = "offline"     // deregistered or silent for too long
	WorkerError       WorkerStatus = "error"       // known to 0.4 peers; never set by this coordinator
)

// WorkerStatuses lists every worker status.
func WorkerStatuses() []WorkerStatus {
	return []WorkerStatus{WorkerRegistering, WorkerOnline, WorkerDraining, WorkerOffline, WorkerError}
}

// Valid reports whether s is one of the known statuses.
func (s WorkerStatus) Valid() bool { return slices.Contains(WorkerStatuses(), s) }

// Present reports whether a worker with this status has proven that it
// receives its messages: it is online or draining.
func (s WorkerStatus) Present() bool { return s == WorkerOnline || s == WorkerDraining }
