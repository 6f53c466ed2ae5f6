package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

// Fallback is how a program is run on this machine instead. That happens only when
// no worker can have been given it: when nothing was accepted by a coordinator, or
// when it has confirmed that the job is withdrawn. So there are never two processes
// that write one file.
type Fallback struct {
	// After is how long a job may wait for a worker; 0 for as long as it takes.
	After time.Duration
	// Run runs the program here, says why, and returns its exit code. The standard
	// input has not been read from.
	Run func(why string) int
}

const (
	// submitFor is how long a submission is repeated that was not answered.
	submitFor = 5 * time.Second
	// submitPause is the pause between.
	submitPause = 200 * time.Millisecond
	// withdrawLimit bounds how long a coordinator may take to confirm that a job is
	// withdrawn.
	withdrawLimit = 5 * time.Second
	// withdrawReason is what others see of the job.
	withdrawReason = "No worker took it in time; its requester runs it itself"
)

// submit submits a job, again while the coordinator is not available: its
// idempotency key makes them one.
func (p *Proxy) submit(ctx context.Context, request dffmpeg.SubmitRequest) (dffmpeg.SubmitAnswer, *client.Connection, error) {
	request.IdempotencyKey = rand.Text()
	sent := false // to a coordinator that may have accepted it
	answer, connection, err := p.client.Start(ctx, request)
	for began := time.Now(); ; answer, err = p.client.Submit(ctx, request) {
		sent = sent || !client.NotReached(err)
		switch {
		case errors.Is(err, client.ErrNotText):
			return answer, nil, &notSent{err}
		case err == nil || !client.Unreachable(err) && dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable:
			return answer, connection, err
		case time.Since(began) > submitFor && !sent:
			return answer, nil, &notSent{err}
		case time.Since(began) > submitFor:
			return answer, nil, err
		}
		select {
		case <-ctx.Done():
			return answer, nil, err
		case <-time.After(submitPause):
		}
	}
}

// notSent is the error of a submission that no coordinator can have accepted. One
// whose answer was lost may have been: then the program may run.
type notSent struct{ error }

// Unwrap returns why it was not sent.
func (n *notSent) Unwrap() error { return n.error }

// patience withdraws a job that nobody takes in time. A nil one waits for ever.
type patience struct {
	stop    context.CancelFunc
	waiting sync.WaitGroup
	gaveUp  bool // the job is withdrawn; read after end
}

// wait begins to wait until a worker has the job.
func (p *Proxy) wait(ctx context.Context, f *Fallback, jobID string) *patience {
	if f == nil || f.After == 0 {
		return nil
	}
	w := &patience{}
	ctx, w.stop = context.WithCancel(ctx)
	w.waiting.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.After):
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawLimit)
		defer cancel()
		w.gaveUp = p.client.Withdraw(bounded, jobID, withdrawReason) == nil
	})
	return w
}

// end stops waiting. It may be called more than once.
func (w *patience) end() {
	if w != nil {
		w.stop()
	}
}

// withdrawn reports whether the job was withdrawn.
func (w *patience) withdrawn() bool {
	if w == nil {
		return false
	}
	w.waiting.Wait()
	return w.gaveUp
}
