package store

import (
	"context"
	"time"
)

// History is the part of the store that forgets.
type History interface {
	// Prune removes what has been kept long enough, the oldest first, at most
	// order.Limit records of each kind in one go, and says how many of each. A
	// caller repeats it while there is more. Jobs that have not ended stay,
	// and so does what is not yet due, whatever the limits are. What reads at the
	// same time finds a record or does not; a cursor stays valid.
	Prune(ctx context.Context, order PruneOrder) (Pruned, error)
}

// PruneOrder says what is kept. A zero age or size means: for ever, all.
type PruneOrder struct {
	// Jobs is how long a job is kept after it ended, with all that belongs to it.
	Jobs time.Duration
	// Logs is how long output is kept.
	Logs time.Duration
	// Messages is how long messages are kept, delivered or not. A peer that comes
	// later finds what became of a job in its record, and its output.
	Messages time.Duration
	// LogBytes is how much output of one job is kept, as the process wrote it: the
	// newest.
	LogBytes int64
	// Profiles is how long what a program can do is kept that no worker names, from when
	// it was saved last.
	Profiles time.Duration
	// Limit bounds what one call removes of each kind, at least 1.
	Limit int
}

// Pruned is how many records were removed, without those that belonged to a job
// that was. Output counts in batches.
type Pruned struct {
	Jobs, Logs, Messages, Profiles int
	More                           bool // the limit was reached; there may be more that is due
}

// Add returns the sum of what two calls removed; More is the last one's.
func (p Pruned) Add(next Pruned) Pruned {
	return Pruned{
		Jobs: p.Jobs + next.Jobs, Logs: p.Logs + next.Logs, Messages: p.Messages + next.Messages, Profiles: p.Profiles + next.Profiles,
		More: next.More,
	}
}
