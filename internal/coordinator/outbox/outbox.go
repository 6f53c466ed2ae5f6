// Package outbox brings committed messages to the transports. Messages wait in
// the store; the outbox only moves them, so that nothing it holds in memory is
// worth saving.
//
// A recipient on a pulling transport is woken and fetches for itself. For a
// pushing transport the outbox publishes what was not sent, in order, one
// publication per recipient at a time, and records it as sent. What failed, or
// what a wake-up was lost for, is found again by a sweep, which one of the
// coordinators on a database does: who stored a message publishes it.
package outbox

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Tuning of the outbox; none of it is visible to peers.
const (
	lanes         = 8                // publications at the same time
	sweepInterval = 5 * time.Second  // how soon a lost wake-up is made good
	sweepLimit    = 1000             // recipients per sweep
	retryDelay    = time.Second      // after a failed publication
	publishLimit  = 30 * time.Second // for one publication
	// absentLimit is how old a message becomes for a recipient who does not listen,
	// before it counts as sent: who comes later fetches it.
	absentLimit = time.Minute
)

// Outbox delivers messages. Make one with New, then Run it.
type Outbox struct {
	state   store.State
	pullers []transport.Puller
	pushers map[string]transport.Pusher
	logger  *slog.Logger
	seed    maphash.Seed
	lanes   [lanes]*lane
	delayed *delayLine
	later   *delayLine // those to be woken, of Wake
	onDuty  func() bool
}

// New returns an outbox over the enabled transports. Notify may be called at
// once; what needs Run is done once it runs. It sweeps while onDuty says so.
func New(state store.State, servers []transport.Server, onDuty func() bool, logger *slog.Logger) *Outbox {
	o := &Outbox{
		state:   state,
		pushers: make(map[string]transport.Pusher),
		logger:  logger,
		seed:    maphash.MakeSeed(),
		delayed: newDelayLine(),
		later:   newDelayLine(),
		onDuty:  onDuty,
	}
	for i := range o.lanes {
		o.lanes[i] = newLane()
	}
	for _, server := range servers {
		switch s := server.(type) {
		case transport.Puller:
			o.pullers = append(o.pullers, s)
		case transport.Pusher:
			o.pushers[s.Name()] = s
		}
	}
	return o
}

// Notify says that to has mail which may be delivered from notBefore on; the
// zero time means now. It does not block and may be called by several
// goroutines at once.
func (o *Outbox) Notify(to dffmpeg.Recipient, notBefore time.Time) {
	if !notBefore.IsZero() && time.Until(notBefore) > 0 {
		o.delayed.add(to, notBefore)
		return
	}
	o.wake(to)
	if len(o.pushers) > 0 {
		o.laneOf(to).add(to)
	}
}

// Wake says that another coordinator has stored mail for to, which it publishes
// itself if that is how it travels. It does not block.
func (o *Outbox) Wake(to dffmpeg.Recipient, notBefore time.Time) {
	if !notBefore.IsZero() && time.Until(notBefore) > 0 {
		o.later.add(to, notBefore)
		return
	}
	o.wake(to)
}

func (o *Outbox) wake(to dffmpeg.Recipient) {
	for _, puller := range o.pullers {
		puller.Wake(to)
	}
}

// laneOf keeps a recipient in one lane, so that its messages stay in order.
func (o *Outbox) laneOf(to dffmpeg.Recipient) *lane {
	return o.lanes[maphash.Comparable(o.seed, to)%lanes]
}

// Run delivers until ctx is done and returns when all it started has ended.
func (o *Outbox) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return o.delayed.run(ctx, func(to dffmpeg.Recipient) { o.Notify(to, time.Time{}) })
	})
	group.Go(func() error { return o.later.run(ctx, o.wake) })
	if len(o.pushers) > 0 {
		for _, l := range o.lanes {
			group.Go(func() error { return l.run(ctx, o.publish) })
		}
		group.Go(func() error { return o.sweep(ctx) })
	}
	return group.Wait()
}

// sweep finds, at the start and then regularly, recipients whose messages
// nobody has been told of.
func (o *Outbox) sweep(ctx context.Context) error {
	names := make([]string, 0, len(o.pushers))
	for name := range o.pushers {
		names = append(names, name)
	}
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if o.onDuty() {
			recipients, err := o.state.Unsent(ctx, names, sweepLimit)
			if err != nil && ctx.Err() == nil {
				o.logger.Warn("looking for undelivered messages failed; trying again", "error", err)
			}
			for _, to := range recipients {
				o.laneOf(to).add(to)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// publish hands over what was not sent to one recipient; when it fails, the
// recipient is tried again after a delay.
func (o *Outbox) publish(ctx context.Context, to dffmpeg.Recipient) {
	err := o.publishUnsent(ctx, to)
	if err == nil || ctx.Err() != nil {
		return
	}
	level := slog.LevelWarn
	if errors.Is(err, transport.ErrAbsent) {
		level = slog.LevelDebug
	}
	o.logger.Log(ctx, level, "delivery failed; trying again", "recipient", to.String(), "error", err)
	o.delayed.add(to, time.Now().Add(retryDelay))
}

func (o *Outbox) publishUnsent(ctx context.Context, to dffmpeg.Recipient) error {
	name, where, err := o.address(ctx, to)
	if err != nil {
		return err
	}
	pusher, ok := o.pushers[name]
	if !ok {
		return nil // it fetches for itself, or listens to nothing now
	}
	for {
		messages, err := o.state.Mail(ctx, to, store.MailQuery{Select: store.MailUnsent})
		if err != nil || len(messages) == 0 {
			return err
		}
		switch err := o.push(ctx, pusher, to, where, messages); {
		case errors.Is(err, transport.ErrAbsent):
			if messages, err = o.tooOld(ctx, messages); len(messages) == 0 {
				return errors.Join(err, transport.ErrAbsent)
			}
		case err != nil:
			return err
		}
		if err := o.state.MarkSent(ctx, to, messages[len(messages)-1].Seq); err != nil {
			return err
		}
	}
}

// push publishes messages within a bound.
func (o *Outbox) push(ctx context.Context, pusher transport.Pusher, to dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	ctx, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	return pusher.Publish(ctx, to, where, messages)
}

// tooOld returns the messages in front that have waited too long for somebody who
// listens.
func (o *Outbox) tooOld(ctx context.Context, messages []dffmpeg.Message) ([]dffmpeg.Message, error) {
	now, err := o.state.Now(ctx)
	if err != nil {
		return nil, err
	}
	count := 0
	for count < len(messages) && now.Sub(messages[count].Timestamp) > absentLimit {
		count++
	}
	return messages[:count], nil
}

// address looks up which transport the recipient listens on now.
func (o *Outbox) address(ctx context.Context, to dffmpeg.Recipient) (string, transport.Metadata, error) {
	if to.Kind == dffmpeg.RecipientWorker {
		worker, err := o.state.Worker(ctx, to.ID)
		return worker.Transport, worker.TransportMetadata, err
	}
	job, err := o.state.Job(ctx, to.JobID)
	return job.Transport, job.TransportMetadata, err
}
