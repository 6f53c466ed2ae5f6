package stdio

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Conn is a connection to a coordinator that carries frames. Read belongs to one
// goroutine, and what it returns to its caller. Write may be called by several, and
// keeps nothing of the frame. A context bounds by its deadline only: Close ends what
// waits.
type Conn interface {
	Read(ctx context.Context) (*Message, error)
	Write(ctx context.Context, frame []byte) error
	// Ping returns when the coordinator has answered.
	Ping(ctx context.Context) error
	Close()
}

// Dial opens a connection. An error of a permanent kind (see Permanent) ends the
// endpoint; after another it is tried again.
type Dial func(ctx context.Context) (Conn, error)

const (
	// redialFirst is the pause before the first attempt to connect again: a live
	// requester is back within a tenth of a second.
	redialFirst = 20 * time.Millisecond
	redialMost  = time.Second
)

// Events tells an endpoint's owner what happens to the other end. Its functions
// are called by one goroutine at a time and must not block; they may be nil.
type Events struct {
	// Joined says that both ends are there.
	Joined func()
	// Gone says that the requester will not come back and does not mind.
	Gone func()
	// Killed says that the requester is dead: the process is to be ended at once.
	Killed func()
}

// Endpoint is one end of a job's streams. Make one with NewRequester or NewWorker,
// then Run it.
type Endpoint struct {
	in     map[Stream]*Incoming
	out    []*Outgoing
	events Events
	logger *slog.Logger

	wakeUp chan struct{} // holds a token when there may be something to send
	done   chan struct{} // closed when this end is settled, or has stopped
	finish func()        // closes it

	mu       sync.Mutex
	attempt  int64
	together bool // both ends are there
	ready    bool // and the other one said where it is
	resume   bool // we have to say where we are
	met      bool // the other end was there during this connection
	leaving  bool // say goodbye
	left     bool // goodbye was said
}

func newEndpoint(in, out []Stream, events Events, logger *slog.Logger) *Endpoint {
	e := &Endpoint{in: make(map[Stream]*Incoming), events: events, logger: logger, wakeUp: make(chan struct{}, 1), done: make(chan struct{})}
	e.finish = sync.OnceFunc(func() { close(e.done) })
	for _, stream := range in {
		e.in[stream] = newIncoming(stream, e.wake)
	}
	for _, stream := range out {
		e.out = append(e.out, newOutgoing(stream, e.wake))
	}
	return e
}

// Requester is the end of whoever submitted the job.
type Requester struct {
	*Endpoint
	Stdin, Signals *Outgoing
	Stdout, Stderr *Incoming
}

// NewRequester returns a requester's end. It starts nothing.
func NewRequester(events Events, logger *slog.Logger) *Requester {
	e := newEndpoint([]Stream{Stdout, Stderr}, []Stream{Stdin, Signals}, events, logger)
	return &Requester{Endpoint: e, Stdin: e.out[0], Signals: e.out[1], Stdout: e.in[Stdout], Stderr: e.in[Stderr]}
}

// Worker is the end where the process runs.
type Worker struct {
	*Endpoint
	Stdin, Signals *Incoming
	Stdout, Stderr *Outgoing
}

// NewWorker returns a worker's end. It starts nothing.
func NewWorker(events Events, logger *slog.Logger) *Worker {
	e := newEndpoint([]Stream{Stdin, Signals}, []Stream{Stdout, Stderr}, events, logger)
	return &Worker{Endpoint: e, Stdin: e.in[Stdin], Signals: e.in[Signals], Stdout: e.out[0], Stderr: e.out[1]}
}

func (e *Endpoint) wake() {
	select {
	case e.wakeUp <- struct{}{}:
	default:
	}
}

// Run connects, again and again, and moves bytes until ctx ends or a connection is
// refused for good; then all streams fail. It says goodbye if Leave was called.
func (e *Endpoint) Run(ctx context.Context, dial Dial) error {
	defer e.fail()
	pause := redialFirst
	for {
		conn, err := dial(ctx)
		if err == nil {
			began := time.Now()
			err = e.serve(ctx, conn)
			conn.Close()
			if e.hasMet() || time.Since(began) > redialMost { // not one of a row that are refused
				pause = redialFirst
			}
		}
		switch {
		case e.hasLeft(), ctx.Err() != nil:
			return nil
		case Permanent(err):
			return err
		}
		e.logger.Debug("stdio: connecting again", "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, redialMost)
	}
}

// Leave makes Run say goodbye and return.
func (e *Endpoint) Leave() {
	e.mu.Lock()
	e.leaving = true
	e.mu.Unlock()
	e.wake()
}

// leave notes that goodbye was said: that the coordinator closes the connection may
// be known before.
func (e *Endpoint) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = true
}

func (e *Endpoint) hasLeft() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.left
}

// Together reports whether both ends are connected.
func (e *Endpoint) Together() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.together
}

func (e *Endpoint) fail() {
	for _, in := range e.in {
		in.fail(ErrEnded)
	}
	for _, out := range e.out {
		out.fail(ErrEnded)
	}
	e.finish()
}

// Done is closed when all that this end sends has ended and arrived, or is not
// wanted, and when Run has returned.
func (e *Endpoint) Done() <-chan struct{} { return e.done }

// Why serving a connection ended.
var (
	errLeft  = errors.New("left")
	errMoved = errors.New("another coordinator goes on")
)

// serve moves bytes over one connection until it ends.
func (e *Endpoint) serve(ctx context.Context, conn Conn) error {
	e.apart()
	defer e.apart()
	ctx, stop := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	running.Go(func() { stop(e.receive(ctx, conn)) })
	running.Go(func() { stop(KeepAlive(ctx, conn)) })
	defer context.AfterFunc(ctx, conn.Close)()
	stop(e.send(ctx, conn))
	conn.Close() // ends what still reads
	running.Wait()
	return context.Cause(ctx)
}

// hasMet reports whether the other end was there since the last call.
func (e *Endpoint) hasMet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	met := e.met
	e.met = false
	return met
}

// apart notes that nothing can be said of the other end.
func (e *Endpoint) apart() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.together, e.ready, e.resume = false, false, false
}

// send writes what there is to send.
func (e *Endpoint) send(ctx context.Context, conn Conn) error {
	for {
		frame, last := e.nextFrame()
		if frame != nil {
			if err := conn.Write(ctx, frame); err != nil {
				return err
			}
			if last {
				e.leave()
				return errLeft
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.wakeUp:
		}
	}
}

// nextFrame returns what is most urgent, nil when there is nothing.
func (e *Endpoint) nextFrame() (frame []byte, last bool) {
	e.mu.Lock()
	leaving, resume, ready := e.leaving, e.resume, e.ready
	e.resume = false
	e.mu.Unlock()
	if leaving {
		return Frame{Kind: Goodbye}.Encode(), true
	}
	if resume {
		positions := make(map[Stream]int64, len(e.in))
		for stream, in := range e.in {
			positions[stream] = in.position()
		}
		return resumeFrame(positions), false
	}
	if !ready {
		return nil, false
	}
	for _, in := range e.in {
		if frame := in.answer(); frame != nil {
			return frame, false
		}
	}
	// The last stream first: signals before input, and stderr before stdout, so
	// that a full stream does not hold up the other.
	for i := len(e.out) - 1; i >= 0; i-- {
		if frame := e.out[i].next(); frame != nil {
			return frame, false
		}
	}
	return nil, false
}

// receive acts upon frames.
func (e *Endpoint) receive(ctx context.Context, conn Conn) error {
	for {
		message, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		f, err := Decode(message.Bytes())
		if err != nil {
			return err
		}
		if in := e.in[f.Stream]; in != nil && (f.Kind == Data || f.Kind == End) {
			err = in.arrive(f, message)
		} else {
			err = e.handle(f)
			message.Release()
		}
		if err != nil {
			return err
		}
	}
}

func (e *Endpoint) handle(f Frame) error {
	switch f.Kind {
	case Joined:
		e.join(f.Number)
	case Left:
		e.apart()
	case Gone:
		e.apart()
		for _, out := range e.out {
			out.discard()
		}
		for _, in := range e.in {
			in.fail(ErrEnded)
		}
		call(e.events.Gone)
	case Killed:
		call(e.events.Killed)
	case Moved:
		return errMoved
	case Resume:
		return e.rewind(f)
	case Ack, Broken:
		return e.settle(f)
	}
	return nil // what newer coordinators may say
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// join notes that the other end is there.
func (e *Endpoint) join(attempt int64) {
	e.mu.Lock()
	again := attempt != e.attempt && e.attempt != 0
	e.attempt = attempt
	e.together, e.ready, e.resume, e.met = true, false, true, true
	e.mu.Unlock()
	if again {
		for _, in := range e.in {
			in.restart()
		}
	}
	call(e.events.Joined)
	e.wake()
}

// rewind goes on from where the other end is.
func (e *Endpoint) rewind(f Frame) error {
	positions, err := f.positions()
	if err != nil {
		return err
	}
	for _, out := range e.out {
		if err := out.rewind(positions[out.stream]); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.ready = e.together
	e.mu.Unlock()
	e.wake()
	return nil
}

// settle notes what the other end took or does not want.
func (e *Endpoint) settle(f Frame) error {
	for _, out := range e.out {
		if out.stream != f.Stream {
			continue
		}
		if f.Kind == Broken {
			out.fail(ErrBroken)
		} else if err := out.acknowledge(f.Number); err != nil {
			return err
		}
	}
	if e.Settled() {
		e.finish()
	}
	return nil
}

// Settled reports whether all that this end sends has ended and arrived.
func (e *Endpoint) Settled() bool {
	for _, out := range e.out {
		if !out.settled() {
			return false
		}
	}
	return true
}
