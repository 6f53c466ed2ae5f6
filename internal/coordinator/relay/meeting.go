package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// Side is one of a job's two ends.
type Side int

// The sides.
const (
	Requester Side = iota
	Worker
)

// String implements fmt.Stringer; ParseSide reads it back.
func (s Side) String() string { return [...]string{"requester", "worker"}[s] }

// ParseSide reads what String returns.
func ParseSide(text string) (Side, bool) {
	for _, side := range []Side{Requester, Worker} {
		if side.String() == text {
			return side, true
		}
	}
	return 0, false
}

const (
	// mostQueued bounds the bytes that wait for one end: two streams' windows, and
	// what else is said.
	mostQueued = 2*(stdio.Window+stdio.MaxFrame) + 1<<20
	// partingLimit bounds how long a last frame may take.
	partingLimit = time.Second
)

// meeting is where the two ends of a job meet.
type meeting struct {
	jobID  string
	logger *slog.Logger
	// died is called, by a goroutine of its own, when the requester is dead.
	died  func(jobID string)
	grace time.Duration

	mu      sync.Mutex
	ends    [2]*end
	attempt int64       // the worker's
	dying   *time.Timer // until the requester counts as dead
	over    bool        // it is forgotten; nobody may join any more
}

// end is one end's connection.
type end struct {
	conn    stdio.Conn
	side    Side
	attempt int64
	// relayed says that another coordinator has the end: that connection's end says
	// nothing about the end itself.
	relayed bool

	mu       sync.Mutex
	queue    []*stdio.Message
	queued   int
	changed  chan struct{} // has a token when there is something in the queue, or closing
	closing  bool          // we want it to end, after what is queued
	said     stdio.Kind    // Goodbye or Lost
	silenced bool          // it did not answer, or took nothing
}

// errParting ends a connection that we wanted to end.
var errParting = errors.New("the end was sent away, or connected again")

func newEnd(conn stdio.Conn, side Side, attempt int64, relayed bool) *end {
	return &end{conn: conn, side: side, attempt: attempt, relayed: relayed, changed: make(chan struct{}, 1)}
}

// say has a frame of our own sent to the end.
func (e *end) say(frame stdio.Frame) { e.push(stdio.NewMessage(frame.Encode())) }

// push has a message sent to the end. It does not block; an end that takes nothing
// is given up.
func (e *end) push(message *stdio.Message) {
	size := len(message.Bytes())
	e.mu.Lock()
	full := e.queued+size > mostQueued
	if full {
		e.silenced = true
	} else if !e.closing {
		e.queue = append(e.queue, message)
		e.queued += size
	}
	e.mu.Unlock()
	if full {
		e.conn.Close()
	}
	e.wake()
}

func (e *end) wake() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// closeSoon closes the connection when what is queued has been sent.
func (e *end) closeSoon() {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.wake()
}

// send sends what is pushed.
func (e *end) send(ctx context.Context) error {
	for {
		e.mu.Lock()
		queue, closing := e.queue, e.closing
		e.queue, e.queued = nil, 0
		e.mu.Unlock()
		if closing {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), partingLimit)
			defer cancel()
		}
		for _, message := range queue {
			if err := e.conn.Write(ctx, message.Bytes()); err != nil {
				return err
			}
			message.Release()
		}
		if closing {
			return errParting
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.changed:
		}
	}
}

// watch notices an end that is silent.
func (e *end) watch(ctx context.Context) error {
	err := stdio.KeepAlive(ctx, e.conn)
	if errors.Is(err, stdio.ErrSilent) {
		e.mu.Lock()
		e.silenced = true
		e.mu.Unlock()
	}
	return err
}

// attend moves frames from an end to the other one until its connection ends or
// ctx does.
func (m *meeting) attend(ctx context.Context, e *end) error {
	ctx, stop := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	running.Go(func() { stop(e.send(ctx)) })
	running.Go(func() { stop(e.watch(ctx)) })
	defer context.AfterFunc(ctx, e.conn.Close)()
	stop(m.receive(ctx, e))
	e.conn.Close()
	running.Wait()
	return context.Cause(ctx)
}

func (m *meeting) receive(ctx context.Context, e *end) error {
	for {
		message, err := e.conn.Read(ctx)
		if err != nil {
			return err
		}
		f, err := stdio.Decode(message.Bytes())
		if err != nil {
			return err
		}
		switch {
		case f.Kind.Relayed():
			m.pass(e, message)
		case f.Kind == stdio.Goodbye, f.Kind == stdio.Lost && e.relayed:
			e.mu.Lock()
			e.said = f.Kind
			e.mu.Unlock()
			return nil
		}
	}
}

// pass gives a message to the other end; without one it is dropped, and sent again
// when they meet.
func (m *meeting) pass(from *end, message *stdio.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if other := m.ends[1-from.side]; other != nil && m.ends[from.side] == from {
		other.push(message)
	}
}

// join adds an end, in place of an earlier connection of the same one. It is false
// when the meeting is over, or when a later attempt is there.
func (m *meeting) join(e *end) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over || e.side == Worker && e.attempt < m.attempt {
		return false
	}
	if before := m.ends[e.side]; before != nil {
		before.closeSoon()
	}
	m.ends[e.side] = e
	if e.side == Worker {
		m.attempt = e.attempt
	}
	if e.side == Requester && m.dying != nil {
		m.dying.Stop()
		m.dying = nil
	}
	if m.ends[Requester] != nil && m.ends[Worker] != nil {
		for _, each := range m.ends {
			each.say(stdio.Frame{Kind: stdio.Joined, Number: m.attempt})
		}
	}
	return true
}

// leave removes an end whose connection has ended. A requester that closed it
// without a word has until the grace is over to come back.
func (m *meeting) leave(e *end) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ends[e.side] != e {
		return // it is back already
	}
	m.ends[e.side] = nil
	e.mu.Lock()
	said, silenced, ours := e.said, e.silenced, e.closing
	e.mu.Unlock()
	kind := stdio.Left
	if said == stdio.Goodbye && e.side == Requester {
		kind = stdio.Gone
	}
	if other := m.ends[1-e.side]; other != nil {
		other.say(stdio.Frame{Kind: kind})
	}
	closed := said == stdio.Lost || said == 0 && !e.relayed && !silenced
	if e.side == Requester && closed && !ours {
		m.dying = time.AfterFunc(m.grace, m.dead)
	}
}

// dead ends the process of a requester that did not come back.
func (m *meeting) dead() {
	m.mu.Lock()
	if m.over || m.ends[Requester] != nil || m.dying == nil {
		m.mu.Unlock()
		return
	}
	m.dying = nil
	if worker := m.ends[Worker]; worker != nil {
		worker.say(stdio.Frame{Kind: stdio.Killed})
	}
	m.mu.Unlock()
	m.logger.Info("the requester is gone; its job is canceled", "job", m.jobID)
	m.died(m.jobID)
}

// move tells all ends that another coordinator goes on.
func (m *meeting) move() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.ends {
		if e != nil {
			e.say(stdio.Frame{Kind: stdio.Moved})
			e.closeSoon()
		}
	}
	if m.dying != nil {
		m.dying.Stop() // somebody else has to notice it
		m.dying = nil
	}
}

// waits reports whether one end waits for the other.
func (m *meeting) waits() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return (m.ends[Requester] == nil) != (m.ends[Worker] == nil)
}

// close ends the meeting if nobody is there, and reports whether it is over.
func (m *meeting) close() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ends[Requester] == nil && m.ends[Worker] == nil && m.dying == nil {
		m.over = true
	}
	return m.over
}
