package httppoll

import (
	"context"
	"io"
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

// pauses are the waits between connections: they double, with jitter, so that
// many peers do not return in step.
type pauses struct {
	next     time.Duration
	failures int // in a row
	logger   *slog.Logger
}

func newPauses(logger *slog.Logger) *pauses { return &pauses{next: firstPause, logger: logger} }

// reset is called when the coordinator was there.
func (p *pauses) reset() {
	if p.failures >= worrying {
		p.logger.Info("connected to the coordinator again")
	}
	p.next, p.failures = firstPause, 0
}

// wait waits before the next connection; err says why the last one ended. It
// returns ctx's error.
func (p *pauses) wait(ctx context.Context, err error) error {
	pause := p.next/2 + rand.N(p.next/2)
	p.next = min(2*p.next, mostPause)
	level := slog.LevelDebug
	if p.failures++; p.failures == worrying {
		level = slog.LevelWarn
	}
	p.logger.Log(ctx, level, "not connected to the coordinator; trying again", "error", err, "in", pause.String())
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// watchdog bites when the other side is silent for too long while it is waited
// for; what the receiver does in between does not count.
type watchdog struct {
	limit time.Duration
	timer *time.Timer
}

// newWatchdog returns a watchdog that waits from now on.
func newWatchdog(limit time.Duration, bite func()) *watchdog {
	return &watchdog{limit: limit, timer: time.AfterFunc(limit, bite)}
}

// reader returns a reader that is watched. Until the first read nothing is.
func (w *watchdog) reader(r io.Reader) io.Reader {
	w.timer.Stop()
	return watched{w, r}
}

type watched struct {
	*watchdog
	r io.Reader
}

func (w watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.r.Read(p)
}
