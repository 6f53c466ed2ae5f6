package clientcmd

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

const (
	requester = "jellyfin" // who types the commands
	holder    = "b1"       // the worker, which is online
	// patience bounds waits for what should happen at once.
	patience = 30 * time.Second
)

// coordinator is the coordinator's HTTP interface over the memory engine, on a
// socket. The tests play the scheduler and the worker, by way of state.
type coordinator struct {
	t          *testing.T
	state      store.State
	transports *transport.Set
	server     *httptest.Server
	client     *client.Client
	users      *accounts.Accounts
	woken      chan struct{} // told when there may be a job to assign
	listened   chan struct{} // told when somebody asks for messages

	mu        sync.Mutex
	condition dffmpeg.HealthAnswer
}

// start runs a coordinator until the test ends.
func start(t *testing.T) *coordinator {
	t.Helper()
	c := &coordinator{
		t: t, woken: make(chan struct{}, 1), listened: make(chan struct{}, 1),
		condition: dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline},
	}
	logger := slog.New(slog.DiscardHandler)
	engine := memory.New(time.Now, dffmpeg.NewIDSource())
	identities := memory.NewIdentities(time.Now)
	providers, err := secret.NewRegistry()
	must(t, err)
	keyring, err := secret.NewKeyring(providers, nil, "")
	must(t, err)
	users := accounts.New(identities, keyring)
	c.users = users
	_, key, err := users.Add(t.Context(), requester, dffmpeg.RoleClient, nil)
	must(t, err)
	c.transports = transport.NewSet(httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, outbox.Mailbox(engine), logger))
	c.state = announce.Wrap(engine, c, c)
	ids := dffmpeg.NewIDSource()
	handler, err := httpapi.New(httpapi.Deps{
		Relay:         relaytest.Start(t),
		State:         c.state,
		Authenticator: authn.New(identities, keyring, nil, logger, time.Now),
		Transports:    c.transports,
		Health:        c,
		Accounts:      users,
		Settings: httpapi.Settings{
			Version: "1.2.3", AllowedBinaries: []string{"ffmpeg", "ffprobe"}, HeartbeatInterval: 5 * time.Second, MaxBodyBytes: 1 << 20,
		},
		Logger:   logger,
		NewID:    func() string { return ids.NewID(time.Now()) },
		NewToken: func() string { return "token" },
	})
	must(t, err)
	c.online(holder)
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/poll/") {
			tell(c.listened)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
	})
	address, err := url.Parse(c.server.URL)
	must(t, err)
	caller, err := peer.NewCaller(requester, key, address, "test")
	must(t, err)
	registry, err := transport.NewRegistry(httppoll.Plugin())
	must(t, err)
	connector, err := peer.NewConnector(registry, config.DefaultClient().Transports, caller, logger)
	must(t, err)
	c.client = client.New(requester, caller, connector, logger)
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Notify implements announce.Post: mail can be fetched at once.
func (c *coordinator) Notify(to dffmpeg.Recipient, _ time.Time) {
	for _, server := range c.transports.Servers() {
		if puller, ok := server.(transport.Puller); ok {
			puller.Wake(to)
		}
	}
}

// Wake implements announce.Queue: the test is the scheduler.
func (c *coordinator) Wake() { tell(c.woken) }

func (c *coordinator) WakeAfter(pause time.Duration) { time.AfterFunc(pause, c.Wake) }

// tell leaves word in a channel that holds one.
func tell(whom chan struct{}) {
	select {
	case whom <- struct{}{}:
	default:
	}
}

// Health implements httpapi.Health.
func (c *coordinator) Health(_ context.Context, deep bool) dffmpeg.HealthAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	health := c.condition
	if deep {
		health.Databases = map[string]dffmpeg.ComponentHealth{"jobs": {Status: health.Status}}
		health.Transports = map[string]dffmpeg.ComponentHealth{"http_polling": {Status: health.Status}}
	}
	return health
}

// online brings a worker online.
func (c *coordinator) online(id string) { c.register(id, []string{"Media"}, nil) }

// register brings a worker online that has those paths and features.
func (c *coordinator) register(id string, paths, features []string) {
	c.t.Helper()
	_, err := c.state.Register(c.t.Context(), store.Registration{Token: "token", Worker: dffmpeg.Worker{
		ID: id, Binaries: []string{"ffmpeg", "ffprobe"}, Paths: paths, Capabilities: features, RegistrationInterval: 15,
		Status: dffmpeg.WorkerOnline, Transport: httppoll.Name,
	}})
	must(c.t, err)
	_, err = c.state.Verify(c.t.Context(), id, "token")
	must(c.t, err)
}

// offers has the worker register with an offer.
func (c *coordinator) offers(offer dffmpeg.Offer) {
	c.t.Helper()
	_, err := c.state.Register(c.t.Context(), store.Registration{Token: "again", Worker: dffmpeg.Worker{
		ID: holder, Binaries: []string{"ffmpeg", "ffprobe"}, RegistrationInterval: 15, Status: dffmpeg.WorkerOnline, Transport: httppoll.Name, Offer: offer,
	}})
	must(c.t, err)
}

// become gives the requester a role.
func (c *coordinator) become(role dffmpeg.Role) {
	c.t.Helper()
	must(c.t, c.users.SetRole(c.t.Context(), requester, role))
}

// submit submits a job as the requester.
func (c *coordinator) submit() string {
	c.t.Helper()
	answer, err := c.client.Submit(c.t.Context(), dffmpeg.SubmitRequest{BinaryName: "ffmpeg", Arguments: []string{"-i", "in put.mkv"}})
	must(c.t, err)
	return answer.ID
}

// submitted waits until a command has submitted a job.
func (c *coordinator) submitted() dffmpeg.Job {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		jobs, err := c.state.Active(c.t.Context(), 1, dffmpeg.JobPending)
		must(c.t, err)
		if len(jobs) > 0 {
			return jobs[0]
		}
		select {
		case <-c.woken:
		case <-deadline:
			c.t.Fatal("nothing was submitted")
		}
	}
}

// awaitStatus waits until a job has a status.
func (c *coordinator) awaitStatus(id string, want dffmpeg.JobStatus) {
	c.t.Helper()
	deadline := time.After(patience)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		job, err := c.state.Job(c.t.Context(), id)
		must(c.t, err)
		if job.Status == want {
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			c.t.Fatalf("the job is %s, want %s", job.Status, want)
		}
	}
}

// awaitListener waits until a command asks for messages.
func (c *coordinator) awaitListener() {
	c.t.Helper()
	select {
	case <-c.listened:
	case <-time.After(patience):
		c.t.Fatal("nobody asks for messages")
	}
}

// wantNoListener checks that no command asked for messages.
func (c *coordinator) wantNoListener() {
	c.t.Helper()
	select {
	case <-c.listened:
		c.t.Error("a command asked for messages, of which none can come")
	default:
	}
}

// run has the worker take and start a job.
func (c *coordinator) run(id string) store.By {
	c.t.Helper()
	job, err := c.state.Job(c.t.Context(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	by := c.applied(c.state.Claim(c.t.Context(), job, holder))
	return c.applied(c.state.Accept(c.t.Context(), id, by))
}

// print has the job put out lines, as one batch.
func (c *coordinator) print(id string, by store.By, batch int64, lines ...dffmpeg.LogEntry) {
	c.t.Helper()
	c.applied(c.state.AppendLogs(c.t.Context(), id, by, batch, lines))
}

// finish has the worker report the job's end.
func (c *coordinator) finish(id string, by store.By, result store.Result) {
	c.t.Helper()
	c.applied(c.state.Finish(c.t.Context(), id, by, result))
}

// applied checks that a change was made and returns whose attempt it was.
func (c *coordinator) applied(change store.Change, err error) store.By {
	c.t.Helper()
	if err != nil || change.Outcome != store.Applied {
		c.t.Fatalf("%v: the change was %v, want applied", err, change.Outcome)
	}
	return store.By{WorkerID: holder, Attempt: change.Job.Attempt}
}

func stdout(line string) dffmpeg.LogEntry {
	return dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: line}
}

func stderr(line string) dffmpeg.LogEntry {
	return dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: line}
}

func exit(code int) *int { return &code }
