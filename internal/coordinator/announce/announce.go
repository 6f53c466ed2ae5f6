// Package announce makes committed changes known: it decorates the store so
// that every operation, once committed, wakes the outbox for the recipients of
// its messages and the scheduler when there may be something to assign. Rule 3
// of the architecture lives here: events, not sleeps.
package announce

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Post is told who has new mail. Notify must not block.
type Post interface {
	// Notify says that to has mail which may be delivered from notBefore on;
	// the zero time means now.
	Notify(to dffmpeg.Recipient, notBefore time.Time)
}

// Queue is told that a job or a worker may have become available. Its methods must
// not block.
type Queue interface {
	Wake()
	// WakeAfter says that a job may begin after a pause.
	WakeAfter(pause time.Duration)
}

// Wrap returns state with every operation announced. Reads pass through.
func Wrap(state store.State, post Post, queue Queue) store.State {
	return &announcer{State: state, post: post, queue: queue}
}

type announcer struct {
	store.State
	post  Post
	queue Queue
}

// change announces the result of an operation on a job and passes it on.
func (a *announcer) change(c store.Change, err error) (store.Change, error) {
	if err != nil {
		return c, err
	}
	a.mail(c.Messages)
	if c.Outcome == store.Applied && (c.Job.Status == dffmpeg.JobPending || c.Job.Status.Terminal()) {
		a.queue.Wake() // a job to assign, or a worker with less to do
	}
	if c.Outcome == store.Applied && c.Job.Status == dffmpeg.JobPending && c.Job.NotBefore != nil {
		// By the store's clock: LastUpdate is its present.
		a.queue.WakeAfter(c.Job.NotBefore.Sub(c.Job.LastUpdate))
	}
	return c, nil
}

// mail notifies each recipient once per operation.
func (a *announcer) mail(messages []dffmpeg.Message) {
	for i, m := range messages {
		if i > 0 && messages[i-1].To == m.To {
			continue
		}
		a.post.Notify(m.To, due(&m))
	}
}

// due returns from when a message may be delivered by this machine's clock, the zero time
// for at once. The message says so by the store's, whose present its timestamp is.
func due(m *dffmpeg.Message) time.Time {
	if m.NotBefore.IsZero() {
		return time.Time{}
	}
	return time.Now().Add(m.NotBefore.Sub(m.Timestamp))
}

func (a *announcer) Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error) {
	return a.change(a.State.Submit(ctx, job))
}

func (a *announcer) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	return a.change(a.State.Claim(ctx, seen, workerID))
}

func (a *announcer) Accept(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return a.change(a.State.Accept(ctx, jobID, by))
}

func (a *announcer) Reject(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return a.change(a.State.Reject(ctx, jobID, by))
}

func (a *announcer) Renew(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return a.change(a.State.Renew(ctx, jobID, by))
}

func (a *announcer) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	return a.change(a.State.Finish(ctx, jobID, by, result))
}

func (a *announcer) AppendLogs(ctx context.Context, jobID string, by store.By, batch int64, entries []dffmpeg.LogEntry) (store.Change, error) {
	c, err := a.State.AppendLogs(ctx, jobID, by, batch, entries)
	if err == nil {
		a.mail(c.Messages)
	}
	return c, err
}

func (a *announcer) Attend(ctx context.Context, jobID string, monitor *bool) (store.Change, error) {
	c, err := a.State.Attend(ctx, jobID, monitor)
	if err == nil {
		a.mail(c.Messages)
	}
	return c, err
}

func (a *announcer) Cancel(ctx context.Context, jobID, by, reason string) (store.Change, error) {
	return a.change(a.State.Cancel(ctx, jobID, by, reason))
}

func (a *announcer) Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return a.change(a.State.Requeue(ctx, seen, reason))
}

func (a *announcer) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return a.change(a.State.Lose(ctx, seen, reason))
}

func (a *announcer) Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (store.Change, error) {
	return a.change(a.State.Conclude(ctx, seen, status, reason))
}

func (a *announcer) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	r, err := a.State.Register(ctx, registration)
	if err != nil {
		return r, err
	}
	a.mail(r.Messages)
	if len(r.Messages) == 0 && qualifiesAnew(r.Previous, &r.Worker) {
		a.queue.Wake() // nothing is left to verify
	}
	return r, nil
}

// qualifiesAnew reports whether a worker may now do what it could not before.
func qualifiesAnew(before, now *dffmpeg.Worker) bool {
	return now.Status == dffmpeg.WorkerOnline &&
		(before.Status != now.Status || !slices.Equal(before.Binaries, now.Binaries) || !slices.Equal(before.Paths, now.Paths) ||
			!reflect.DeepEqual(before.Offer, now.Offer))
}

func (a *announcer) PauseWorker(ctx context.Context, workerID string, pause *dffmpeg.Pause) (dffmpeg.Worker, error) {
	w, err := a.State.PauseWorker(ctx, workerID, pause)
	if err == nil && pause == nil {
		a.queue.Wake()
	}
	return w, err
}

func (a *announcer) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	err := a.State.SaveProfile(ctx, profile)
	if err == nil {
		a.queue.Wake() // jobs may wait for a worker of which it was not known
	}
	return err
}

func (a *announcer) Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error) {
	w, err := a.State.Verify(ctx, workerID, token)
	if err == nil && w.Status == dffmpeg.WorkerOnline {
		a.queue.Wake()
	}
	return w, err
}
