package janitor

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// expireWorkers takes workers offline that have not proven within a multiple
// of their registration interval that they receive messages.
func (j *Janitor) expireWorkers(ctx context.Context, now time.Time) error {
	workers, err := j.state.ListWorkers(ctx, 0)
	if err != nil {
		return err
	}
	for _, w := range workers {
		limit := times(j.settings.WorkerFactor, w.RegistrationInterval)
		if w.Status == dffmpeg.WorkerOffline || j.silentFor(now, proven(&w), w.RegisteredAt) <= limit {
			continue
		}
		expired, err := j.state.Expire(ctx, w)
		if err != nil {
			return err
		}
		if expired {
			j.logger.Warn("worker is silent and counts as offline", "worker", w.ID, "limit", limit.String())
		}
	}
	return nil
}

// proven returns when the worker last answered a token; a worker that is
// still registering has to answer its first one.
func proven(w *dffmpeg.Worker) *time.Time {
	if w.Status == dffmpeg.WorkerRegistering {
		return nil
	}
	return w.LastSeen
}
