package transport

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 100 * time.Millisecond // before the first reconnection
	mostPause  = 5 * time.Second
	// worrying is the failure in a row that is told to people.
	worrying = 5
)

// Backoff is the waits between attempts to connect: they double from a tenth of
// a second to five seconds, with jitter, so that many peers do not return in
// step. People are told when it takes long. It is not safe for concurrent use.
type Backoff struct {
	to       string
	next     time.Duration
	failures int // in a row
	logger   *slog.Logger
}

// NewBackoff returns a Backoff; to says what is connected to, such as "the
// coordinator".
func NewBackoff(to string, logger *slog.Logger) *Backoff {
	return &Backoff{to: to, next: firstPause, logger: logger}
}

// Reset is called when the other side was there.
func (b *Backoff) Reset() {
	if b.failures >= worrying {
		b.logger.Info("connected to " + b.to + " again")
	}
	b.next, b.failures = firstPause, 0
}

// MostPause is the longest wait. A connection that lasted so long was a good one.
func (*Backoff) MostPause() time.Duration { return mostPause }

// Wait waits before the next attempt; err says why the last one failed or ended.
// It returns ctx's error.
func (b *Backoff) Wait(ctx context.Context, err error) error {
	pause := b.next/2 + rand.N(b.next/2)
	b.next = min(2*b.next, mostPause)
	level := slog.LevelDebug
	if b.failures++; b.failures == worrying {
		level = slog.LevelWarn
	}
	b.logger.Log(ctx, level, "not connected to "+b.to+"; trying again", "error", err, "in", pause.String())
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
