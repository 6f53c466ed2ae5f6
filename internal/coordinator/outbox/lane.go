package outbox

import (
	"context"
	"sync"

	"github.com/dffmpeg/dffmpeg"
)

// lane is a queue of recipients with something to deliver; each stands in it
// at most once, so its length is bounded by the number of recipients.
type lane struct {
	wake chan struct{} // holds at most one token

	mu     sync.Mutex
	queue  []dffmpeg.Recipient
	queued map[dffmpeg.Recipient]bool
}

func newLane() *lane {
	return &lane{wake: make(chan struct{}, 1), queued: make(map[dffmpeg.Recipient]bool)}
}

// add queues a recipient unless it is queued already.
func (l *lane) add(to dffmpeg.Recipient) {
	l.mu.Lock()
	if !l.queued[to] {
		l.queued[to] = true
		l.queue = append(l.queue, to)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take removes the next recipient.
func (l *lane) take() (dffmpeg.Recipient, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return dffmpeg.Recipient{}, false
	}
	to := l.queue[0]
	l.queue = l.queue[1:]
	delete(l.queued, to)
	return to, true
}

// run calls deliver for one recipient after the other until ctx is done.
func (l *lane) run(ctx context.Context, deliver func(context.Context, dffmpeg.Recipient)) error {
	for {
		for to, ok := l.take(); ok && ctx.Err() == nil; to, ok = l.take() {
			deliver(ctx, to)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.wake:
		}
	}
}
