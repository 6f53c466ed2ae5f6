package worker

import (
	"bufio"
	"context"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

const (
	// lateLimit is how long a requester that was not there yet is waited for.
	lateLimit = 30 * time.Second
	// awayEvery is how often it is looked whether a requester is away.
	awayEvery = time.Second
)

// streams are the standard streams of an attempt, as bytes. A nil one has none.
type streams struct {
	end    *stdio.Worker
	met    chan struct{} // closed when the requester was there
	gone   chan struct{} // closed when the requester does not come back
	killed chan struct{} // closed when it is dead
}

// connect connects an attempt to its requester if that wants bytes. drain must be
// called at the end: it waits until the requester has all output.
func (r *runner) connect(ctx context.Context, a *attempt, logger *slog.Logger) (s *streams, drain func()) {
	if !a.request.Stdio {
		return nil, func() {}
	}
	s = &streams{met: make(chan struct{}), gone: make(chan struct{}), killed: make(chan struct{})}
	s.end = stdio.NewWorker(stdio.Events{
		Joined: sync.OnceFunc(func() { close(s.met) }),
		Gone:   sync.OnceFunc(func() { close(s.gone) }),
		Killed: sync.OnceFunc(func() {
			close(s.killed)
			a.stop(stopDead)
		}),
	}, logger)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.end.Run(ctx, r.coordinator.stdio(a.ref)); err != nil {
			logger.Warn("the requester cannot be given the output", "error", err)
		}
	})
	return s, func() {
		s.drain(ctx)
		s.end.Leave()
		leaving := time.AfterFunc(time.Second, cancel) // goodbye is not worth more
		running.Wait()
		leaving.Stop()
		cancel()
	}
}

// meet waits until the requester was there, and reports whether the process is to
// be started. One that was killed after its submission, before anybody could see
// it die, never comes: its process would run until the heartbeats are missed. One
// that is away for long may come yet.
func (s *streams) meet(ctx context.Context, stopping <-chan struct{}) bool {
	if s == nil {
		return true
	}
	long := time.NewTimer(lateLimit)
	defer long.Stop()
	select {
	case <-s.met:
	case <-s.gone:
	case <-s.end.Done():
	case <-long.C:
	case <-stopping:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// leave gives up what nothing was or will be written to.
func (s *streams) leave() {
	if s == nil {
		return
	}
	_ = s.end.Stdout.Close() // it ends, and with it what drain waits for
	_ = s.end.Stderr.Close()
}

// drain waits until the requester has everything, is gone or dead, or is away for
// long.
func (s *streams) drain(ctx context.Context) {
	ticker := time.NewTicker(awayEvery)
	defer ticker.Stop()
	for together := time.Now(); time.Since(together) < stdio.KeptFor; {
		if s.end.Together() {
			together = time.Now()
		}
		select {
		case <-s.end.Done():
			return
		case <-s.gone:
			return
		case <-s.killed: // it will not fetch the rest
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// of returns the streams of a process whose lines go to a sink.
func (s *streams) of(lines func(dffmpeg.LogEntry) error) Streams {
	if s == nil {
		return Streams{Lines: lines}
	}
	return Streams{Lines: lines, Stdin: s.end.Stdin, Stdout: s.end.Stdout, Stderr: s.end.Stderr}
}

// pass passes signals on to a process until the function it returns is called. A
// requester that was killed takes the process with it, also when that was asked
// to end before.
func (s *streams) pass(process Process) (stop func()) {
	if s == nil {
		return func() {}
	}
	var passing sync.WaitGroup
	passing.Go(func() {
		names := bufio.NewScanner(s.end.Signals)
		for names.Scan() {
			if sig, known := stdio.SignalNamed(names.Text()); known {
				process.Signal(sig)
			}
		}
	})
	ended := make(chan struct{})
	passing.Go(func() {
		select {
		case <-ended:
		case <-s.killed:
			process.Signal(syscall.SIGKILL)
		}
	})
	return func() {
		close(ended)
		_ = s.end.Signals.Close() // never fails
		passing.Wait()
	}
}
