package replicas

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Broadcaster carries short texts between coordinators; transport.Broadcaster is
// one.
type Broadcaster interface {
	Overhear(handle func(text []byte))
	Broadcast(ctx context.Context, text []byte) error
}

const (
	// gather is how long wake-ups are collected for one broadcast.
	gather = 2 * time.Millisecond
	// mostAtOnce bounds the wake-ups of one broadcast.
	mostAtOnce = 500
	// broadcastLimit bounds how long a broadcast may take.
	broadcastLimit = 2 * time.Second
)

// link tells the other coordinators at once who has got mail. What it loses, the
// look into the database finds.
type link struct {
	own     string
	carrier Broadcaster
	wake    Wake
	logger  *slog.Logger

	mu      sync.Mutex
	pending map[dffmpeg.Recipient]time.Time // not before
	changed chan struct{}                   // has a token when there is something pending
}

// Wake is told of somebody who has got mail, which may be delivered from
// notBefore on; the zero time means now. It does not block.
type Wake func(to dffmpeg.Recipient, notBefore time.Time)

func newLink(own string, carrier Broadcaster, wake Wake, logger *slog.Logger) *link {
	l := &link{
		own: own, carrier: carrier, wake: wake, logger: logger,
		pending: make(map[dffmpeg.Recipient]time.Time), changed: make(chan struct{}, 1),
	}
	carrier.Overhear(l.hear)
	return l
}

// wakeUps is what is broadcast.
type wakeUps struct {
	From string   `json:"from"` // a coordinator's ID
	To   []wakeUp `json:"to"`
}

type wakeUp struct {
	Kind      dffmpeg.RecipientKind `json:"kind"`
	ID        string                `json:"id"`
	JobID     string                `json:"job_id,omitempty"`
	NotBefore int64                 `json:"not_before,omitempty"` // microseconds since 1970
}

// tell has the others told. It does not block.
func (l *link) tell(to dffmpeg.Recipient, notBefore time.Time) {
	l.mu.Lock()
	if before, waits := l.pending[to]; !waits || notBefore.Before(before) {
		l.pending[to] = notBefore
	}
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// take removes up to mostAtOnce of what is pending.
func (l *link) take() wakeUps {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := wakeUps{From: l.own}
	for to, notBefore := range l.pending {
		if len(w.To) == mostAtOnce {
			break
		}
		one := wakeUp{Kind: to.Kind, ID: to.ID, JobID: to.JobID}
		if !notBefore.IsZero() {
			one.NotBefore = notBefore.UnixMicro()
		}
		w.To = append(w.To, one)
		delete(l.pending, to)
	}
	return w
}

// run broadcasts until ctx ends.
func (l *link) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.changed:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(gather):
		}
		for w := l.take(); len(w.To) > 0; w = l.take() {
			if err := l.broadcast(ctx, w); err != nil && ctx.Err() == nil {
				l.logger.Debug("could not tell other coordinators of mail; they look for it", "error", err)
			}
		}
	}
}

func (l *link) broadcast(ctx context.Context, w wakeUps) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, broadcastLimit)
	defer cancel()
	return l.carrier.Broadcast(ctx, text)
}

// hear is called with what is broadcast. A wake-up that nobody should have sent
// makes us look into the database in vain.
func (l *link) hear(text []byte) {
	var w wakeUps
	if err := json.Unmarshal(text, &w); err != nil || w.From == l.own {
		return
	}
	for _, one := range w.To {
		var notBefore time.Time
		if one.NotBefore != 0 {
			notBefore = time.UnixMicro(one.NotBefore)
		}
		l.wake(dffmpeg.Recipient{Kind: one.Kind, ID: one.ID, JobID: one.JobID}, notBefore)
	}
}
