package worker

import (
	"context"
	"math"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// lease is how long an attempt may go on without the coordinator having heard of it:
// after that the job may be given to another worker, and two must not run it at once.
type lease struct {
	length  time.Duration // 0: for ever
	renewed time.Time     // when what renewed it was sent
}

// lastTry is for how long the coordinator is asked once more when a lease is over: that
// may be so because the clock was set.
const lastTry = 5 * time.Second

// newLease returns the lease that a request gives, from when the accept was sent that the
// coordinator took. It ends earlier than the coordinator counts, by what it may take to
// ask once more and to stop the process.
func newLease(request *dffmpeg.JobRequest, grace time.Duration, accepted time.Time) *lease {
	length := time.Duration(request.LostAfter) * time.Second
	if length > 0 {
		length = max(length-lastTry-grace, length/2)
	}
	return &lease{length: length, renewed: accepted}
}

// left returns how long it lasts, never less than 0. A clock that stood still while the
// machine slept does not prolong it, nor does one that was set back.
func (l *lease) left() time.Duration {
	if l.length == 0 {
		return math.MaxInt64
	}
	now := time.Now()
	return max(0, l.length-max(now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0))))
}

// renew calls what tells the coordinator, for no longer than the lease lasts or a last
// try; when that succeeds the lease begins anew, from when it was called.
func (l *lease) renew(ctx context.Context, tell func(context.Context) (bool, error)) (bool, error) {
	if l.length > 0 {
		bounded, cancel := context.WithTimeout(ctx, max(l.left(), lastTry))
		defer cancel()
		ctx = bounded
	}
	sent := time.Now()
	ended, err := tell(ctx)
	if err == nil {
		l.renewed = sent
	}
	return ended, err
}
