package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/announce"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/outbox"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// The identities that tests play.
const (
	nobody      = ""
	requester   = "jellyfin" // a client
	otherClient = "plex"
	holder      = "b1" // a worker
	otherWorker = "b2"
	administer  = "root"  // an admin
	spare       = "spare" // a client that admins try things on
)

// token is every registration's.
const token = "registration-token"

// cluster is the API over the memory engine. The tests play the scheduler, the
// janitor and all peers.
type cluster struct {
	tb         testing.TB
	router     *router
	deps       Deps
	engine     *replaceable
	identities *replaceableIdentities
	original   []store.StoredIdentity
	signers    map[string]*httpauth.Signer
	log        *syncBuffer

	mu        sync.Mutex
	triggered []dffmpeg.JanitorAction
	heard     []dffmpeg.WakeRequest
	condition dffmpeg.HealthAnswer
	reconcile func(request dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error)
}

// replaceable is a state that tests exchange or break.
type replaceable struct{ store.State }

type replaceableIdentities struct{ store.Identities }

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newCluster returns an API with the identities; change adjusts what it is
// made of.
func newCluster(tb testing.TB, change ...func(*Deps)) *cluster {
	tb.Helper()
	c := &cluster{
		tb:         tb,
		engine:     &replaceable{newEngine()},
		identities: &replaceableIdentities{memory.NewIdentities(time.Now)},
		signers:    make(map[string]*httpauth.Signer),
		log:        &syncBuffer{},
		condition:  dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline},
	}
	logger := slog.New(slog.NewTextHandler(c.log, nil))
	providers, err := secret.NewRegistry()
	must(tb, err)
	keyring, err := secret.NewKeyring(providers, nil, "")
	must(tb, err)
	users := accounts.New(c.identities, keyring)
	for id, role := range map[string]dffmpeg.Role{
		requester: dffmpeg.RoleClient, otherClient: dffmpeg.RoleClient, spare: dffmpeg.RoleClient,
		holder: dffmpeg.RoleWorker, otherWorker: dffmpeg.RoleWorker, administer: dffmpeg.RoleAdmin,
	} {
		_, text, err := users.Add(tb.Context(), id, role, nil)
		must(tb, err)
		c.signers[id] = signer(tb, id, text)
	}
	key, err := users.ClusterKey(tb.Context())
	must(tb, err)
	c.signers[accounts.ClusterID] = signer(tb, accounts.ClusterID, key)
	c.original, err = c.identities.ListIdentities(tb.Context())
	must(tb, err)
	transports := transport.NewSet(httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, outbox.Mailbox(c.engine), logger))
	ids := dffmpeg.NewIDSource()
	c.deps = Deps{
		State:         announce.Wrap(c.engine, waker{transports}, waker{transports}),
		Authenticator: authn.New(c.identities, keyring, []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}, logger, time.Now),
		Transports:    transports,
		Reconciler:    c,
		Janitor:       c,
		Replicas:      c,
		Health:        c,
		Accounts:      users,
		Settings: Settings{
			Version:           "test",
			AllowedBinaries:   []string{"ffmpeg", "ffprobe"},
			HeartbeatInterval: 5 * time.Second,
			MaxBodyBytes:      1 << 20,
			Dashboard:         true,
			DashboardFrom:     dffmpeg.AnyAddress(),
			MetricsFrom:       dffmpeg.AnyAddress(),
			Documentation:     true,
		},
		Logger:   logger,
		NewID:    func() string { return ids.NewID(time.Now()) },
		NewToken: func() string { return token },
	}
	for _, f := range change {
		f(&c.deps)
	}
	c.router, err = mount(c.deps)
	must(tb, err)
	return c
}

// newEngine returns an empty engine whose clock moves with every look at it,
// so that no two records have the same time.
func newEngine() store.State {
	var mu sync.Mutex
	now := time.Now()
	return memory.New(func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Microsecond)
		return now
	}, dffmpeg.NewIDSource())
}

// reset empties the cluster but for the identities it began with.
func (c *cluster) reset() {
	c.tb.Helper()
	c.engine.State = newEngine()
	identities := memory.NewIdentities(time.Now)
	for _, identity := range c.original {
		_, err := identities.AddIdentity(c.tb.Context(), identity)
		must(c.tb, err)
	}
	c.identities.Identities = identities
}

func signer(tb testing.TB, id string, text secret.Value) *httpauth.Signer {
	tb.Helper()
	key, err := httpauth.ParseKey(text)
	must(tb, err)
	s, err := httpauth.NewSigner(id, key, "")
	must(tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
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

// Trigger implements Janitor.
func (c *cluster) Trigger(action dffmpeg.JanitorAction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.triggered = append(c.triggered, action)
}

// Health implements Health.
func (c *cluster) Health(_ context.Context, deep bool) dffmpeg.HealthAnswer {
	c.mu.Lock()
	defer c.mu.Unlock()
	health := c.condition
	if deep {
		fine := dffmpeg.ComponentHealth{Status: dffmpeg.HealthOnline}
		health.Databases = map[string]dffmpeg.ComponentHealth{"auth": fine, "jobs": fine, "messages": fine, "workers": fine}
		health.Transports = c.deps.Transports.(*transport.Set).Health(context.Background())
	}
	return health
}

// List implements Replicas.
func (*cluster) List(context.Context) ([]dffmpeg.Coordinator, error) {
	return []dffmpeg.Coordinator{{ID: "01J0000000000000000000000C", Host: "north:8000"}}, nil
}

// Hear implements Replicas.
func (c *cluster) Hear(request dffmpeg.WakeRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, request)
}

// Left implements Reconciler.
func (*cluster) Left(context.Context, string) error { return nil }

// Reconcile implements Reconciler.
func (c *cluster) Reconcile(_ context.Context, request dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error) {
	if c.reconcile == nil {
		return nil, nil
	}
	return c.reconcile(request)
}

// recorder is an answer that takes deadlines, as a connection does.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetReadDeadline(time.Time) error  { return nil }
func (recorder) SetWriteDeadline(time.Time) error { return nil }

// request returns a request as identity sends it: signed, and with the type of
// its body.
func (c *cluster) request(identity, method, target string, body []byte) *http.Request {
	c.tb.Helper()
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if identity != nobody {
		must(c.tb, c.signers[identity].Sign(r, body, time.Now()))
	}
	return r
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// detail returns the detail of an error as text.
func (a answer) detail(tb testing.TB) string {
	tb.Helper()
	var e struct {
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal(a.body, &e); err != nil || len(e.Detail) == 0 {
		tb.Fatalf("an answer without a detail: %d %s", a.status, a.body)
	}
	var text string
	if json.Unmarshal(e.Detail, &text) == nil {
		return text
	}
	return string(e.Detail)
}

// serve answers a request and checks what holds for every answer.
func (c *cluster) serve(r *http.Request) answer {
	c.tb.Helper()
	w := recorder{httptest.NewRecorder()}
	c.router.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
	for name, want := range map[string]string{
		"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0",
	} {
		if got := a.header.Get(name); got != want {
			c.tb.Errorf("%s %s: header %s is %q, want %q", r.Method, r.URL.Path, name, got, want)
		}
	}
	if a.status >= http.StatusBadRequest && a.status < http.StatusInternalServerError {
		a.detail(c.tb)
	}
	return a
}

// do sends a request with a JSON body, nil for none.
func (c *cluster) do(identity, method, target string, body any) answer {
	c.tb.Helper()
	return c.serve(c.request(identity, method, target, encode(c.tb, body)))
}

// want does so and checks the status.
func (c *cluster) want(status int, identity, method, target string, body any) answer {
	c.tb.Helper()
	a := c.do(identity, method, target, body)
	if a.status != status {
		c.tb.Fatalf("%s %s as %q: status %d, want %d: %s", method, target, identity, a.status, status, a.body)
	}
	return a
}

// encode returns a body; bytes and strings stay as they are.
func encode(tb testing.TB, body any) []byte {
	tb.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case []byte:
		return b
	case string:
		return []byte(b)
	}
	data, err := json.Marshal(body)
	must(tb, err)
	return data
}

// decode reads an answer.
func decode[T any](tb testing.TB, a answer) T {
	tb.Helper()
	var value T
	if err := json.Unmarshal(a.body, &value); err != nil {
		tb.Fatalf("%v: %s", err, a.body)
	}
	return value
}

func registration(id string) dffmpeg.RegisterRequest {
	return dffmpeg.RegisterRequest{
		WorkerID: id, Binaries: []string{"ffmpeg"}, Paths: []string{"Media"}, RegistrationInterval: 15,
		SupportedTransports: []string{"http_polling"}, Status: dffmpeg.WorkerOnline,
	}
}

func submission() dffmpeg.SubmitRequest {
	return dffmpeg.SubmitRequest{BinaryName: "ffmpeg", Arguments: []string{"-version"}, SupportedTransports: []string{"http_polling"}}
}

// online brings a worker online.
func (c *cluster) online(id string) {
	c.tb.Helper()
	c.want(http.StatusOK, id, http.MethodPost, "/worker/register", registration(id))
	c.want(http.StatusOK, id, http.MethodPost, "/worker/"+id+"/verify", dffmpeg.VerifyRequest{RegistrationToken: token})
}

// assigned submits a job and assigns it to the holder, which is online.
func (c *cluster) assigned() dffmpeg.Job {
	c.tb.Helper()
	return c.assignedAs(submission())
}

// assignedAs does so with a job of choice.
func (c *cluster) assignedAs(request dffmpeg.SubmitRequest) dffmpeg.Job {
	c.tb.Helper()
	c.online(holder)
	job := decode[dffmpeg.Job](c.tb, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request))
	change, err := c.deps.State.Claim(c.tb.Context(), job, holder)
	must(c.tb, err)
	return change.Job
}

// mail returns the messages that a recipient was sent since the start.
func (c *cluster) mail(to dffmpeg.Recipient) []dffmpeg.Message {
	c.tb.Helper()
	messages, err := c.engine.Mail(c.tb.Context(), to, store.MailQuery{Select: store.MailAfter})
	must(c.tb, err)
	return messages
}

// contents is everything that is stored.
type contents struct {
	Jobs       []dffmpeg.Job
	Workers    []dffmpeg.Worker
	Identities []store.StoredIdentity
	Unsent     int
	Mail       map[string][]dffmpeg.Message
}

// stored returns everything that is stored, to compare.
func (c *cluster) stored() contents {
	c.tb.Helper()
	ctx := c.tb.Context()
	jobs, err := c.engine.List(ctx, store.JobQuery{Window: time.Hour})
	must(c.tb, err)
	workers, err := c.engine.ListWorkers(ctx, time.Hour)
	must(c.tb, err)
	identities, err := c.identities.ListIdentities(ctx)
	must(c.tb, err)
	unsent, err := c.engine.Unsent(ctx, []string{httppoll.Name}, 1000)
	must(c.tb, err)
	mail := make(map[string][]dffmpeg.Message)
	for _, w := range workers {
		mail[w.ID] = c.mail(w.Recipient())
	}
	for _, j := range jobs {
		mail[j.ID] = c.mail(j.Requester())
	}
	return contents{jobs, workers, identities, len(unsent), mail}
}

// comparable lets cmp look at contents.
func comparable() cmp.Option {
	return cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
}

// keyed returns a signer for a key that the API gave out.
func (c *cluster) keyed(id, key string) *httpauth.Signer {
	c.tb.Helper()
	return signer(c.tb, id, secret.New(key))
}
