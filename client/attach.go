package client

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

const (
	// beforeAll is a cursor that every message sorts after. With it somebody
	// who attaches late gets also what was delivered to others before.
	beforeAll = "00000000000000000000000000"
	// finalGrace is how long the final message may take after a heartbeat was
	// told that the job has ended; then the record is read instead. Needed with
	// 0.4 coordinators, which may lose it.
	finalGrace = 2 * time.Second
	// heartbeatRetry is the pause before a heartbeat that failed is repeated.
	heartbeatRetry = time.Second
)

// Events receives what happens to an attached job. Its methods are called by
// one goroutine at a time, in order.
type Events interface {
	// Output is given lines of output. An error ends the attachment and is
	// returned by Attach.
	Output(lines []dffmpeg.LogEntry) error
	// Status is told of each change of status, the final one included.
	Status(change dffmpeg.JobStatusChange)
}

// Attachment says how to follow a job.
type Attachment struct {
	Job dffmpeg.Job
	// After is the ID of the last message known, "" for all since the job's
	// start: see Client.Logs for reading what came before.
	After string
	// Streams are the caller's standard streams, for a job that was submitted with
	// FeatureStdio among its features; nil to get output as lines only. Events are
	// given lines when the job's worker has no more than that.
	Streams *Streams
	// Connection is the one that Start returned, if any. Attach closes it.
	Connection *Connection
	// Monitor makes the job depend on this attachment: heartbeats are sent, and
	// when they cease the coordinator cancels the job.
	Monitor bool
}

// Attach follows a job until it ends and returns its final status. It goes on
// through lost connections and restarts of the coordinator. When ctx ends it
// returns ctx's error and leaves the job alone.
func (c *Client) Attach(ctx context.Context, at Attachment, events Events) (dffmpeg.JobStatusChange, error) {
	defer at.Connection.Close()
	listener, err := c.connector.Connect(at.Job.Transport, transport.Subscription{
		Recipient: at.Job.Requester(),
		Metadata:  at.Job.TransportMetadata,
		After:     cmp.Or(at.After, beforeAll),
	}, c.fetch(at.Job.ID))
	if err != nil {
		return dffmpeg.JobStatusChange{}, err
	}
	f := &follower{client: c, at: at, events: events, dedupe: transport.NewDeduper(), last: at.After}
	if at.Streams != nil && at.Job.Stdio != dffmpeg.StdioNone {
		flow := c.connect(ctx, at)
		defer flow.leave()
		f.flow = flow
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.listen(gctx, listener) })
	group.Go(func() error { return f.heartbeats(gctx) })
	err = group.Wait()
	switch {
	case errors.Is(err, errEnded):
	case errors.Is(err, errOverdue):
		if _, err := f.catchUp(ctx); err != nil {
			return dffmpeg.JobStatusChange{}, err
		}
	default:
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return dffmpeg.JobStatusChange{}, err
	}
	if f.relayed {
		return f.final, f.flow.drain(ctx, f.final)
	}
	return f.final, nil
}

// Why an attachment's goroutines stop.
var (
	errEnded   = errors.New("job ended")
	errOverdue = errors.New("job ended and its final message is overdue")
)

// follower is one attachment at work. Its fields belong to the goroutine that
// listens, and to Attach once that has ended.
type follower struct {
	client *Client
	at     Attachment
	events Events
	dedupe *transport.Deduper
	last   string // ID of the last message handled
	final  dffmpeg.JobStatusChange
	// flow are the standard streams, nil without; relayed says that the current
	// attempt's output comes by them.
	flow    *flow
	relayed bool
}

func (f *follower) listen(ctx context.Context, listener transport.Client) error {
	return listener.Listen(ctx, func(_ context.Context, messages []dffmpeg.Message) error { return f.take(messages) })
}

// take handles messages, each once.
func (f *follower) take(messages []dffmpeg.Message) error {
	for i := range messages {
		if f.dedupe.Seen(messages[i].ID) {
			continue
		}
		f.last = messages[i].ID
		if err := f.handle(&messages[i]); err != nil {
			return err
		}
	}
	return nil
}

// handle acts upon one message.
func (f *follower) handle(m *dffmpeg.Message) error {
	switch m.Type {
	case dffmpeg.MessageJobLogs:
		logs, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](m)
		if err != nil {
			return err
		}
		if f.relayed {
			return nil
		}
		return f.events.Output(logs.Logs)
	case dffmpeg.MessageJobStatus:
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](m)
		if err != nil {
			return err
		}
		f.relayed = change.Stdio && f.flow != nil
		f.events.Status(change)
		if change.Status.Terminal() {
			f.final = change
			return errEnded
		}
	}
	return nil
}

// heartbeats keeps a monitored job alive until ctx is done.
func (f *follower) heartbeats(ctx context.Context) error {
	if !f.at.Monitor {
		<-ctx.Done()
		return ctx.Err()
	}
	interval := time.Duration(max(1, f.at.Job.HeartbeatInterval)) * time.Second
	pause := interval
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause - rand.N(pause/10+1)):
		}
		ended, err := f.client.heartbeat(ctx, f.at.Job.ID, true)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.client.logger.Debug("heartbeat failed; trying again", "job", f.at.Job.ID, "error", err)
			pause = min(interval, heartbeatRetry)
		case ended && pause == finalGrace:
			return errOverdue
		case ended:
			pause = finalGrace
		default:
			pause = interval
		}
	}
}

// catchUp reads what the messages that never came would have told: the messages
// themselves, or from a coordinator that does not offer them the record.
func (f *follower) catchUp(ctx context.Context) (dffmpeg.JobStatusChange, error) {
	if err := f.fetchMissing(ctx); errors.Is(err, errEnded) {
		return f.final, nil
	} else if err != nil {
		return dffmpeg.JobStatusChange{}, err
	}
	for {
		page, err := f.client.Logs(ctx, f.at.Job.ID, f.last, 0)
		if err != nil {
			return dffmpeg.JobStatusChange{}, err
		}
		if len(page.Logs) == 0 || page.LastMessageID == nil || *page.LastMessageID == f.last {
			break
		}
		f.last = *page.LastMessageID
		if f.relayed {
			continue
		}
		if err := f.events.Output(page.Logs); err != nil {
			return dffmpeg.JobStatusChange{}, err
		}
	}
	job, err := f.client.Job(ctx, f.at.Job.ID)
	if err != nil {
		return dffmpeg.JobStatusChange{}, err
	}
	f.final = dffmpeg.NewJobStatusChange(&job)
	f.relayed = f.final.Stdio && f.flow != nil
	f.events.Status(f.final)
	return f.final, nil
}

// fetchMissing handles the messages that can be fetched and did not come. It
// returns errEnded after the final one.
func (f *follower) fetchMissing(ctx context.Context) error {
	fetch := f.client.fetch(f.at.Job.ID)
	for {
		messages, err := fetch(ctx, cmp.Or(f.last, beforeAll))
		if err != nil || len(messages) == 0 {
			return err
		}
		if err := f.take(messages); err != nil {
			return err
		}
		f.last = messages[len(messages)-1].ID // also if it is known
	}
}
