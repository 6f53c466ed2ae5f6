package httppoll_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

var worker = dffmpeg.ToWorker("worker1")

// pipes is a listener whose connections are pipes, so that virtual time passes
// while they are idle.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// world is a server and its mail within a bubble of virtual time.
type world struct {
	t       *testing.T
	mailbox *transporttest.Mailbox
	server  *httppoll.Server
	pipes   *pipes
	end     context.CancelFunc // of the server's Run
}

// inBubble runs a test in virtual time, with a server that has the time limits
// which servers of other endpoints want.
func inBubble(t *testing.T, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, mailbox: transporttest.NewMailbox(), pipes: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}}
		w.server = httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, w.mailbox, transporttest.Discard())
		web := &http.Server{
			Handler:     transporttest.Handler(w.server),
			ReadTimeout: 3 * time.Second, WriteTimeout: 3 * time.Second,
		}
		ctx, cancel := context.WithCancel(context.Background())
		w.end = cancel
		var running sync.WaitGroup
		running.Go(func() { _ = web.Serve(w.pipes) })
		running.Go(func() { _ = w.server.Run(ctx) })
		defer func() {
			cancel()
			_ = web.Close()
			_ = w.pipes.Close()
			running.Wait()
		}()
		test(w)
	})
}

// client returns an HTTP client whose connections end with the bubble.
func (w *world) client() *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return w.pipes.dial(ctx) }}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// get sends a request as a stock peer does.
func (w *world) get(path string, header http.Header) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://coordinator"+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = header.Clone()
	response, err := w.client().Do(r)
	if err != nil {
		w.t.Fatalf("GET %s: %v", path, err)
	}
	w.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func as(identity string) http.Header { return http.Header{"X-Test-Identity": {identity}} }

func streaming(identity string) http.Header {
	header := as(identity)
	header.Set("Accept", "application/x-ndjson")
	return header
}

// stream opens a stream as a stock worker does.
func (w *world) stream(path string) *lines {
	w.t.Helper()
	return &lines{t: w.t, began: time.Now(), r: bufio.NewReader(w.get(path, streaming(worker.ID)).Body)}
}

type lines struct {
	t     *testing.T
	began time.Time
	r     *bufio.Reader
}

// next returns the next line and when it came, after the stream began.
func (l *lines) next() (string, time.Duration) {
	l.t.Helper()
	line, err := l.r.ReadString('\n')
	if err != nil {
		l.t.Fatalf("the stream ended after %s: %v", time.Since(l.began), err)
	}
	return line, time.Since(l.began)
}

// ended checks that nothing follows.
func (l *lines) ended() {
	l.t.Helper()
	if line, err := l.r.ReadString('\n'); err == nil {
		l.t.Errorf("the stream goes on with %q, want its end", line)
	}
}

// add puts a message into the mailbox and wakes whoever listens.
func (w *world) add(text string) dffmpeg.Message {
	m := w.mailbox.Add(worker, text)
	w.server.Wake(worker)
	return m
}

// addAfter does so after a while.
func (w *world) addAfter(d time.Duration, text string) {
	time.AfterFunc(d, func() { w.add(text) })
}
