package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/janitor"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// options returns a coordinator's over memory, with polling and one more
// transport.
func options(t *testing.T, extra ...transport.Server) Options {
	t.Helper()
	providers, err := secret.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	return Options{
		State: memory.New(time.Now, dffmpeg.NewIDSource()), Identities: memory.NewIdentities(time.Now), Keyring: keyring,
		NewTransports: func(mailbox transport.Mailbox) (*transport.Set, error) {
			polling := httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, mailbox, logger)
			return transport.NewSet(append([]transport.Server{polling}, extra...)...), nil
		},
		HTTP: httpapi.Settings{Version: "test", HeartbeatInterval: time.Second, MaxBodyBytes: 1 << 20},
		Janitor: janitor.Settings{
			Interval: time.Hour, WorkerFactor: 1.5, HeartbeatFactor: 2.5, AssignmentTimeout: time.Minute, PendingTimeout: time.Minute,
		},
		Logger: logger,
	}
}

// running is a coordinator at work.
type running struct {
	*Coordinator
	t    *testing.T
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, o Options) *running {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Coordinator: c, t: t, url: "http://" + listener.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- c.Run(ctx, listener) }()
	t.Cleanup(cancel)
	return r
}

// end waits for the end that was asked for, or came by itself.
func (r *running) end() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(30 * time.Second):
		r.t.Fatal("the coordinator did not end")
		return nil
	}
}

// health asks over HTTP.
func (r *running) health(query string) (int, dffmpeg.HealthAnswer) {
	r.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.url + "/health" + query) //nolint:noctx // loopback
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer dffmpeg.HealthAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		r.t.Fatalf("%s: %v", body, err)
	}
	return response.StatusCode, answer
}

func TestRunsUntilTold(t *testing.T) {
	r := run(t, options(t))
	status, answer := r.health("?deep=true")
	if status != http.StatusOK || answer.Status != dffmpeg.HealthOnline {
		t.Errorf("health is %d %+v, want online", status, answer)
	}
	for _, name := range []string{"auth", "jobs", "messages", "workers"} {
		if answer.Databases[name].Status != dffmpeg.HealthOnline {
			t.Errorf("database %s is %+v, want online", name, answer.Databases[name])
		}
	}
	if answer.Transports["http_polling"].Status != dffmpeg.HealthOnline {
		t.Errorf("transports are %+v, want http_polling online", answer.Transports)
	}
	if _, shallow := r.health(""); len(shallow.Databases) != 0 || len(shallow.Transports) != 0 {
		t.Errorf("shallow health looked at %+v", shallow)
	}
	r.stop()
	if err := r.end(); err != nil {
		t.Errorf("Run = %v after an orderly end", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")); err == nil { //nolint:noctx // loopback
		t.Error("the listener is still open")
	}
}

// TestHealthSaysShutdown for as long as balancers are given to notice.
func TestHealthSaysShutdown(t *testing.T) {
	o := options(t)
	o.ShutdownDelay = 2 * time.Second
	r := run(t, o)
	r.health("") // it serves
	r.stop()
	for deadline := time.Now().Add(1900 * time.Millisecond); ; {
		status, answer := r.health("")
		if status == http.StatusServiceUnavailable && answer.Status == dffmpeg.HealthShutdown {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("health is %d %+v during the shutdown, want 503 shutdown", status, answer)
		}
	}
	if err := r.end(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// broken is a database that does not answer.
type broken struct{ store.State }

func (broken) Ping(context.Context) error {
	return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away").WithCause(errors.New("password hunter2 refused"))
}

func TestHealthNamesWhatIsWrong(t *testing.T) {
	o := options(t)
	o.State = broken{o.State}
	r := run(t, o)
	status, answer := r.health("?deep=true")
	if status != http.StatusInternalServerError || answer.Status != dffmpeg.HealthUnhealthy ||
		answer.Databases["jobs"].Status != dffmpeg.HealthUnhealthy || answer.Databases["auth"].Status != dffmpeg.HealthOnline {
		t.Errorf("health is %d %+v, want 500 with jobs unhealthy and auth online", status, answer)
	}
	if detail := answer.Databases["jobs"].Detail; detail == nil || strings.Contains(*detail, "hunter2") {
		t.Errorf("detail is %v, want one without the cause", detail)
	}
	if status, _ := r.health(""); status != http.StatusOK {
		t.Errorf("shallow health is %d, want 200: it does not look", status)
	}
	r.stop()
	if err := r.end(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// falling is a transport that fails when it is told to.
type falling struct {
	transport.Server
	fall chan error
}

func (falling) Name() string { return "falling" }

func (f falling) Run(ctx context.Context) error {
	select {
	case err := <-f.fall:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestOnePartsFailureEndsAll, with its reason: a supervisor starts the
// coordinator anew, rather than leave half of one.
func TestOnePartsFailureEndsAll(t *testing.T) {
	o := options(t)
	fall := make(chan error, 1)
	make1 := o.NewTransports
	o.NewTransports = func(mailbox transport.Mailbox) (*transport.Set, error) {
		set, err := make1(mailbox)
		if err != nil {
			return nil, err
		}
		return transport.NewSet(falling{set.Servers()[0], fall}), nil
	}
	r := run(t, o)
	r.health("") // it serves
	fall <- errors.New("the broker's certificate has expired")
	if err := r.end(); err == nil || !strings.Contains(err.Error(), "certificate has expired") {
		t.Errorf("Run = %v, want the reason", err)
	}
}

func TestTransportsThatCannotBeMade(t *testing.T) {
	o := options(t)
	o.NewTransports = func(transport.Mailbox) (*transport.Set, error) { return nil, errors.New("no such broker") }
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "no such broker") {
		t.Errorf("New = %v, want the reason", err)
	}
}
