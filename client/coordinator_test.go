package client_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/announce"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/outbox"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay/relaytest"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// The identities that tests play.
const (
	requester   = "jellyfin" // a client
	otherClient = "plex"
	holder      = "b1" // the worker, which is online
)

// patience bounds waits for what should happen at once.
const patience = 30 * time.Second

// coordinator is the coordinator's HTTP interface over the memory engine, on a
// socket. The tests play the scheduler and the worker, by way of state.
type coordinator struct {
	t      *testing.T
	state  store.State
	server *httptest.Server
	keys   map[string]secret.Value

	mu        sync.Mutex
	condition dffmpeg.HealthAnswer
}

// start runs a coordinator until the test ends.
func start(t *testing.T) *coordinator {
	t.Helper()
	c := &coordinator{
		t: t, keys: make(map[string]secret.Value),
		condition: dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline, Version: "test"},
	}
	logger := slog.New(slog.DiscardHandler)
	engine := memory.New(time.Now, dffmpeg.NewIDSource())
	identities := memory.NewIdentities(time.Now)
	providers, err := secret.NewRegistry()
	must(t, err)
	keyring, err := secret.NewKeyring(providers, nil, "")
	must(t, err)
	users := accounts.New(identities, keyring)
	for id, role := range map[string]dffmpeg.Role{
		requester: dffmpeg.RoleClient, otherClient: dffmpeg.RoleClient, holder: dffmpeg.RoleWorker,
	} {
		_, c.keys[id], err = users.Add(t.Context(), id, role, nil)
		must(t, err)
	}
	transports := transport.NewSet(httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, outbox.Mailbox(engine), logger))
	c.state = announce.Wrap(engine, waker{transports}, waker{transports})
	ids := dffmpeg.NewIDSource()
	handler, err := httpapi.New(httpapi.Deps{
		Relay:         relaytest.Start(t),
		State:         c.state,
		Authenticator: authn.New(identities, keyring, nil, logger, time.Now),
		Transports:    transports,
		Health:        c,
		Accounts:      users,
		Settings: httpapi.Settings{
			Version: "test", AllowedBinaries: []string{"ffmpeg"}, HeartbeatInterval: 5 * time.Second, MaxBodyBytes: 1 << 20,
		},
		Logger:   logger,
		NewID:    func() string { return ids.NewID(time.Now()) },
		NewToken: func() string { return "token" },
	})
	must(t, err)
	_, err = c.state.Register(t.Context(), store.Registration{Token: "token", Worker: dffmpeg.Worker{
		ID: holder, Binaries: []string{"ffmpeg"}, RegistrationInterval: 15, Status: dffmpeg.WorkerOnline, Transport: httppoll.Name,
	}})
	must(t, err)
	_, err = c.state.Verify(t.Context(), holder, "token")
	must(t, err)
	c.server = httptest.NewServer(handler)
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waker is the outbox and the scheduler of these tests: mail can be fetched at
// once, and jobs are assigned by the tests.
type waker struct{ transports *transport.Set }

func (w waker) Notify(to dffmpeg.Recipient, _ time.Time) {
	for _, server := range w.transports.Servers() {
		if puller, ok := server.(transport.Puller); ok {
			puller.Wake(to)
		}
	}
}

func (waker) Wake() {}

func (waker) WakeAfter(time.Duration) {}

// Health implements httpapi.Health.
func (c *coordinator) Health(_ context.Context, deep bool) dffmpeg.HealthAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	health := c.condition
	if deep {
		health.Databases = map[string]dffmpeg.ComponentHealth{"jobs": {Status: health.Status}}
	}
	return health
}

// connections are the HTTP connections of one client.
type connections struct {
	*client.Client
	http *http.Client
}

// as returns a client that is identity id.
func (c *coordinator) as(id string) connections {
	c.t.Helper()
	address, err := url.Parse(c.server.URL)
	must(c.t, err)
	key, err := httpauth.ParseKey(c.keys[id])
	must(c.t, err)
	signer, err := httpauth.NewSigner(id, key, "")
	must(c.t, err)
	hc := signedhttp.NewHTTPClient()
	c.t.Cleanup(hc.CloseIdleConnections)
	caller := signedhttp.New(signedhttp.Options{BaseURL: address, Signer: signer, HTTP: hc, UserAgent: "test"})
	registry, err := transport.NewRegistry(httppoll.Plugin())
	must(c.t, err)
	logger := slog.New(slog.DiscardHandler)
	connector, err := peer.NewConnector(registry, config.DefaultClient().Transports, caller, logger)
	must(c.t, err)
	return connections{client.New(id, caller, connector, logger), hc}
}

// submit submits a job of the requester.
func (c *coordinator) submit(by connections) dffmpeg.Job {
	c.t.Helper()
	answer, err := by.Submit(c.t.Context(), dffmpeg.SubmitRequest{BinaryName: "ffmpeg", Arguments: []string{"-version"}})
	must(c.t, err)
	return answer.Job
}

// run has the worker take and start a job.
func (c *coordinator) run(id string) store.By {
	c.t.Helper()
	job, err := c.state.Job(c.t.Context(), id)
	must(c.t, err)
	change, err := c.state.Claim(c.t.Context(), job, holder)
	c.applied(change, err)
	by := store.By{WorkerID: holder, Attempt: change.Job.Attempt}
	change, err = c.state.Accept(c.t.Context(), id, by)
	c.applied(change, err)
	return by
}

// print has the job put out lines, as one batch.
func (c *coordinator) print(id string, by store.By, batch int64, lines ...string) {
	c.t.Helper()
	change, err := c.state.AppendLogs(c.t.Context(), id, by, batch, entries(lines...))
	c.applied(change, err)
}

// finish has the worker report the job's end.
func (c *coordinator) finish(id string, by store.By, result store.Result) {
	c.t.Helper()
	change, err := c.state.Finish(c.t.Context(), id, by, result)
	c.applied(change, err)
}

func (c *coordinator) applied(change store.Change, err error) {
	c.t.Helper()
	if err != nil || change.Outcome != store.Applied {
		c.t.Fatalf("%v: the change was %v, want applied", err, change.Outcome)
	}
}

func entries(lines ...string) []dffmpeg.LogEntry {
	list := make([]dffmpeg.LogEntry, 0, len(lines))
	for _, line := range lines {
		list = append(list, dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: line})
	}
	return list
}
