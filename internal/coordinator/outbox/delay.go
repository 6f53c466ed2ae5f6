package outbox

import (
	"context"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// delayLine holds recipients until their time has come. A recipient added
// twice is due at the earlier of the two times.
type delayLine struct {
	changed chan struct{} // holds at most one token

	mu  sync.Mutex
	due map[dffmpeg.Recipient]time.Time
}

func newDelayLine() *delayLine {
	return &delayLine{changed: make(chan struct{}, 1), due: make(map[dffmpeg.Recipient]time.Time)}
}

func (d *delayLine) add(to dffmpeg.Recipient, at time.Time) {
	d.mu.Lock()
	if before, ok := d.due[to]; !ok || at.Before(before) {
		d.due[to] = at
	}
	d.mu.Unlock()
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// takeDue removes and returns the recipients due at now, and how long until
// the next one is; 0 when none waits.
func (d *delayLine) takeDue(now time.Time) (due []dffmpeg.Recipient, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for to, at := range d.due {
		wait := at.Sub(now)
		if wait <= 0 {
			due = append(due, to)
			delete(d.due, to)
		} else if next == 0 || wait < next {
			next = wait
		}
	}
	return due, next
}

// run calls deliver for each recipient when it is due, until ctx is done.
func (d *delayLine) run(ctx context.Context, deliver func(dffmpeg.Recipient)) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, next := d.takeDue(time.Now())
		for _, to := range due {
			deliver(to)
		}
		if next == 0 {
			next = time.Hour // nothing waits: only a change can
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-d.changed:
		}
	}
}
