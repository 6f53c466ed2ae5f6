package admincmd

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Deferred is a Cluster that is connected when the first command needs it:
// work on identities needs none.
type Deferred func(ctx context.Context) (Cluster, error)

var _ Cluster = Deferred(nil)

// through calls f with the cluster.
func through[T any](ctx context.Context, d Deferred, f func(Cluster) (T, error)) (T, error) {
	cluster, err := d(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return f(cluster)
}

// Health implements Cluster.
func (d Deferred) Health(ctx context.Context) (dffmpeg.HealthAnswer, error) {
	return through(ctx, d, func(c Cluster) (dffmpeg.HealthAnswer, error) { return c.Health(ctx) })
}

// Workers implements Cluster.
func (d Deferred) Workers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	return through(ctx, d, func(c Cluster) ([]dffmpeg.Worker, error) { return c.Workers(ctx, window) })
}

// Worker implements Cluster.
func (d Deferred) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	return through(ctx, d, func(c Cluster) (dffmpeg.Worker, error) { return c.Worker(ctx, id) })
}

// Jobs implements Cluster.
func (d Deferred) Jobs(ctx context.Context, window time.Duration, requester string) ([]dffmpeg.Job, error) {
	return through(ctx, d, func(c Cluster) ([]dffmpeg.Job, error) { return c.Jobs(ctx, window, requester) })
}

// Job implements Cluster.
func (d Deferred) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	return through(ctx, d, func(c Cluster) (dffmpeg.Job, error) { return c.Job(ctx, id) })
}

// Logs implements Cluster.
func (d Deferred) Logs(ctx context.Context, id, since string) (dffmpeg.LogsAnswer, error) {
	return through(ctx, d, func(c Cluster) (dffmpeg.LogsAnswer, error) { return c.Logs(ctx, id, since) })
}

// Coordinators implements Cluster.
func (d Deferred) Coordinators(ctx context.Context) ([]dffmpeg.Coordinator, error) {
	return through(ctx, d, func(c Cluster) ([]dffmpeg.Coordinator, error) { return c.Coordinators(ctx) })
}

// Janitor implements Cluster.
func (d Deferred) Janitor(ctx context.Context, action dffmpeg.JanitorAction) error {
	cluster, err := d(ctx)
	if err != nil {
		return err
	}
	return cluster.Janitor(ctx, action)
}
