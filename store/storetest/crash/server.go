package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	serverWriters = 8
	serverKills   = 10
	// recovery bounds how long after a server's start it may take until writers
	// make progress.
	recovery = 30 * time.Second
	// progress is how many steps the writers must have made, at least, before the next kill.
	progress = 100
)

// Server is what RunServer kills.
type Server struct {
	// Kill ends the server's processes with SIGKILL, and Start starts it again
	// with its data at its address, and returns when it answers.
	Kill, Start func()
	// Secrets are texts that no error may have in it.
	Secrets []string
}

// RunServer kills a server ten times while writers in this process use a store
// on it, which must go on by itself when the server is back. Each writer that is
// told of a failure looks at what was stored before it goes on.
func RunServer(t *testing.T, state store.State, server Server) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &serverRun{state: state, secrets: server.Secrets}
	var writing sync.WaitGroup
	failed := make(chan error, serverWriters)
	witnesses := make([]*witness, serverWriters)
	for i := range witnesses {
		witnesses[i] = newWitness(i)
		writing.Go(func() {
			if err := r.write(ctx, witnesses[i]); err != nil {
				failed <- err
			}
		})
	}
	// wait returns when the writers have made some progress.
	wait := func(what string, progress int64) {
		t.Helper()
		deadline := time.Now().Add(recovery)
		for until := r.steps.Load() + progress; r.steps.Load() < until; {
			select {
			case err := <-failed:
				t.Fatal(err)
			case <-time.After(time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the writers made too little progress for %s", what, recovery)
			}
		}
	}
	wait("in the beginning", progress)
	for kill := range serverKills {
		server.Kill()
		server.Start()
		wait(fmt.Sprintf("after kill %d", kill+1), progress+rand.Int64N(50)) // to be at another moment each time
	}
	cancel()
	writing.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	for _, w := range witnesses { // what was under way at the end
		if _, err := w.settle(t.Context(), state); err != nil {
			t.Errorf("in the end: %v", err)
		}
	}
	steps := settleAll(t, witnesses, state)
	if r.failures < serverKills {
		t.Errorf("%d failures were seen, want one for each of the %d kills at least", r.failures, serverKills)
	}
	t.Logf("%d kills; %d failures, after %d of which the step was found done; %d steps in all", serverKills, r.failures, r.doubtful, steps)
}

// serverRun is the state of RunServer.
type serverRun struct {
	state   store.State
	secrets []string
	steps   atomic.Int64

	mu                 sync.Mutex
	failures, doubtful int
}

// write follows a script until ctx ends.
func (r *serverRun) write(ctx context.Context, w *witness) error {
	for {
		err := w.step(ctx, r.state, w.done)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // as it was asked to
		case err == nil:
			if err := w.confirmed(ctx); err != nil {
				return err
			}
		default:
			if err := r.sober(err); err != nil {
				return err
			}
			more, err := r.settle(ctx, w)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the same
			}
			if err != nil {
				return err
			}
			r.mu.Lock()
			r.failures++
			if more {
				r.doubtful++
			}
			r.mu.Unlock()
		}
		r.steps.Add(1)
	}
}

// settle looks at what is stored, once the server answers.
func (r *serverRun) settle(ctx context.Context, w *witness) (more bool, err error) {
	for {
		more, err := w.settle(ctx, r.state)
		if dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
			return more, err
		}
		if err := r.sober(err); err != nil {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sober fails unless an error, for the caller and for the log, is one that a
// server that is not there may cause.
func (r *serverRun) sober(err error) error {
	if code := dffmpeg.CodeOf(err); code != dffmpeg.CodeUnavailable {
		return fmt.Errorf("an error has code %s: %w", code, err)
	}
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		for _, secret := range append([]string{"SELECT", "INSERT", "UPDATE", "client-", "worker-"}, r.secrets...) {
			if strings.Contains(fmt.Sprintf("%v %+v", cause, cause), secret) {
				return fmt.Errorf("an error gives away %q: %w", secret, cause)
			}
		}
	}
	return nil
}
