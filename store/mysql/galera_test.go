package mysql

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

// spread is a store whose operations each go to another node of a cluster, as
// those of replicas do.
type spread struct{ nodes []store.State }

var _ store.State = spread{}

func (s spread) node() store.State { return s.nodes[rand.IntN(len(s.nodes))] }

func (s spread) Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error) {
	return s.node().Submit(ctx, job)
}

func (s spread) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	return s.node().Claim(ctx, seen, workerID)
}

func (s spread) Accept(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.node().Accept(ctx, jobID, by)
}

func (s spread) Reject(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.node().Reject(ctx, jobID, by)
}

func (s spread) Renew(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.node().Renew(ctx, jobID, by)
}

func (s spread) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	return s.node().Finish(ctx, jobID, by, result)
}

func (s spread) AppendLogs(ctx context.Context, jobID string, by store.By, batch int64, entries []dffmpeg.LogEntry) (store.Change, error) {
	return s.node().AppendLogs(ctx, jobID, by, batch, entries)
}

func (s spread) Logs(ctx context.Context, jobID string, query store.LogQuery) (store.LogPage, error) {
	return s.node().Logs(ctx, jobID, query)
}

func (s spread) Output(ctx context.Context, jobID string, query store.OutputQuery) (store.OutputPage, error) {
	return s.node().Output(ctx, jobID, query)
}

func (s spread) Attend(ctx context.Context, jobID string, monitor *bool) (store.Change, error) {
	return s.node().Attend(ctx, jobID, monitor)
}

func (s spread) Cancel(ctx context.Context, jobID, by, reason string) (store.Change, error) {
	return s.node().Cancel(ctx, jobID, by, reason)
}

func (s spread) Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.node().Requeue(ctx, seen, reason)
}

func (s spread) Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (store.Change, error) {
	return s.node().Conclude(ctx, seen, status, reason)
}

func (s spread) Beat(ctx context.Context, coordinator dffmpeg.Coordinator) error {
	return s.node().Beat(ctx, coordinator)
}

func (s spread) Leave(ctx context.Context, id string) error { return s.node().Leave(ctx, id) }

func (s spread) ListCoordinators(ctx context.Context, window time.Duration) ([]dffmpeg.Coordinator, error) {
	return s.node().ListCoordinators(ctx, window)
}

func (s spread) Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	return s.node().Lease(ctx, name, holder, ttl)
}

func (s spread) Home(ctx context.Context, jobID, own, instead string) (string, error) {
	return s.node().Home(ctx, jobID, own, instead)
}

func (s spread) Positions(ctx context.Context, recipients []dffmpeg.Recipient) (map[dffmpeg.Recipient]int64, error) {
	return s.node().Positions(ctx, recipients)
}

func (s spread) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	return s.node().Job(ctx, id)
}

func (s spread) List(ctx context.Context, query store.JobQuery) ([]dffmpeg.Job, error) {
	return s.node().List(ctx, query)
}

func (s spread) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	return s.node().Active(ctx, limit, statuses...)
}

func (s spread) Loads(ctx context.Context) ([]store.Held, error) { return s.node().Loads(ctx) }

func (s spread) HeldBy(ctx context.Context, workerID string) ([]dffmpeg.Job, error) {
	return s.node().HeldBy(ctx, workerID)
}

func (s spread) Queues(ctx context.Context, after string, limit int) ([]store.Head, error) {
	return s.node().Queues(ctx, after, limit)
}

func (s spread) Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error) {
	return s.node().Queued(ctx, queue, after, limit)
}

func (s spread) Enqueue(ctx context.Context, limit int) (int, error) {
	return s.node().Enqueue(ctx, limit)
}

func (s spread) Depths(ctx context.Context) ([]store.Depth, error) { return s.node().Depths(ctx) }

func (s spread) Ahead(ctx context.Context, queue, jobID string) (int, error) {
	return s.node().Ahead(ctx, queue, jobID)
}

func (s spread) Monitored(ctx context.Context) ([]dffmpeg.Job, error) { return s.node().Monitored(ctx) }

func (s spread) Overdue(ctx context.Context, limit int) ([]dffmpeg.Job, error) {
	return s.node().Overdue(ctx, limit)
}

func (s spread) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.node().Lose(ctx, seen, reason)
}

func (s spread) PauseWorker(ctx context.Context, workerID string, pause *dffmpeg.Pause) (dffmpeg.Worker, error) {
	return s.node().PauseWorker(ctx, workerID, pause)
}

func (s spread) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	return s.node().SaveProfile(ctx, profile)
}

func (s spread) Profile(ctx context.Context, id string) (dffmpeg.Profile, error) {
	return s.node().Profile(ctx, id)
}

func (s spread) Tally(ctx context.Context) (dffmpeg.MetricsAnswer, error) { return s.node().Tally(ctx) }

func (s spread) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	return s.node().Register(ctx, registration)
}

func (s spread) Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error) {
	return s.node().Verify(ctx, workerID, token)
}

func (s spread) Deregister(ctx context.Context, workerID string) (dffmpeg.Worker, error) {
	return s.node().Deregister(ctx, workerID)
}

func (s spread) Expire(ctx context.Context, seen dffmpeg.Worker) (bool, error) {
	return s.node().Expire(ctx, seen)
}

func (s spread) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	return s.node().Worker(ctx, id)
}

func (s spread) ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	return s.node().ListWorkers(ctx, window)
}

func (s spread) Mail(ctx context.Context, to dffmpeg.Recipient, query store.MailQuery) ([]dffmpeg.Message, error) {
	return s.node().Mail(ctx, to, query)
}

func (s spread) MarkSent(ctx context.Context, to dffmpeg.Recipient, through int64) error {
	return s.node().MarkSent(ctx, to, through)
}

func (s spread) Acknowledge(ctx context.Context, to dffmpeg.Recipient, ids []string) (int, error) {
	return s.node().Acknowledge(ctx, to, ids)
}

func (s spread) Unsent(ctx context.Context, transports []string, limit int) ([]dffmpeg.Recipient, error) {
	return s.node().Unsent(ctx, transports, limit)
}

func (s spread) Prune(ctx context.Context, order store.PruneOrder) (store.Pruned, error) {
	return s.node().Prune(ctx, order)
}

func (s spread) Restore(ctx context.Context, jobs []dffmpeg.Job) (int, error) {
	return s.node().Restore(ctx, jobs)
}

func (s spread) Now(ctx context.Context) (time.Time, error) { return s.node().Now(ctx) }
func (s spread) Ping(ctx context.Context) error             { return s.node().Ping(ctx) }

func (s spread) Close() error {
	var errs []error
	for _, node := range s.nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// TestStateOnCluster runs the suite with every operation on another node of a
// Galera cluster than the last one: what collides is certified, refused on one
// of them and executed again.
func TestStateOnCluster(t *testing.T) {
	storetest.Run(t, func(t *testing.T, o storetest.Options) store.State {
		t.Helper()
		names := tables(t, "GALERA")
		var s spread
		for address := range strings.SplitSeq(testservices.URL(t, "GALERA"), ",") {
			state, err := Open(t.Context(), testservices.Settings(t, address, DefaultSettings()), Options{Tables: names, Now: o.Now, IDs: o.IDs})
			if err != nil {
				t.Fatal(err)
			}
			s.nodes = append(s.nodes, state)
		}
		return s
	}, storetest.Features{InjectedClock: true})
}
