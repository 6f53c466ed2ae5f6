// Package relay connects the two ends of a job's standard streams (see package
// stdio): it passes frames from one to the other and keeps nothing.
//
// Where there are several coordinators, both ends of a job meet at one of them,
// its home, which the first of them that is asked becomes. Another one that an end
// connects to passes everything on to the home. When the home is gone, another
// takes its place.
//
// It also notices when a requester dies: its connection is closed without goodbye,
// and it is not back within the grace.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// Homes knows at which coordinator the ends of a job meet.
type Homes interface {
	// Find returns how to reach the home of a job, nil when it is here. The first
	// coordinator to ask becomes the home, and one that asks when the home is gone.
	Find(ctx context.Context, jobID string) (Away, error)
}

// Away is a job's home that is another coordinator.
type Away interface {
	// Dial connects to it on behalf of an end.
	Dial(ctx context.Context, jobID string, side Side, attempt int64) (stdio.Conn, error)
}

// Options is what a relay is made of.
type Options struct {
	Homes Homes
	// Died is called when a job's requester is dead; its context is the relay's.
	Died func(ctx context.Context, jobID string)
	// Grace is how long a requester may be away that closed its connection.
	Grace  time.Duration
	Logger *slog.Logger
}

// lookEvery is how often it is asked again whether an end that waits for the other
// one is at the right place.
const lookEvery = time.Second

// Relay is the relay of one coordinator. Make one with New, then Run it.
type Relay struct {
	opts Options

	mu       sync.Mutex
	meetings map[string]*meeting
	ctx      context.Context // that of Run; nil before
	stopped  bool
	serving  sync.WaitGroup // what Run waits for
}

// New returns a relay. It starts nothing.
func New(opts Options) *Relay {
	return &Relay{opts: opts, meetings: make(map[string]*meeting)}
}

// ErrStopped is the error of serving an end when the relay does not run.
var ErrStopped = errors.New("the relay does not run")

// Run lets ends meet until ctx is done; then it sends them elsewhere.
func (r *Relay) Run(ctx context.Context) error {
	r.mu.Lock()
	r.ctx = ctx
	r.mu.Unlock()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			r.look(ctx)
		}
	}
	r.mu.Lock()
	r.stopped = true
	for _, m := range r.meetings {
		m.move()
	}
	r.mu.Unlock()
	r.serving.Wait()
	return ctx.Err()
}

// look sends ends elsewhere that wait where the other one does not come.
func (r *Relay) look(ctx context.Context) {
	for _, m := range r.waiting() {
		away, err := r.opts.Homes.Find(ctx, m.jobID)
		if err == nil && away != nil {
			m.move()
		}
	}
}

func (r *Relay) waiting() []*meeting {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*meeting
	for _, m := range r.meetings {
		if m.waits() {
			all = append(all, m)
		}
	}
	return all
}

// enter counts somebody who is served, unless the relay has stopped.
func (r *Relay) enter() (context.Context, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.ctx == nil {
		return nil, false
	}
	r.serving.Add(1)
	return r.ctx, true
}

// Serve serves an end that connected here, until its connection ends. It closes
// the connection.
func (r *Relay) Serve(ctx context.Context, conn stdio.Conn, jobID string, side Side, attempt int64) error {
	return r.serve(ctx, newEnd(conn, side, attempt, false), jobID, func(away Away) error {
		return r.forward(ctx, conn, away, jobID, side, attempt)
	})
}

// ServeRelayed serves an end that another coordinator has, at its home. It closes
// the connection.
func (r *Relay) ServeRelayed(ctx context.Context, conn stdio.Conn, jobID string, side Side, attempt int64) error {
	return r.serve(ctx, newEnd(conn, side, attempt, true), jobID, func(Away) error {
		return r.refuse(ctx, conn) // the one that sent it here will find out, too
	})
}

// serve lets an end take part if its job's home is here, and does something else
// otherwise.
func (r *Relay) serve(ctx context.Context, e *end, jobID string, elsewhere func(Away) error) error {
	defer e.conn.Close()
	if _, running := r.enter(); !running {
		return r.refuse(ctx, e.conn)
	}
	defer r.serving.Done()
	away, err := r.opts.Homes.Find(ctx, jobID)
	switch {
	case err != nil:
		return err
	case away != nil:
		return elsewhere(away)
	default:
		return r.attend(ctx, jobID, e)
	}
}

// refuse sends an end elsewhere.
func (r *Relay) refuse(ctx context.Context, conn stdio.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, partingLimit)
	defer cancel()
	return errors.Join(ErrStopped, conn.Write(ctx, stdio.Frame{Kind: stdio.Moved}.Encode()))
}

// attend lets an end take part in the job's meeting.
func (r *Relay) attend(ctx context.Context, jobID string, e *end) error {
	m := r.meeting(jobID, e)
	if m == nil {
		return r.refuse(ctx, e.conn)
	}
	err := m.attend(ctx, e)
	m.leave(e)
	r.forget(m)
	return err
}

// meeting returns the job's meeting with the end in it; nil when that may not take
// part.
func (r *Relay) meeting(jobID string, e *end) *meeting {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	m := r.meetings[jobID]
	if m == nil {
		m = &meeting{jobID: jobID, grace: r.opts.Grace, logger: r.opts.Logger, died: r.died}
		r.meetings[jobID] = m
	}
	if !m.join(e) {
		return nil
	}
	return m
}

// forget drops a meeting that nobody takes part in.
func (r *Relay) forget(m *meeting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.close() && r.meetings[m.jobID] == m {
		delete(r.meetings, m.jobID)
	}
}

// died is called when a requester is dead.
func (r *Relay) died(jobID string) {
	ctx, running := r.enter()
	if !running {
		return
	}
	defer r.serving.Done()
	r.opts.Died(ctx, jobID)
	r.mu.Lock()
	m := r.meetings[jobID]
	r.mu.Unlock()
	if m != nil {
		r.forget(m)
	}
}

// forward passes everything between an end and the home.
func (r *Relay) forward(ctx context.Context, conn stdio.Conn, away Away, jobID string, side Side, attempt int64) error {
	home, err := away.Dial(ctx, jobID, side, attempt)
	if err != nil {
		r.opts.Logger.Warn("cannot reach the coordinator where the job's ends meet", "job", jobID, "error", err)
		return err
	}
	defer home.Close()
	broken := make(chan breakage, 2)
	go func() { broken <- pump(ctx, conn, home) }()
	go func() { broken <- pump(ctx, home, conn) }()
	var first breakage
	left := 2
	select {
	case first = <-broken:
		left--
	case <-r.ctx.Done():
		first.err = r.refuse(ctx, conn)
	}
	if first.conn == conn { // the end, not the home, nor are we to blame
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingLimit)
		_ = home.Write(bounded, stdio.Frame{Kind: stdio.Lost}.Encode()) // if it is not heard, the end counts as silent
		cancel()
	}
	conn.Close()
	home.Close()
	for range left {
		<-broken
	}
	return first.err
}

// breakage is which of two connections failed, and how.
type breakage struct {
	conn stdio.Conn
	err  error
}

// pump copies frames until either connection ends.
func pump(ctx context.Context, from, to stdio.Conn) breakage {
	for {
		message, err := from.Read(ctx)
		if err != nil {
			return breakage{from, err}
		}
		if err := to.Write(ctx, message.Bytes()); err != nil {
			return breakage{to, err}
		}
		message.Release()
	}
}
