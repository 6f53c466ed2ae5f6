package janitor

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// pruneInterval is how often the janitor looks for history to forget.
	pruneInterval = time.Minute
	// pruneBatch is how many records of each kind are removed at once: few, as
	// everybody else who writes waits.
	pruneBatch = 200
	// pruneBatches bounds how many batches one round removes. What is left is for
	// the next one.
	pruneBatches = 50
	// keepProfiles is how long it is known what a program can do that no worker has any
	// more: one that was away brings it again.
	keepProfiles = 24 * time.Hour
)

// Retention is what is kept of the past (store.PruneOrder); zero means for
// ever, all.
type Retention struct {
	Jobs, Logs, Messages time.Duration
	LogBytes             int64 // of one job
}

// forget removes what has been kept long enough.
func (j *Janitor) forget(ctx context.Context, now time.Time) error {
	keep := j.settings.Retention
	if now.Before(j.nextPrune) {
		return nil
	}
	order := store.PruneOrder{
		Jobs: keep.Jobs, Logs: keep.Logs, Messages: keep.Messages, LogBytes: keep.LogBytes, Profiles: keepProfiles, Limit: pruneBatch,
	}
	var total store.Pruned
	for range pruneBatches {
		pruned, err := j.state.Prune(ctx, order)
		if err != nil {
			return err
		}
		if total = total.Add(pruned); !total.More {
			j.nextPrune = now.Add(pruneInterval)
			break
		}
	}
	if total.Jobs+total.Logs+total.Messages+total.Profiles > 0 {
		j.logger.Debug("history removed", "jobs", total.Jobs, "batches_of_output", total.Logs, "messages", total.Messages, "profiles", total.Profiles)
	}
	return nil
}
