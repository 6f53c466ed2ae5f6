package doctor

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/outbox"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay/relaytest"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

const jellyfin = "jellyfin"

// coordinator is the coordinator's HTTP interface over the memory engine.
type coordinator struct {
	handler http.Handler
	key     secret.Value // of jellyfin
	deep    dffmpeg.HealthAnswer
}

// Health implements httpapi.Health.
func (c *coordinator) Health(_ context.Context, deep bool) dffmpeg.HealthAnswer {
	if deep {
		return c.deep
	}
	return dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline}
}

// newCoordinator returns a coordinator whose clock is ahead of ours, with a worker
// that has the path Media.
func newCoordinator(t *testing.T, ahead time.Duration) *coordinator {
	t.Helper()
	return newCoordinatorThatAsks(t, ahead, "")
}

// newCoordinatorThatAsks has one worker only that is asked what programs can do.
func newCoordinatorThatAsks(t *testing.T, ahead time.Duration, queryWorker string) *coordinator {
	t.Helper()
	c := &coordinator{deep: dffmpeg.HealthAnswer{
		Status: dffmpeg.HealthOnline, Transports: map[string]dffmpeg.ComponentHealth{httppoll.Name: {Status: dffmpeg.HealthOnline}},
	}}
	now := func() time.Time { return time.Now().Add(ahead) }
	logger := slog.New(slog.DiscardHandler)
	engine := memory.New(time.Now, dffmpeg.NewIDSource())
	identities := memory.NewIdentities(time.Now)
	providers, err := secret.NewRegistry()
	must(t, err)
	keyring, err := secret.NewKeyring(providers, nil, "")
	must(t, err)
	users := accounts.New(identities, keyring)
	_, c.key, err = users.Add(t.Context(), jellyfin, dffmpeg.RoleClient, nil)
	must(t, err)
	api, err := httpapi.New(httpapi.Deps{
		Relay: relaytest.Start(t), State: engine, Authenticator: authn.New(identities, keyring, nil, logger, now),
		Transports: transport.NewSet(httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, outbox.Mailbox(engine), logger)),
		Health:     c, Accounts: users, Logger: logger,
		Settings: httpapi.Settings{
			Version: "1.2.3", AllowedBinaries: []string{"ffmpeg"}, HeartbeatInterval: 5 * time.Second, MaxBodyBytes: 1 << 20,
			Queue: httpapi.QueueSettings{QueryWorker: queryWorker},
		},
	})
	must(t, err)
	_, err = engine.Register(t.Context(), store.Registration{Token: "token", Worker: dffmpeg.Worker{
		ID: "w1", Binaries: []string{"ffmpeg"}, Paths: []string{"Media"}, Capabilities: []string{dffmpeg.FeatureStdio, dffmpeg.FeatureSegments},
		RegistrationInterval: 15, Status: dffmpeg.WorkerOnline, Transport: httppoll.Name,
	}})
	must(t, err)
	_, err = engine.Verify(t.Context(), "w1", "token")
	must(t, err)
	c.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		api.ServeHTTP(w, r)
	})
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patient returns a client of what answers at a URL, which has the path Media.
func patient(t *testing.T, address string, key secret.Value) *subject {
	t.Helper()
	cfg := config.DefaultClient()
	cfg.File, cfg.ClientID, cfg.HMACKey = "/etc/dffmpeg/client.yaml", jellyfin, key
	cfg.Paths = map[string]string{"Media": t.TempDir()}
	parsed, err := config.ParseAddress(address)
	must(t, err)
	cfg.Coordinator = parsed
	registry, err := transport.NewRegistry(httppoll.Plugin())
	must(t, err)
	return &subject{
		cfg: cfg, command: command{program: "ffmpeg", general: true}, limit: normalTimeout, transports: registry, version: "1.2.3", here: noMachine{},
	}
}

// served serves a handler until the test ends.
func served(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// of returns the findings of a check.
func (r *Report) of(check string) []Finding {
	var list []Finding
	for _, f := range r.Findings {
		if f.Check == check {
			list = append(list, f)
		}
	}
	return list
}

// want checks how a check ended, and that its words are in what it found and advised.
func (r *Report) want(t *testing.T, check string, status Status, words ...string) {
	t.Helper()
	list := r.of(check)
	if len(list) != 1 {
		t.Errorf("findings of %s: %v, want one", check, list)
		return
	}
	list[0].want(t, status, words...)
}

func (f *Finding) want(t *testing.T, status Status, words ...string) {
	t.Helper()
	if f.Status != status {
		t.Errorf("%s is %s, want %s: %s -> %s", f.Check, f.Status, status, f.Found, f.Advice)
	}
	for _, word := range words {
		if !strings.Contains(f.Found+" -> "+f.Advice, word) {
			t.Errorf("%s found %q and advises %q, want %q there", f.Check, f.Found, f.Advice, word)
		}
	}
	if (f.Status == Warning || f.Status == Problem) == (f.Advice == "") {
		t.Errorf("%s is %s with the advice %q", f.Check, f.Status, f.Advice)
	}
}

func TestAllIsWell(t *testing.T) {
	c := newCoordinator(t, 0)
	report := examine(t.Context(), patient(t, served(t, c.handler), c.key))
	for check, status := range map[string]Status{
		checkName: OK, checkConnection: OK, checkTLS: Skipped, checkCoordinator: OK, checkVersion: OK, checkClock: OK, checkKey: OK, checkRole: OK,
		checkTransport: OK, checkStreams: OK, checkWorkers: OK, checkPaths: OK, checkFallback: OK, checkDropIn: OK,
	} {
		report.want(t, check, status)
	}
	if got := report.of(checkLatency); len(got) != 1 || !strings.Contains(got[0].Found, "median of 5") { // a busy machine is slow
		t.Errorf("latency: %+v", got)
	}
}

// TestClockOff: the key is judged all the same, by the coordinator's clock, and what
// is behind it is looked at.
// TestQuestionsAreForOneWorker where the coordinator says so; other jobs are not.
func TestQuestionsAreForOneWorker(t *testing.T) {
	c := newCoordinatorThatAsks(t, 0, "qw")
	s := patient(t, served(t, c.handler), c.key)
	for words, want := range map[string]Status{"": Warning, "-i /x -f null -": OK, "-encoders": Problem} {
		s.command = parseCommand(strings.Fields(words), "/")
		report := examine(t.Context(), s)
		if want == OK {
			report.want(t, checkWorkers, want, "1 of 1 online could take ffmpeg")
		} else {
			report.want(t, checkWorkers, want, "for worker qw only", "bring worker qw online")
		}
	}
}

func TestClockOff(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		c := newCoordinator(t, ahead)
		s := patient(t, served(t, c.handler), c.key)
		report := examine(t.Context(), s)
		side := map[bool]string{true: "behind", false: "ahead of"}[ahead > 0]
		report.want(t, checkClock, Problem, "this machine's clock is 1h0m0s "+side+" the coordinator's", "5m0s", "NTP")
		report.want(t, checkKey, OK, "with the coordinator's time")
		report.want(t, checkWorkers, OK)
		report.want(t, checkStreams, OK)

		s.cfg.HMACKey = httpauth.NewKey().Text()
		report = examine(t.Context(), s)
		report.want(t, checkKey, Problem, "the key is not that of jellyfin", "with the coordinator's time, too", "set the clock")
		report.want(t, checkWorkers, Skipped, checkKey)
	}
}

func TestClockDrifts(t *testing.T) {
	c := newCoordinator(t, 150*time.Second)
	report := examine(t.Context(), patient(t, served(t, c.handler), c.key))
	report.want(t, checkClock, Warning, "2m30s behind")
	report.want(t, checkKey, OK)
}

// TestIll: a coordinator that is not well says why; one that does not want to say is
// not said to be well.
func TestIll(t *testing.T) {
	c := newCoordinator(t, 0)
	detail := "The database does not answer"
	c.deep = dffmpeg.HealthAnswer{Status: dffmpeg.HealthUnhealthy, Databases: map[string]dffmpeg.ComponentHealth{"jobs": {Status: dffmpeg.HealthUnhealthy, Detail: &detail}}}
	report := examine(t.Context(), patient(t, served(t, c.handler), c.key))
	report.want(t, checkCoordinator, Problem, "database jobs: unhealthy (The database does not answer)")
	report.want(t, checkTransport, Skipped)

	for _, status := range []dffmpeg.HealthStatus{dffmpeg.HealthShutdown, dffmpeg.HealthUnhealthy} {
		report := examine(t.Context(), patient(t, served(t, answering(http.StatusServiceUnavailable, "application/json", `{"status":"`+string(status)+`","version":"1"}`)), c.key))
		report.want(t, checkCoordinator, Problem)
		report.want(t, checkKey, Skipped, checkCoordinator)
	}
}

// answering returns a handler with one answer to everything.
func answering(status int, media, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "https://elsewhere.example/")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func TestNoCoordinator(t *testing.T) {
	for name, tt := range map[string]struct {
		status      int
		media, body string
		says        string
	}{
		"a web page":         {200, "text/html", "<html>", "no dffmpeg coordinator: 200 OK (text/html)"},
		"other JSON":         {200, "application/json", `{"status":"UP"}`, "no dffmpeg coordinator"},
		"nothing there":      {404, "text/plain", "not found", "correct coordinator.host, port and path_base in /etc/dffmpeg/client.yaml"},
		"a redirection":      {301, "text/html", "", "to https://elsewhere.example/"},
		"a login":            {401, "text/html", "who are you?", "wants a login of its own"},
		"a proxy alone":      {502, "text/html", "Bad Gateway", "a proxy in between does not reach the coordinator"},
		"one that wants TLS": {400, "text/plain", "Client sent an HTTP request to an HTTPS server.", "use https: coordinator.scheme in /etc/dffmpeg/client.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			report := examine(t.Context(), patient(t, served(t, answering(tt.status, tt.media, tt.body)), httpauth.NewKey().Text()))
			report.want(t, checkConnection, OK)
			report.want(t, checkCoordinator, Problem, tt.says)
			for _, check := range behindConnection()[1:] {
				report.want(t, check, Skipped, checkCoordinator)
			}
			if n := report.count(Problem); n != 1 {
				t.Errorf("%d problems, want the cause alone", n)
			}
		})
	}
}

// TestOldCoordinator: one of 0.4 has no features, checks no roles, and has no streams.
func TestOldCoordinator(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /health", answering(200, "application/json",
		`{"status":"online","version":"0.4.0","databases":null,"transports":{"http_polling":{"status":"online","detail":null}}}`))
	mux.Handle("GET /jobs", answering(200, "application/json", `[]`))
	mux.Handle("GET /workers", answering(200, "application/json",
		`[{"worker_id":"old","capabilities":[],"binaries":["ffmpeg"],"paths":["Media"],"registration_interval":15,"version":"0.4.0","status":"online"}]`))
	report := examine(t.Context(), patient(t, served(t, mux), httpauth.NewKey().Text()))
	report.want(t, checkVersion, Warning, "0.4.0", "standard streams as bytes", "paths within arguments", "upgrade")
	report.want(t, checkKey, OK)
	report.want(t, checkRole, Skipped, "0.4")
	report.want(t, checkStreams, Skipped)
	report.want(t, checkTransport, OK)
	report.want(t, checkWorkers, OK)
	if len(report.Workers) != 1 || !report.Workers[0].Could || !strings.Contains(report.Workers[0].sentence(), "is of 0.4") {
		t.Errorf("workers %+v", report.Workers)
	}
}

// TestProxies: what stands between and does not pass everything.
func TestProxies(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(w http.ResponseWriter, r *http.Request) bool // whether it has answered
		check string
		says  string
	}{
		"without Upgrade": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Upgrade")
			r.Header.Del("Connection")
			return false
		}, checkStreams, "removes the headers that ask for a WebSocket"},
		"that answers to WebSockets itself": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Upgrade") != "" {
				http.NotFound(w, r)
			}
			return r.Header.Get("Upgrade") != ""
		}, checkStreams, "answers to WebSockets itself"},
		"without the signature": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del(httpauth.HeaderSignature)
			return false
		}, checkKey, "the coordinator did not get the signature"},
		"without our headers": {func(_ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del(httpauth.HeaderSignature)
			r.Header.Del(httpauth.HeaderClientID)
			r.Header.Del(httpauth.HeaderTimestamp)
			return false
		}, checkKey, "let those pass that begin with X-Dffmpeg-"},
		"with a login": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/health" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
			}
			return r.URL.Path != "/health"
		}, checkKey, "refused, and not by the coordinator"},
		"that changes the path": {func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/workers" {
				r.URL.Path = "/jobs"
			}
			return false
		}, checkKey, "refuses the signature"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCoordinator(t, 0)
			report := examine(t.Context(), patient(t, served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !tt.spoil(w, r) {
					c.handler.ServeHTTP(w, r)
				}
			})), c.key))
			report.want(t, tt.check, Problem, tt.says)
		})
	}
}

// TestRefusals: what the coordinator's answers allow to be told apart is.
func TestRefusals(t *testing.T) {
	refuse := func(code dffmpeg.Code, detail string) error { return dffmpeg.Errorf(code, "%s", detail) }
	cfg := config.DefaultClient()
	cfg.ClientID = jellyfin
	at := place{file: "c.yaml"}
	for _, tt := range []struct {
		err  error
		says string
	}{
		{refuse(dffmpeg.CodeUnauthenticated, httpauth.DetailUser), "dffmpeg admin user add jellyfin"},
		{refuse(dffmpeg.CodeUnauthenticated, httpauth.DetailAddress), "set-scope jellyfin"},
		{refuse(dffmpeg.CodeUnauthenticated, httpauth.DetailSignature+" (the clocks differ)"), "dffmpeg admin user show jellyfin --show-key, into hmac_key in c.yaml"},
		{refuse(dffmpeg.CodeUnauthenticated, "Log in first"), "not by the coordinator"},
		{refuse(dffmpeg.CodeForbidden, "no"), "it could not be tried: no"},
		{refuse(dffmpeg.CodeUnavailable, "The database is away"), "it could not be tried: The database is away"},
	} {
		f := judgeKey(tt.err, cfg, at, skew{}, false)
		f.want(t, Problem, tt.says)
	}
	cfg.Coordinator.PathBase = "/dffmpeg"
	cfg.HMACKeyFile = "/etc/key"
	f := judgeKey(refuse(dffmpeg.CodeUnauthenticated, httpauth.DetailSignature), cfg, at, skew{}, false)
	f.want(t, Problem, "changes the path", "take /dffmpeg away", "/etc/key (hmac_key_file)")
	f = judgeRole(refuse(dffmpeg.CodeInternal, "oops"), jellyfin, true)
	f.want(t, Problem, "oops")
}

// TestWrongKeyText: a key that is none is said before anything is signed, and never
// shown.
func TestWrongKeyText(t *testing.T) {
	c := newCoordinator(t, 0)
	report := examine(t.Context(), patient(t, served(t, c.handler), secret.New("hunter2hunter2")))
	report.want(t, checkKey, Problem, "characters instead of 44")
	for _, f := range report.Findings {
		if strings.Contains(f.Found+f.Advice, "hunter2") {
			t.Errorf("the key shows: %+v", f)
		}
	}
}
