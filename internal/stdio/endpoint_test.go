package stdio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wire is one end of a connection in memory. What is read is in memory that is used
// again, as from a socket.
type wire struct {
	in, out chan []byte
	room    *room
	cut     chan struct{} // closed when the connection is over, for both ends
	closing func()
	loses   Kind // frames that never arrive; 0 for none
}

// join returns the two ends of a connection over which both are told that the other
// one is there.
func join(attempt int64) (a, b *wire) {
	there, back, cut := make(chan []byte, 4), make(chan []byte, 4), make(chan struct{})
	closing := sync.OnceFunc(func() { close(cut) })
	joined := Frame{Kind: Joined, Number: attempt}.Encode()
	there <- joined
	back <- joined
	return &wire{there, back, &room{}, cut, closing, 0}, &wire{back, there, &room{}, cut, closing, 0}
}

var errCut = errors.New("cut")

func (w *wire) Read(context.Context) (*Message, error) {
	select {
	case frame := <-w.in:
		m := w.room.whole()
		m.bytes = m.bytes[:copy(m.bytes, frame)]
		return m, nil
	case <-w.cut:
		return nil, errCut
	}
}

func (w *wire) Write(_ context.Context, frame []byte) error {
	switch Kind(frame[0]) {
	case w.loses:
		return nil
	case Goodbye: // the coordinator closes the connection, which may be seen at once
		w.Close()
		time.Sleep(time.Millisecond)
		return nil
	}
	select {
	case w.out <- bytes.Clone(frame):
		return nil
	case <-w.cut:
		return errCut
	}
}

func (w *wire) Ping(context.Context) error { return nil }
func (w *wire) Close()                     { w.closing() }

// exchange connects the two ends of a job, again whenever they have been cut.
type exchange struct {
	mu       sync.Mutex
	loses    Kind // of both ends of the next connections
	attempt  int64
	first    chan *wire // the connection of the end that was there before
	current  *wire
	requests int
}

func newExchange() *exchange { return &exchange{attempt: 1, first: make(chan *wire)} }

// dial waits for the other end.
func (x *exchange) dial(ctx context.Context) (Conn, error) {
	x.mu.Lock()
	x.requests++
	a, b := join(x.attempt)
	a.loses, b.loses = x.loses, x.loses
	x.mu.Unlock()
	select {
	case w := <-x.first:
		return w, nil
	case x.first <- b:
		x.mu.Lock()
		defer x.mu.Unlock()
		x.current = a
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cut ends the connection of both ends.
func (x *exchange) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current != nil {
		x.current.Close()
	}
}

// ends are both ends of a job, connected by an exchange.
type ends struct {
	*exchange
	requester *Requester
	worker    *Worker
	end       func()
}

func startEnds(t *testing.T) *ends {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	e := &ends{exchange: newExchange(), requester: NewRequester(Events{}, logger), worker: NewWorker(Events{}, logger)}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, each := range []*Endpoint{e.requester.Endpoint, e.worker.Endpoint} {
		running.Go(func() {
			if err := each.Run(ctx, e.dial); err != nil {
				t.Errorf("an end stopped: %v", err)
			}
		})
	}
	e.end = func() { cancel(); running.Wait() }
	return e
}

// chopped hands out bytes in pieces of any size.
type chopped struct {
	rest   []byte
	random *rand.Rand
	pause  bool
}

func (c *chopped) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	if c.pause && c.random.IntN(4) == 0 {
		time.Sleep(time.Duration(c.random.IntN(int(30 * time.Millisecond))))
	}
	n := copy(p, c.rest[:min(len(c.rest), 1+c.random.IntN(1<<c.random.IntN(20)))])
	c.rest = c.rest[n:]
	return n, nil
}

// TestNothingIsLost moves bytes both ways on all streams while connections are cut at
// any time.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			e := startEnds(t)
			defer e.end()
			var moving sync.WaitGroup
			for i, stream := range []struct {
				from *Outgoing
				to   *Incoming
			}{
				{e.requester.Stdin, e.worker.Stdin},
				{e.worker.Stdout, e.requester.Stdout},
				{e.worker.Stderr, e.requester.Stderr},
			} {
				sent := make([]byte, random.IntN(6<<20))
				for n := range sent {
					sent[n] = byte(n>>9) ^ byte(n)
				}
				own := rand.New(rand.NewPCG(seed, uint64(i)+1)) //nolint:gosec // three of them
				moving.Go(func() {
					from := &chopped{rest: sent, random: own, pause: i != 1}
					if n, err := stream.from.ReadFrom(from); err != nil || n != int64(len(sent)) {
						t.Errorf("seed %d, stream %d: %d of %d bytes sent: %v", seed, i, n, len(sent), err)
					}
					if err := stream.from.Close(); err != nil {
						t.Error(err)
					}
				})
				moving.Go(func() {
					var got bytes.Buffer
					if _, err := stream.to.WriteTo(&got); err != nil {
						t.Errorf("seed %d, stream %d: %v", seed, i, err)
					}
					if !bytes.Equal(got.Bytes(), sent) {
						t.Errorf("seed %d, stream %d: %d bytes arrived of %d, or others", seed, i, got.Len(), len(sent))
					}
				})
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(random.IntN(int(60 * time.Millisecond)))):
						e.cut()
					}
				}
			}()
			moving.Wait()
			close(stop)
			<-stopped
			<-e.worker.Done()
		})
	}
}

// TestAcknowledgements: what is taken is acknowledged soon, and not with a frame for
// each.
func TestAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEnds(t)
		defer e.end()
		taken := make(chan struct{})
		go func() {
			defer close(taken)
			_, _ = e.requester.Stdout.WriteTo(io.Discard)
		}()
		for range 10 {
			if _, err := io.WriteString(e.worker.Stdout, "progress\r"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if kept := e.worker.Stdout.outstanding(); kept != 90 {
			t.Errorf("%d bytes are outstanding at once, want all 90: each was acknowledged by itself", kept)
		}
		time.Sleep(2 * ackSoon)
		if kept := e.worker.Stdout.outstanding(); kept != 0 {
			t.Errorf("%d bytes are outstanding after a while", kept)
		}
		if err := e.worker.Stdout.Close(); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		<-taken
		_ = e.worker.Stderr.Close()
		_ = e.requester.Stderr.Close()
		<-e.worker.Done()
		if late := time.Since(before); late > 0 {
			t.Errorf("the end was acknowledged after %s", late)
		}
	})
}

// outstanding is how many bytes are kept to be sent again.
func (o *Outgoing) outstanding() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept
}

// TestWindow: who takes nothing is sent no more than a window, and small pieces that
// wait make few frames.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEnds(t)
		wrote := make(chan error, 1)
		go func() {
			_, err := e.worker.Stdout.ReadFrom(strings.NewReader(strings.Repeat("x", 2*Window)))
			wrote <- err
		}()
		synctest.Wait()
		if kept := e.worker.Stdout.outstanding(); kept < Window || kept > Window+maxChunk {
			t.Errorf("%d bytes are on their way, want a window of %d", kept, Window)
		}
		e.end()
		if err := <-wrote; !errors.Is(err, ErrEnded) {
			t.Errorf("the source ended with %v", err)
		}
	})
}

// TestSmallPiecesJoin: what is written while nobody is there goes in few frames.
func TestSmallPiecesJoin(t *testing.T) {
	o := newOutgoing(Stdout, func() {})
	for range 1000 {
		if _, err := io.WriteString(o, "a line of output\n"); err != nil {
			t.Fatal(err)
		}
	}
	frames := 0
	for o.next() != nil {
		frames++
	}
	if frames != 1 {
		t.Errorf("1000 lines make %d frames", frames)
	}
	// One that was sent stays as it was.
	sent := len(o.chunks[0].message.bytes)
	if err := o.rewind(0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(o, "more\n"); err != nil {
		t.Fatal(err)
	}
	if len(o.chunks) != 2 || len(o.chunks[0].message.bytes) != sent {
		t.Errorf("a frame that was sent grew: %d chunks", len(o.chunks))
	}
}

// TestBroken: a destination that fails is as a closed pipe to the source.
func TestBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEnds(t)
		defer e.end()
		go func() { _, _ = e.requester.Stdout.WriteTo(failing{}) }()
		var err error
		for range 100 {
			if _, err = io.WriteString(e.worker.Stdout, "x"); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !errors.Is(err, ErrBroken) {
			t.Errorf("writing ended with %v", err)
		}
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

// TestLostAcknowledgement: what was taken is acknowledged again over the next
// connection.
func TestLostAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEnds(t)
		defer e.end()
		synctest.Wait()
		e.lose(Ack)
		e.cut()
		go func() { _, _ = e.requester.Stdout.WriteTo(io.Discard) }()
		_, _ = io.WriteString(e.worker.Stdout, "x")
		for _, out := range []*Outgoing{e.worker.Stdout, e.worker.Stderr} {
			_ = out.Close()
		}
		_ = e.requester.Stderr.Close()
		time.Sleep(time.Minute)
		select {
		case <-e.worker.Done():
			t.Error("what was taken is known although nothing was acknowledged")
		default:
		}
		e.lose(0)
		e.cut()
		<-e.worker.Done()
	})
}

// lose has frames of a kind lost from the next connection on.
func (x *exchange) lose(kind Kind) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.loses = kind
}

// TestOverlap: of what comes again only the new part counts, and what comes too early
// does not.
func TestOverlap(t *testing.T) {
	in := newIncoming(Stdout, func() {})
	for _, f := range []Frame{
		{Kind: Data, Number: 0, Data: []byte("abc")},
		{Kind: Data, Number: 4, Data: []byte("early")},
		{Kind: End, Number: 9},
		{Kind: Data, Number: 1, Data: []byte("bcde")},
		{Kind: Data, Number: 0, Data: []byte("abcde")},
		{Kind: End, Number: 5},
		{Kind: Data, Number: 6, Data: []byte("late")},
	} {
		if err := in.arrive(f, NewMessage(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := io.ReadAll(in); err != nil || string(got) != "abcde" {
		t.Errorf("%q, %v", got, err)
	}
	if in.position() != 6 {
		t.Errorf("it goes on at %d", in.position())
	}
}

// TestLeave: an end that leaves does not connect again, however soon it is cut off
// after its goodbye.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := startEnds(t)
		defer e.end()
		synctest.Wait()
		e.requester.Leave()
		time.Sleep(time.Minute)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.requests != 3 { // two, and the worker's next one
			t.Errorf("%d connections were wanted, want 3", e.requests)
		}
	})
}
