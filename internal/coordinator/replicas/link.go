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

// Tell tells others of wake-ups, or one of them.
type Tell func(ctx context.Context, request dffmpeg.WakeRequest) error

const (
	// gather is how long wake-ups are collected for one request.
	gather = 2 * time.Millisecond
	// mostAtOnce bounds the wake-ups of one request.
	mostAtOnce = 500
	// mostPending bounds the wake-ups that wait; those beyond it are dropped.
	mostPending = 20 * mostAtOnce
	// tellLimit bounds how long a request may take.
	tellLimit = 2 * time.Second
	// tellPause is the pause after one that did not get through.
	tellPause = time.Second
)

// link tells others at once who has got mail: all of them over a broker, or one
// directly. What it loses, their look into the database finds.
type link struct {
	own    string
	tell   Tell
	logger *slog.Logger

	mu      sync.Mutex
	pending map[dffmpeg.Recipient]time.Time // not before
	changed chan struct{}                   // has a token when there is something pending
}

func newLink(own string, tell Tell, logger *slog.Logger) *link {
	return &link{
		own: own, tell: tell, logger: logger,
		pending: make(map[dffmpeg.Recipient]time.Time), changed: make(chan struct{}, 1),
	}
}

// add has the others told. It does not block.
func (l *link) add(to dffmpeg.Recipient, notBefore time.Time) {
	l.mu.Lock()
	before, waits := l.pending[to]
	if waits && notBefore.Before(before) || !waits && len(l.pending) < mostPending {
		l.pending[to] = notBefore
	}
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// take removes up to mostAtOnce of what is pending.
func (l *link) take() dffmpeg.WakeRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := dffmpeg.WakeRequest{From: l.own}
	for to, notBefore := range l.pending {
		if len(w.To) == mostAtOnce {
			break
		}
		one := dffmpeg.WakeUp{Kind: to.Kind, ID: to.ID, JobID: to.JobID}
		if !notBefore.IsZero() {
			one.NotBefore = notBefore.UnixMicro()
		}
		w.To = append(w.To, one)
		delete(l.pending, to)
	}
	return w
}

// run tells what is added until ctx ends.
func (l *link) run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.changed:
		}
		if !wait(ctx, gather) {
			return ctx.Err()
		}
		for w := l.take(); len(w.To) > 0; w = l.take() {
			err := l.send(ctx, w)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if (err != nil) != failing {
				failing = err != nil
				l.changeOfState(err)
			}
			if err != nil && !wait(ctx, tellPause) {
				return ctx.Err()
			}
		}
	}
}

// changeOfState is logged once, not for every text.
func (l *link) changeOfState(err error) {
	if err != nil {
		l.logger.Warn("cannot tell of mail at once; it is looked for instead", "error", err)
		return
	}
	l.logger.Info("mail is told of at once again")
}

// wait returns false when ctx ended first.
func wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

func (l *link) send(ctx context.Context, w dffmpeg.WakeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	return l.tell(ctx, w)
}

// Hear is given what another coordinator tells. A wake-up that nobody should have
// sent makes us look into the database in vain.
func (r *Replicas) Hear(w dffmpeg.WakeRequest) {
	if w.From == r.own.ID {
		return
	}
	for _, one := range w.To {
		var notBefore time.Time
		if one.NotBefore != 0 {
			notBefore = time.UnixMicro(one.NotBefore)
		}
		r.wake(dffmpeg.Recipient{Kind: one.Kind, ID: one.ID, JobID: one.JobID}, notBefore)
	}
}

// over returns how to tell over a broker.
func over(carrier Broadcaster) Tell {
	return func(ctx context.Context, w dffmpeg.WakeRequest) error {
		text, err := json.Marshal(w)
		if err != nil {
			return err
		}
		return carrier.Broadcast(ctx, text)
	}
}

// overhear is given what is broadcast, by whomever.
func (r *Replicas) overhear(text []byte) {
	var w dffmpeg.WakeRequest
	if json.Unmarshal(text, &w) == nil {
		r.Hear(w)
	}
}
