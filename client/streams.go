package client

import (
	"context"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// Streams are a caller's standard streams, which the process on the worker has as
// its own: bytes, each stream in order, with back-pressure both ways.
type Streams struct {
	// Stdin is what the process reads; nil for an empty input. It is not read before
	// the process's side is connected, and may be until it ends or fails, also after
	// Attach has returned.
	Stdin io.Reader
	// Stdout and Stderr are given the process's output, each by a goroutine of its
	// own. One that fails is to the process as a pipe whose reader is gone.
	Stdout, Stderr io.Writer
	// Signals are passed on to the process. Nil for none.
	Signals <-chan syscall.Signal
	// Met is called once when the process's side is connected; nil to not know.
	Met func()
}

const (
	// farewell bounds how long it may take to say that nothing more is needed.
	farewell = time.Second
	// strayLimit is how long the rest of its output may take of a process of which it
	// is not known that it ended by itself: its worker may be gone.
	strayLimit = 5 * time.Second
)

// flow is a requester's streams at work.
type flow struct {
	end     *stdio.Requester
	outputs chan struct{} // closed when stdout and stderr have ended
	ended   chan struct{} // closed when the connection has ended for good
	running sync.WaitGroup
	stop    context.CancelFunc
}

// connect connects streams to a job until leave is called.
func (c *Client) connect(ctx context.Context, at Attachment) *flow {
	s, jobID := at.Streams, at.Job.ID
	dial := at.Connection.take(stdio.Connect(c.caller, jobPath(jobID, "stdio"), nil))
	together := make(chan struct{})
	met := sync.OnceFunc(func() {
		if s.Met != nil {
			s.Met()
		}
		close(together)
	})
	f := &flow{end: stdio.NewRequester(stdio.Events{Joined: met}, c.logger), outputs: make(chan struct{}), ended: make(chan struct{})}
	ctx, f.stop = context.WithCancel(ctx)
	f.running.Go(func() {
		defer close(f.ended)
		if err := f.end.Run(ctx, dial); err != nil {
			c.logger.Warn("the job's streams cannot be connected", "job", jobID, "error", err)
		}
	})
	go func() { // not waited for: nothing ends a Read
		select {
		case <-together:
		case <-ctx.Done():
			return
		}
		if s.Stdin != nil {
			_, _ = f.end.Stdin.ReadFrom(s.Stdin) // its end, or its failure, is the process's end of input
		}
		_ = f.end.Stdin.Close() // unless nobody reads it any more
	}()
	f.running.Go(func() { f.signal(ctx, s.Signals) })
	var outputs sync.WaitGroup
	outputs.Go(func() { _, _ = f.end.Stdout.WriteTo(s.Stdout) }) // the process is told
	outputs.Go(func() { _, _ = f.end.Stderr.WriteTo(s.Stderr) })
	go func() { // not waited for either: a write may take as long as it likes
		outputs.Wait()
		close(f.outputs)
	}()
	return f
}

func (f *flow) signal(ctx context.Context, signals <-chan syscall.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			if name, known := stdio.SignalName(sig); known {
				if _, err := io.WriteString(f.end.Signals, name+"\n"); err != nil {
					return // there is no process any more
				}
			}
		}
	}
}

// errCutShort is the error of output that did not arrive to its end.
var errCutShort = dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The program has ended, but the rest of its output did not arrive: its worker cannot be reached")

// drain waits for the rest of the output of a job that has ended. It fails when a
// process ended by itself and some of its output is missing.
func (f *flow) drain(ctx context.Context, final dffmpeg.JobStatusChange) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	limit := strayLimit
	if final.ExitCode != nil {
		limit = stdio.KeptFor
	}
	for contact := time.Now(); time.Since(contact) < limit; {
		if f.end.Together() && final.ExitCode != nil {
			contact = time.Now()
		}
		select {
		case <-f.outputs:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	if final.ExitCode != nil {
		return errCutShort
	}
	return nil
}

// leave says that nothing more is needed, and ends what runs.
func (f *flow) leave() {
	f.end.Leave()
	select {
	case <-f.ended:
	case <-time.After(farewell):
	}
	f.stop()
	f.running.Wait()
}
