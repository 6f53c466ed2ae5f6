package store

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Jobs keeps jobs and moves them through their life. Every method that names a
// job returns an error with dffmpeg.CodeNotFound when there is none of that ID.
//
// An operation of a worker (By) on a job whose worker or attempt is not the
// caller's has the outcome Refused, whatever the job's status; only when the
// caller is the holder do Repeated and Finished apply. A job that is pending
// again is in nobody's hands. Every applied report but output sets
// WorkerLastSeen.
type Jobs interface {
	// Submit stores a new pending job. The caller fills in the record but for
	// ID (made by the store when empty), Status, Attempt, times and Version.
	// ClientLastSeen is set. No message announces it. When the requester
	// submitted a job with the same non-empty IdempotencyKey before, that job
	// is returned with the outcome Repeated. An ID that exists is CodeConflict.
	// Lists and metadata that are nil are stored empty.
	Submit(ctx context.Context, job dffmpeg.Job) (Change, error)

	// Claim assigns a pending job to a worker: pending → assigned, attempt + 1,
	// WorkerLastSeen null, Reason and NotBefore cleared, a record added to Attempts.
	// Messages: job_status to the requester and job_request to the worker. Refused when
	// the job is no longer pending, may not begin yet or has had an attempt since it was
	// seen, when the worker is unknown, lacks something (Worker.Lacks; abilities are not
	// looked at) or may still run the job (Job.MayStillRun), or when one of its limits is
	// reached by the jobs that are in its hands (Worker.Reached), however many claim at
	// once.
	Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (Change, error)

	// Accept says that the worker starts the job: assigned → running; sets
	// WorkerLastSeen. Acknowledges the job_request. Message: job_status to the
	// requester. When the attempt is running already, only WorkerLastSeen is set. When
	// Refused, Finished, or the job is being canceled (then Refused), a
	// job_status `canceled` (respectively `canceling`) goes to the worker, if
	// such a worker is registered.
	Accept(ctx context.Context, jobID string, by By) (Change, error)

	// Reject gives an assigned job back: assigned → pending; WorkerID is kept,
	// so that the scheduler can avoid it. Acknowledges the job_request. Message:
	// job_status to the requester. Refused unless assigned to the caller, also
	// when the job ended. The second time in a row that nobody accepts the job it
	// waits for a moment (NotBefore), and longer each time after.
	Reject(ctx context.Context, jobID string, by By) (Change, error)

	// Renew is a worker's heartbeat: sets WorkerLastSeen. While the job runs a
	// job_status `running` goes to the requester; while it is canceling, the
	// worker is told `canceling` again. When Finished or Refused, the worker is
	// told job_status `canceled`, if such a worker is registered.
	Renew(ctx context.Context, jobID string, by By) (Change, error)

	// Finish is the worker's final report: assigned, running or canceling →
	// result.Status, which must be terminal (CodeInvalid otherwise). A job that failed
	// becomes pending instead when its policy says so (Job.MayRetryFailed), with
	// NotBefore as the policy has it. A job that completes counts against the workers
	// that failed or lost it before, and for its own ([dffmpeg.Trouble]).
	// Acknowledges all messages to the worker about the job. Message:
	// job_status to the requester. Repeated when the same attempt reported the
	// same result before; Finished when the job ended otherwise. result.Output is
	// stored and announced first, by the rules of AppendLogs: also when the job
	// had ended before.
	Finish(ctx context.Context, jobID string, by By, result Result) (Change, error)

	// AppendLogs stores output and announces it: message job_logs to the
	// requester, whose ID is the cursor of these entries. Entries get an ID and
	// where absent a timestamp. Entries are kept also after the job ended, if
	// they come from the last attempt. With batch > 0, a batch whose number is
	// not greater than the attempt's last one is Repeated and not stored.
	// Refused stores nothing. The job's status and Version do not change. An
	// empty batch is CodeInvalid.
	AppendLogs(ctx context.Context, jobID string, by By, batch int64, entries []dffmpeg.LogEntry) (Change, error)

	// Logs returns output oldest first. See LogQuery.
	Logs(ctx context.Context, jobID string, query LogQuery) (LogPage, error)

	// Output returns the bytes of one stream of one attempt from an offset on. See
	// OutputQuery. An attempt without output has none.
	Output(ctx context.Context, jobID string, query OutputQuery) (OutputPage, error)

	// Attend is the requester's heartbeat: sets ClientLastSeen, and Monitor
	// when monitor is not nil. When Finished, the final job_status is sent to
	// the requester again.
	Attend(ctx context.Context, jobID string, monitor *bool) (Change, error)

	// Cancel ends a job on request: pending → canceled; assigned, running →
	// canceling. by is the identity that asked, the sender of the messages.
	// Messages: job_status to the requester and, if it has one, the worker; a
	// job_request not yet acknowledged is withdrawn. Repeated when it is
	// canceling already, Finished when it ended.
	Cancel(ctx context.Context, jobID, by, reason string) (Change, error)

	// Requeue gives up on an attempt: assigned, running → pending with reason.
	// Message: job_status to the requester; the job_request is withdrawn; if
	// it had been sent, the worker is told job_status `canceled`. Refused when
	// seen.Version is no longer the job's. CodeInvalid when seen.Status is
	// another one.
	Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (Change, error)

	// Lose gives up on an attempt whose worker is lost, with reason: running → pending
	// when another attempt follows (Job.MayRetryLost), with NotBefore as the policy has
	// it, else failed; assigned → pending; canceling → canceled. Messages as of Requeue
	// and Conclude. Refused when seen.Version is no longer the job's. CodeInvalid when
	// seen.Status is another one.
	Lose(ctx context.Context, seen dffmpeg.Job, reason string) (Change, error)

	// Conclude ends a job on the coordinator's own decision, with reason:
	// status is failed, canceled or, to have the worker stop it first,
	// canceling, and must be allowed from seen.Status (CodeInvalid otherwise).
	// Messages: job_status to the requester, and to the worker, when the job was
	// in one's hands, `canceling` or `canceled` accordingly; a job_request not
	// yet acknowledged is withdrawn. Refused when
	// seen.Version is no longer the job's: every operation that changes the
	// record, heartbeats included, raises Version, so a sign of life that came
	// meanwhile wins.
	Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (Change, error)

	// Job returns one job.
	Job(ctx context.Context, id string) (dffmpeg.Job, error)

	// List returns jobs newest first, by ID. See JobQuery.
	List(ctx context.Context, query JobQuery) ([]dffmpeg.Job, error)

	// Active returns jobs with the given statuses (all active ones when none
	// is given), oldest first by ID, at most limit (0: all).
	Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error)

	// Monitored returns the active jobs that end with their requester (Monitor), but for
	// those being canceled, by ID.
	Monitored(ctx context.Context) ([]dffmpeg.Job, error)

	// Overdue returns pending jobs that have waited for longer than their QueueTimeout
	// since they became pending, in no order, at most limit.
	Overdue(ctx context.Context, limit int) ([]dffmpeg.Job, error)

	// Loads returns the jobs in the hands of workers (assigned, running, canceling), in
	// no order. Jobs that are alike may be counted together.
	Loads(ctx context.Context) ([]Held, error)

	// HeldBy returns the jobs in the hands of one worker, by ID.
	HeldBy(ctx context.Context, workerID string) ([]dffmpeg.Job, error)

	// Queues returns the heads of the queues in which a job may begin now, by queue, of
	// queues that sort after the one given, at most limit: fewer only when there are no
	// more. Jobs that a worker must meet the same demand for, of the same priority and
	// requester, are in one queue, whose name is theirs alone for ever; a queue whose
	// priority is higher sorts before. Its cost grows with the number of queues, and not
	// with that of jobs.
	Queues(ctx context.Context, after string, limit int) ([]Head, error)

	// Queued returns the jobs of one queue that may begin now, by ID, of those that sort
	// after the ID given, at most limit.
	Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error)

	// Enqueue puts pending jobs that are in no queue into theirs, at most limit, and
	// returns how many. Every operation leaves a pending job in its queue, but a
	// coordinator of an earlier version, which shares the database during an upgrade,
	// knows none.
	Enqueue(ctx context.Context, limit int) (int, error)

	// Depths returns how many jobs are pending in each queue, those included that may
	// not begin yet, by queue. Its cost grows with their number.
	Depths(ctx context.Context) ([]Depth, error)

	// Ahead returns how many jobs of a queue are older than the one given, those
	// included that may not begin yet. Its cost grows with their number.
	Ahead(ctx context.Context, queue, jobID string) (int, error)

	// Tally counts jobs for the metrics: those active now, and those created
	// since each of the given ages ago, per binary and per worker. A job counts
	// for its last worker, as current only while it is in that worker's hands.
	// Binaries and workers without a job to count are left out.
	Tally(ctx context.Context) (dffmpeg.MetricsAnswer, error)
}

// Held is a number of jobs in the hands of one worker that are alike.
type Held struct {
	WorkerID, RequesterID, BinaryName string
	Demand                            dffmpeg.Demand
	Jobs                              int
}

// Job returns a job as far as its load is concerned.
func (h *Held) Job() *dffmpeg.Job {
	return &dffmpeg.Job{BinaryName: h.BinaryName, Demand: h.Demand}
}

// JobsByWorker counts jobs for each worker that has any.
func JobsByWorker(held []Held) map[string]int {
	counts := make(map[string]int)
	for _, h := range held {
		counts[h.WorkerID] += h.Jobs
	}
	return counts
}

// Head is the front of a queue.
type Head struct {
	Queue       string
	RequesterID string
	Priority    int
	JobID       string // of its oldest job that may begin now
}

// Depth is the length of a queue.
type Depth struct {
	Queue       string
	RequesterID string
	Priority    int
	Jobs        int
	Oldest      string // the ID of its first job
}

// Result is how a process ended.
type Result struct {
	Status   dffmpeg.JobStatus
	ExitCode *int
	Reason   string
	// Output is the last batch of it, when it was not reported before, and Batch
	// its number, as in Jobs.AppendLogs.
	Output []dffmpeg.LogEntry
	Batch  int64
	// Warnings are added to the job's.
	Warnings []string
}

// JobQuery selects jobs: the active ones and those whose last update is less
// than Window ago.
type JobQuery struct {
	Requester string        // only this identity's; "" for everybody's
	Window    time.Duration // for finished ones
	Before    string        // only jobs whose ID sorts before this one
	Limit     int           // 0: no limit
}

// LogQuery selects batches of output.
type LogQuery struct {
	Since string // only batches whose message ID sorts after this; "" for all
	Limit int    // at most so many batches; 0: all
	// Without Since, Limit keeps the newest batches. With it, the oldest ones
	// after Since, so that paging misses none.
}

// LogPage is a page of output.
type LogPage struct {
	Entries []dffmpeg.LogEntry
	// LastMessageID is the cursor behind the last entry; the query's Since
	// when there is none.
	LastMessageID string
}

// MaxOutput bounds the bytes of an OutputPage.
const MaxOutput = 1 << 20

// OutputQuery selects bytes of output.
type OutputQuery struct {
	Attempt int // 0: the job's last
	Stream  dffmpeg.Stream
	Offset  int64 // of the first byte wanted, in the attempt's stream
	Limit   int   // at most so many bytes; 0: MaxOutput, which is the most
}

// Most returns the limit.
func (q OutputQuery) Most() int {
	if q.Limit <= 0 {
		return MaxOutput
	}
	return min(q.Limit, MaxOutput)
}

// OutputPage is bytes of a stream of an attempt. They begin at Offset, which is the
// query's unless what was there is not kept any more. There may be more behind them.
type OutputPage struct {
	Attempt int
	Offset  int64
	Data    []byte
}
