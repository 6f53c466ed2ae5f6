package transporttest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// identityHeader carries who calls, in place of a signature.
const identityHeader = "X-Test-Identity"

// Coordinator is as much of one as a transport needs: it mounts the routes,
// believes callers who they are, and tells the server of new mail. It can stop
// and start again over the same mail.
type Coordinator struct {
	Mailbox *Mailbox
	Server  transport.Server
	// Overheard has what coordinators broadcast, for a server that can.
	Overheard chan string

	address  string
	requests *requests
	stop     func()
}

// StartCoordinator runs a server made by the plug-in until the test ends.
func StartCoordinator(tb testing.TB, plugin transport.Plugin, settings transport.Decoder, mailbox *Mailbox) *Coordinator {
	tb.Helper()
	c := &Coordinator{Mailbox: mailbox, Overheard: make(chan string, 1000)}
	c.start(tb, plugin, settings, "127.0.0.1:0")
	tb.Cleanup(func() { c.Stop() })
	return c
}

func (c *Coordinator) start(tb testing.TB, plugin transport.Plugin, settings transport.Decoder, address string) {
	tb.Helper()
	registry, err := transport.NewRegistry(plugin)
	if err != nil {
		tb.Fatal(err)
	}
	server, err := registry.NewServer(plugin.Name, transport.ServerOptions{Settings: settings, Mailbox: c.Mailbox, Logger: Discard()})
	if err != nil {
		tb.Fatal(err)
	}
	if broadcaster, ok := server.(transport.Broadcaster); ok {
		broadcaster.Overhear(func(text []byte) { c.Overheard <- string(text) })
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	c.Server, c.address, c.requests = server, listener.Addr().String(), newRequests()
	web := &http.Server{Handler: Handler(server), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = web.Serve(listener) })
	running.Go(func() {
		if err := transport.NewSet(server).Run(ctx); err != nil {
			tb.Errorf("Run of %s: %v", server.Name(), err)
		}
	})
	if pusher, ok := server.(transport.Pusher); ok {
		running.Go(func() { c.requests.publish(ctx, pusher, c.Mailbox) })
	}
	c.stop = sync.OnceFunc(func() {
		cancel()
		within, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		if err := web.Shutdown(within); err != nil {
			tb.Errorf("requests did not end when the server's Run did: %v", err)
			_ = web.Close()
		}
		running.Wait()
	})
}

// Stop ends the server in good order; it may be called again.
func (c *Coordinator) Stop() { c.stop() }

// Restart stops the server and starts another one in its place.
func (c *Coordinator) Restart(tb testing.TB, plugin transport.Plugin, settings transport.Decoder) {
	tb.Helper()
	c.Stop()
	c.start(tb, plugin, settings, c.address)
}

// Send adds messages and tells the server of them, as the outbox does.
func (c *Coordinator) Send(to dffmpeg.Recipient, payloads ...any) []dffmpeg.Message {
	sent := make([]dffmpeg.Message, 0, len(payloads))
	for _, payload := range payloads {
		sent = append(sent, c.Mailbox.Add(to, payload))
	}
	c.Notify(to)
	return sent
}

// Notify tells the server that there is mail.
func (c *Coordinator) Notify(to dffmpeg.Recipient) {
	if puller, ok := c.Server.(transport.Puller); ok {
		puller.Wake(to)
		return
	}
	c.requests.add(to)
}

// Caller returns how an identity calls this coordinator.
func (c *Coordinator) Caller(tb testing.TB, identity string) transport.Caller {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	tb.Cleanup(client.CloseIdleConnections)
	return Caller{Base: "http://" + c.address, Identity: identity, HTTP: client}
}

// Caller calls a coordinator of this package.
type Caller struct {
	Base     string
	Identity string
	HTTP     *http.Client
}

// Do implements transport.Caller.
func (c Caller) Do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Base+path+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header.Clone()
	}
	r.Header.Set(identityHeader, c.Identity)
	return c.HTTP.Do(r)
}

// Handler serves a server's routes to callers who say who they are in a header.
// An identity whose name begins with "worker" is a worker, others are clients.
func Handler(server transport.Server) http.Handler {
	mux := http.NewServeMux()
	puller, ok := server.(transport.Puller)
	if !ok {
		return mux
	}
	for _, route := range puller.Routes() {
		mux.HandleFunc(route.Method+" "+route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			name := r.Header.Get(identityHeader)
			identity := dffmpeg.Identity{ClientID: name, Role: dffmpeg.RoleClient}
			if len(name) >= 6 && name[:6] == "worker" {
				identity.Role = dffmpeg.RoleWorker
			}
			to, err := route.Recipient(r, identity)
			if err != nil {
				http.Error(w, err.Error(), dffmpeg.CodeOf(err).Status())
				return
			}
			route.Handle(w, r, to)
		})
	}
	return mux
}

// Discard returns a logger that says nothing.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// requests stands in for the outbox: recipients who have unsent mail.
type requests struct {
	mu      sync.Mutex
	waiting map[dffmpeg.Recipient]bool
	wake    chan struct{}
}

func newRequests() *requests {
	return &requests{waiting: make(map[dffmpeg.Recipient]bool), wake: make(chan struct{}, 1)}
}

func (r *requests) add(to dffmpeg.Recipient) {
	r.mu.Lock()
	r.waiting[to] = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *requests) take() []dffmpeg.Recipient {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := make([]dffmpeg.Recipient, 0, len(r.waiting))
	for to := range r.waiting {
		taken = append(taken, to)
	}
	clear(r.waiting)
	return taken
}

// publish hands over unsent mail; what fails is tried again soon.
func (r *requests) publish(ctx context.Context, pusher transport.Pusher, mailbox *Mailbox) {
	const again = 20 * time.Millisecond
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for _, to := range r.take() {
			if err := publishOne(ctx, pusher, mailbox, to); err != nil {
				time.AfterFunc(again, func() { r.add(to) })
			}
		}
	}
}

func publishOne(ctx context.Context, pusher transport.Pusher, mailbox *Mailbox, to dffmpeg.Recipient) error {
	for {
		messages, err := mailbox.Unsent(ctx, to)
		if err != nil || len(messages) == 0 {
			return err
		}
		last := messages[len(messages)-1]
		if err := pusher.Publish(ctx, to, pusher.Address(to), messages); err != nil {
			return err
		}
		if err := mailbox.Sent(ctx, to, last); err != nil {
			return err
		}
	}
}
