package worker

import (
	"context"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Bounds of a job's output on its way to the coordinator.
const (
	// maxQueuedBytes is what a job may have produced and not delivered; beyond
	// it the process waits. It is large enough for hours of progress lines, so
	// that an encode is not held up by a coordinator that is away.
	maxQueuedBytes = 8 << 20
	// maxBatchBytes bounds one report.
	maxBatchBytes = 1 << 20
)

// outputQueue holds lines until they are reported. One goroutine per stream
// puts, one takes.
type outputQueue struct {
	ready chan struct{} // holds a token when there may be something to take
	space chan struct{} // holds a token when there may be room

	mu     sync.Mutex
	lines  []dffmpeg.LogEntry
	bytes  int
	closed bool
}

func newOutputQueue() *outputQueue {
	return &outputQueue{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put adds a line, waiting for room while ctx allows.
func (q *outputQueue) put(ctx context.Context, line dffmpeg.LogEntry) error {
	for {
		if q.offer(line) {
			signal(q.ready)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.space:
		}
	}
}

func (q *outputQueue) offer(line dffmpeg.LogEntry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes >= maxQueuedBytes {
		return false
	}
	q.lines = append(q.lines, line)
	q.bytes += size(line)
	return true
}

// close says that no more lines will come.
func (q *outputQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.ready)
}

// next waits until there is a line, then up to delay for more, and returns the
// first batch of at most limit lines. The last one, which may be empty, comes
// once the queue is closed.
func (q *outputQueue) next(ctx context.Context, limit int, delay time.Duration) (batch []dffmpeg.LogEntry, last bool, err error) {
	var full <-chan time.Time
	for {
		count, closed := q.state()
		if closed || count >= limit {
			batch, last = q.take(limit)
			return batch, last, nil
		}
		if count > 0 && full == nil {
			full = time.After(delay)
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-full:
			batch, last = q.take(limit)
			return batch, last, nil
		case <-q.ready:
		}
	}
}

func (q *outputQueue) state() (count int, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines), q.closed
}

// take removes a batch, and says whether no more will come after it.
func (q *outputQueue) take(limit int) (batch []dffmpeg.LogEntry, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	count, bytes := 0, 0
	for count < len(q.lines) && count < limit && (count == 0 || bytes+size(q.lines[count]) <= maxBatchBytes) {
		bytes += size(q.lines[count])
		count++
	}
	batch = q.lines[:count:count]
	q.lines = q.lines[count:]
	q.bytes -= bytes
	signal(q.space)
	return batch, q.closed && len(q.lines) == 0
}

// size is what a line counts for; an empty one is not free.
func size(line dffmpeg.LogEntry) int { return len(line.Content) + 64 }

// signal leaves a token unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
