package transport

import (
	"context"
	"errors"
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

// Final marks an error as one that connecting again does not help against: the
// handler's own, mostly. See [Reconnect].
type Final struct{ Err error }

// Error implements error.
func (f Final) Error() string { return f.Err.Error() }

// Reconnect connects again and again: connect returns when its connection has
// ended, and why. Reconnect returns ctx's error, or what a Final has in it. A
// connection that lasted for the longest pause was a good one; connect may call
// Reset earlier.
func (b *Backoff) Reconnect(ctx context.Context, connect func(context.Context) error) error {
	for {
		began := time.Now()
		err := connect(ctx)
		var final Final
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &final):
			return final.Err
		}
		if time.Since(began) >= mostPause {
			b.Reset()
		}
		if err := b.Wait(ctx, err); err != nil {
			return err
		}
	}
}

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
