package coordinator

import (
	"context"
	"log/slog"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// abandonTries is how often a dead requester's job is canceled, in case the
	// store is away; after that its heartbeats are missed.
	abandonTries = 5
	abandonPause = time.Second
)

// abandon cancels the job of a requester that is dead.
func abandon(ctx context.Context, state store.State, jobID string, logger *slog.Logger) {
	for try := 1; ; try++ {
		err := cancelOrphan(ctx, state, jobID)
		if err == nil || ctx.Err() != nil || try == abandonTries || dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
			if err != nil {
				logger.Warn("the job of a requester that is gone was not canceled; it will be when its heartbeats are missed", "job", jobID, "error", err)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(abandonPause):
		}
	}
}

func cancelOrphan(ctx context.Context, state store.State, jobID string) error {
	job, err := state.Job(ctx, jobID)
	if err != nil || job.Status.Terminal() {
		return err
	}
	_, err = state.Cancel(ctx, jobID, job.RequesterID, "The program that waited for the job ended without saying so")
	return err
}
