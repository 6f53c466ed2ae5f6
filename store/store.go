// Package store is the contract of the coordinator's durable state and of the
// engines that keep it.
//
// The contract offers whole operations, not transactions: each applies one
// change of state together with the messages that announce it, atomically, and
// only if the state it was decided on still holds (compare-and-set). An engine
// may batch several operations and may execute one again after a deadlock,
// serialization or certification failure. Every change of a job's status is
// checked against the transition table of the root package; no engine and no
// caller decides what may follow what.
//
// All methods may be called by several goroutines, and for engines with a
// server by several processes, at once. Times are the engine's: UTC, with
// microseconds, from the database's clock or the injected one; no method takes
// the present time. Methods return errors whose dffmpeg.Code is CodeNotFound or
// CodeConflict where documented; any other error means that the engine failed,
// the outcome is unknown at worst and never half: it carries
// dffmpeg.CodeUnavailable and neither SQL, nor a DSN, nor a secret.
//
// Values returned are copies; changing them changes nothing.
package store

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// State is the part of the store whose changes commit together: jobs, workers
// and messages share one engine.
type State interface {
	Jobs
	Workers
	Messages
	Coordinators
	History
	Restorer
	// Now returns the engine's clock, which all stored times come from.
	Now(ctx context.Context) (time.Time, error)
	// Ping returns nil when the engine can serve reads and writes.
	Ping(ctx context.Context) error
	// Close releases the engine. It may be called twice.
	Close() error
}

// Outcome says what an operation did.
type Outcome int

// The outcomes of an operation.
const (
	// Applied: the change was made; Change.Messages announces it.
	Applied Outcome = iota + 1
	// Repeated: the same caller had made this very change before; nothing was
	// changed now.
	Repeated
	// Refused: the caller does not hold the job's current attempt, or the state
	// that the operation was decided on has passed. The job is unchanged;
	// Change.Messages may tell the caller to stop.
	Refused
	// Finished: the job had ended before. It is unchanged; Change.Messages may
	// tell the caller so.
	Finished
)

// String is for logs and tests.
func (o Outcome) String() string {
	switch o {
	case Applied:
		return "applied"
	case Repeated:
		return "repeated"
	case Refused:
		return "refused"
	case Finished:
		return "finished"
	default:
		return "unknown"
	}
}

// Change is the result of an operation on a job.
type Change struct {
	Outcome Outcome
	// Job is the record after the operation.
	Job dffmpeg.Job
	// Messages were committed with it, in order per recipient.
	Messages []dffmpeg.Message
}

// By identifies the worker that reports about a job. Attempt is 0 for a 0.4
// worker, which does not know it: then the report counts for the current one.
type By struct {
	WorkerID string
	Attempt  int
}
