package worker

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// backoff is how long to wait between tries.
type backoff struct{ first, most time.Duration }

// reportBackoff is for reports that must arrive: quick at first, since most
// failures are a coordinator that restarts.
func reportBackoff() backoff { return backoff{first: 100 * time.Millisecond, most: 10 * time.Second} }

// retry calls try until it succeeds, fails for good, or ctx ends. It returns
// nil, the error that is final, or ctx's error.
func (b backoff) retry(ctx context.Context, try func(context.Context) error) error {
	for pause := b.first; ; pause = min(2*pause, b.most) {
		err := try(ctx)
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// passing reports whether an error may go away by itself: the coordinator or
// its store is away, as opposed to a coordinator that says no.
func passing(err error) bool {
	switch dffmpeg.CodeOf(err) {
	case dffmpeg.CodeUnavailable, dffmpeg.CodeInternal:
		return true
	default:
		return false
	}
}

// jittered returns d, more or less by up to jitter.
func jittered(d, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return d
	}
	return max(d-jitter+rand.N(2*jitter), time.Millisecond)
}
