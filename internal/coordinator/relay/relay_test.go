package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

const testGrace = 200 * time.Millisecond

// coordinator is a relay behind a real HTTP server, which tests stop and cut off.
type coordinator struct {
	t      testing.TB
	own    httpauth.Key // what ends prove
	server *httptest.Server
	relay  *Relay
	stop   func()

	mu    sync.Mutex
	key   httpauth.Key // what they have to prove
	conns map[net.Conn]struct{}
	dead  []string
	homes Homes
}

// here is the home of everything.
type here struct{}

func (here) Find(context.Context, string) (Away, error) { return nil, nil } //nolint:nilnil // nil means here

func startCoordinator(t testing.TB, key httpauth.Key, homes Homes) *coordinator {
	c := &coordinator{t: t, own: key, key: key, conns: make(map[net.Conn]struct{}), homes: homes}
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conns[conn] = struct{}{}
		if state == http.StateClosed {
			delete(c.conns, conn)
		}
	}
	c.server.Start()
	c.run()
	t.Cleanup(func() {
		c.stop()
		c.server.Close()
	})
	return c
}

// run starts the relay; stop ends it in good order.
func (c *coordinator) run() {
	relay := New(Options{Homes: c.homes, Grace: testGrace, Logger: slog.New(slog.DiscardHandler), Died: func(_ context.Context, jobID string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dead = append(c.dead, jobID)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = relay.Run(ctx) // ends with ctx's error
	}()
	c.mu.Lock()
	c.relay = relay
	c.mu.Unlock()
	c.stop = sync.OnceFunc(func() { cancel(); <-ended })
}

func (c *coordinator) current() *Relay {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.relay
}

// cut resets all connections.
func (c *coordinator) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.(*net.TCPConn).SetLinger(0) // as a box in between that forgets connections
		_ = conn.Close()
	}
	clear(c.conns)
}

func (c *coordinator) expected() httpauth.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key
}

// lock lets nobody in any more.
func (c *coordinator) lock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key = httpauth.NewKey()
}

func (c *coordinator) died() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *coordinator) serve(w http.ResponseWriter, r *http.Request) {
	conn, err := stdio.Accept(w, r, func(challenge []byte, proof string) error {
		return httpauth.CheckProof(c.expected(), stdio.ProofText(r.URL.Path, challenge), proof)
	})
	if err != nil {
		return // the caller was told
	}
	parts := strings.Split(r.URL.Path, "/") // /SIDE/JOB[/relayed]
	side := Requester
	if parts[1] == Worker.String() {
		side = Worker
	}
	attempt, _ := strconv.ParseInt(r.URL.Query().Get("attempt"), 10, 64)
	serve := c.current().Serve
	if len(parts) > 3 {
		serve = c.current().ServeRelayed
	}
	_ = serve(r.Context(), conn, parts[2], side, attempt) // how it ends is seen at the ends
}

// dial returns how an end connects.
func (c *coordinator) dial(side Side, jobID string, attempt int) stdio.Dial {
	return c.connect("/"+side.String()+"/"+jobID, attempt)
}

func (c *coordinator) connect(path string, attempt int) stdio.Dial {
	base, err := url.Parse(c.server.URL)
	if err != nil {
		c.t.Fatal(err)
	}
	signer, err := httpauth.NewSigner("somebody", c.own, "")
	if err != nil {
		c.t.Fatal(err)
	}
	client := signedhttp.NewHTTPClient()
	c.t.Cleanup(client.CloseIdleConnections)
	caller := signedhttp.New(signedhttp.Options{BaseURL: base, Signer: signer, HTTP: client})
	return stdio.Connect(caller, path, url.Values{"attempt": {strconv.Itoa(attempt)}})
}

// pair is both ends of a job.
type pair struct {
	requester *stdio.Requester
	worker    *stdio.Worker
	killed    chan struct{}
	gone      chan struct{}
	stop      func()
	line      *line // the requester's
}

// line is an end's way to a coordinator, which ends with the process that has it.
type line struct {
	dial stdio.Dial

	mu   sync.Mutex
	conn stdio.Conn // the last one
	dead bool
}

func (l *line) connect(ctx context.Context) (stdio.Conn, error) {
	conn, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		conn.Close()
		return nil, errors.New("dead")
	}
	l.conn = conn
	return conn, nil
}

// kill closes the connection as the kernel does for a process that was killed, and
// opens no other.
func (l *line) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	l.conn.Close()
}

func connectPair(t testing.TB, requester, worker stdio.Dial) *pair {
	p := &pair{killed: make(chan struct{}), gone: make(chan struct{}), line: &line{dial: requester}}
	logger := slog.New(slog.DiscardHandler)
	p.requester = stdio.NewRequester(stdio.Events{}, logger)
	p.worker = stdio.NewWorker(stdio.Events{
		Killed: sync.OnceFunc(func() { close(p.killed) }), Gone: sync.OnceFunc(func() { close(p.gone) }),
	}, logger)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.requester.Run(ctx, p.line.connect); err != nil {
			t.Errorf("requester: %v", err)
		}
	})
	running.Go(func() {
		if err := p.worker.Run(ctx, worker); err != nil {
			t.Errorf("worker: %v", err)
		}
	})
	p.stop = func() { cancel(); running.Wait() }
	t.Cleanup(p.stop)
	return p
}

// flow sends random bytes through a stream and compares what arrives.
func flow(t *testing.T, name string, size int, from io.WriteCloser, to *stdio.Incoming) func() error {
	want := sha256.New()
	go func() {
		defer func() { _ = from.Close() }() // nothing is left to do about it
		source := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-32s", name))))
		for rest := size; rest > 0; {
			piece := make([]byte, min(rest, 1+rand.IntN(100_000)))
			_, _ = source.Read(piece) // never fails
			want.Write(piece)
			if _, err := from.Write(piece); err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			rest -= len(piece)
		}
	}()
	return func() error {
		got := sha256.New()
		n, err := to.WriteTo(got)
		if err != nil || n != int64(size) || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			return fmt.Errorf("%s: %d of %d bytes arrived, the same ones: %t; error %w", name, n, size, bytes.Equal(got.Sum(nil), want.Sum(nil)), err)
		}
		return nil
	}
}

// exchange sends bytes both ways at once, on all streams.
func (p *pair) exchange(t *testing.T, size int) {
	t.Helper()
	var all sync.WaitGroup
	for _, arrives := range []func() error{
		flow(t, "stdin", size, p.requester.Stdin, p.worker.Stdin),
		flow(t, "stdout", size, p.worker.Stdout, p.requester.Stdout),
		flow(t, "stderr", size/2, p.worker.Stderr, p.requester.Stderr),
	} {
		all.Go(func() {
			if err := arrives(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	settled(t, p.worker.Settled)
}

func settled(t *testing.T, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatal("what was sent is not acknowledged")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestBytesArrive(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	p.exchange(t, 16<<20)
}

// TestBytesArriveThroughFaults: connections are reset again and again, and the relay
// is replaced by another one that knows nothing.
func TestBytesArriveThroughFaults(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	ctx, cancel := context.WithCancel(t.Context())
	var breaking sync.WaitGroup
	breaking.Go(func() {
		for i := 0; ctx.Err() == nil && i < 20; i++ {
			time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond)
			if i%3 == 2 {
				c.stop()
				c.run()
				continue
			}
			c.cut()
		}
	})
	p.exchange(t, 32<<20)
	cancel()
	breaking.Wait()
	if dead := c.died(); len(dead) > 0 {
		t.Errorf("requesters of %v were taken for dead", dead)
	}
}

func TestDeadRequester(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "first", 0), c.dial(Worker, "first", 1))
	settled(t, p.worker.Together)
	began := time.Now()
	p.line.kill()
	<-p.killed
	if took := time.Since(began); took < testGrace/2 {
		t.Errorf("killed after %s, before the grace of %s was over", took, testGrace)
	}
	settled(t, func() bool { return len(c.died()) == 1 })
}

func TestGoodbyeIsNoDeath(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	settled(t, p.worker.Together)
	p.requester.Leave()
	<-p.gone
	if _, err := p.worker.Stdout.Write([]byte("nobody wants this, and that is fine")); err != nil {
		t.Errorf("writing after the requester has left: %v", err)
	}
	time.Sleep(2 * testGrace)
	if len(c.died()) > 0 {
		t.Error("a requester that said goodbye was taken for dead")
	}
}

// TestNobodyTakesTheStream: what the process would see as EPIPE.
func TestNobodyTakesTheStream(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	broken := errors.New("closed")
	go func() { _, _ = p.requester.Stdout.WriteTo(failing{broken}) }() // it fails, and that is what the test is about
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := p.worker.Stdout.Write([]byte("x")); errors.Is(err, stdio.ErrBroken) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the worker is not told")
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := p.worker.Stderr.Write([]byte("x")); err != nil {
		t.Errorf("the other stream: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestSlowDestination: the source waits, and what is in between is bounded.
func TestSlowDestination(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	p := connectPair(t, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	var mu sync.Mutex
	sent := 0
	go func() {
		for piece := make([]byte, 10_000); ; {
			n, err := p.worker.Stdout.Write(piece)
			mu.Lock()
			sent += n
			mu.Unlock()
			if err != nil {
				return // the end of the test
			}
		}
	}()
	buffer := make([]byte, 1000)
	if _, err := io.ReadFull(p.requester.Stdout, buffer); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return sent
	}
	before := -1
	for now := count(); now != before; now = count() {
		before = now
		time.Sleep(50 * time.Millisecond)
	}
	if before > 2*stdio.Window {
		t.Errorf("%d bytes were sent to somebody who took %d", before, len(buffer))
	}
	if _, err := io.CopyN(io.Discard, p.requester.Stdout, 3*stdio.Window); err != nil {
		t.Errorf("going on: %v", err)
	}
}

func TestWrongProof(t *testing.T) {
	c := startCoordinator(t, httpauth.NewKey(), here{})
	dial := c.dial(Requester, "job", 0)
	c.lock()
	conn, err := dial(t.Context())
	if err == nil { // refused after the proof was sent
		_, err = conn.Read(t.Context())
		conn.Close()
	}
	if err == nil {
		t.Error("somebody without the key was let in")
	}
}

// elsewhere is another coordinator.
type elsewhere struct{ home *coordinator }

func (e elsewhere) Find(context.Context, string) (Away, error) { return e, nil }

func (e elsewhere) Dial(ctx context.Context, jobID string, side Side, attempt int64) (stdio.Conn, error) {
	return e.home.connect("/"+side.String()+"/"+jobID+"/relayed", int(attempt))(ctx)
}

// TestEndsAtDifferentCoordinators meet all the same; one that dies there is noticed
// at home, and one whose coordinator dies is not taken for dead.
func TestEndsAtDifferentCoordinators(t *testing.T) {
	key := httpauth.NewKey()
	home := startCoordinator(t, key, here{})
	other := startCoordinator(t, key, elsewhere{home})
	p := connectPair(t, other.dial(Requester, "job", 0), home.dial(Worker, "job", 1))
	p.exchange(t, 8<<20)
	for range 3 {
		other.cut()
		time.Sleep(50 * time.Millisecond)
	}
	other.stop()
	other.run()
	time.Sleep(2 * testGrace)
	if len(home.died()) > 0 {
		t.Fatal("a requester that is back was taken for dead")
	}
	settled(t, p.worker.Together)
	p.line.kill()
	<-p.killed
}

func TestPermanentErrors(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"detail":"Job not found"}`)
	}))
	defer server.Close()
	c := &coordinator{t: t, server: server, own: httpauth.NewKey()}
	r := stdio.NewRequester(stdio.Events{}, slog.New(slog.DiscardHandler))
	if err := r.Run(t.Context(), c.dial(Requester, "job", 0)); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound || err.Error() != "Job not found" {
		t.Errorf("error %v", err)
	}
	if _, err := r.Stdin.Write([]byte("x")); !errors.Is(err, stdio.ErrEnded) {
		t.Errorf("writing afterwards: %v", err)
	}
}
