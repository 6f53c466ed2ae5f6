// Package httpapi is the coordinator's HTTP interface: every endpoint of the
// wire protocol, with who may call it, and the document that describes them.
//
// An endpoint is a value (see endpoint) that cannot be made without saying who
// may call it. Everything that is the same for all of them happens once, in
// serve: bounded bodies, signatures, roles, decoding, validation, errors.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Authenticator establishes who sends a request.
type Authenticator interface {
	Authenticate(r *http.Request, body []byte) (dffmpeg.Identity, error)
	Address(r *http.Request) netip.Addr
	CheckProof(ctx context.Context, clientID, text, proof string) error
}

// Relay connects the ends of jobs' standard streams. Both methods serve a
// connection until it ends, and close it.
type Relay interface {
	Serve(ctx context.Context, conn stdio.Conn, jobID string, side relay.Side, attempt int64) error
	ServeRelayed(ctx context.Context, conn stdio.Conn, jobID string, side relay.Side, attempt int64) error
}

// Transports is the set of enabled transports.
type Transports interface {
	Negotiate(ctx context.Context, names []string) (transport.Server, bool)
	Servers() []transport.Server
}

// Reconciler settles what a registering worker runs with what it should.
type Reconciler interface {
	Reconcile(ctx context.Context, request dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error)
	// Left is told that a worker has deregistered.
	Left(ctx context.Context, workerID string) error
}

// Janitor tidies up on demand, in the background.
type Janitor interface {
	Trigger(action dffmpeg.JanitorAction)
}

// Health tells the coordinator's condition.
type Health interface {
	Health(ctx context.Context, deep bool) dffmpeg.HealthAnswer
}

// Replicas knows the coordinators that share the database.
type Replicas interface {
	List(ctx context.Context) ([]dffmpeg.Coordinator, error)
	// Hear is given what another one tells.
	Hear(request dffmpeg.WakeRequest)
}

// Accounts manages identities.
type Accounts interface {
	Add(ctx context.Context, id string, role dffmpeg.Role, cidrs []netip.Prefix) (dffmpeg.Identity, secret.Value, error)
	List(ctx context.Context) ([]dffmpeg.Identity, error)
	Show(ctx context.Context, id string) (dffmpeg.Identity, error)
	Key(ctx context.Context, id string) (secret.Value, error)
	Delete(ctx context.Context, id string) error
	RotateKey(ctx context.Context, id string) (secret.Value, error)
	SetScope(ctx context.Context, id string, cidrs []netip.Prefix) error
	SetRole(ctx context.Context, id string, role dffmpeg.Role) error
	SetPriorities(ctx context.Context, id string, priorities dffmpeg.Priorities) error
}

// Settings are the coordinator's own choices.
type Settings struct {
	Version           string
	AllowedBinaries   []string
	HeartbeatInterval time.Duration // of jobs that ask for none
	HandshakeDelay    time.Duration
	MaxBodyBytes      int64
	Dashboard         bool
	DashboardFrom     []netip.Prefix
	MetricsFrom       []netip.Prefix
	Documentation     bool // the OpenAPI document and its page
	Queue             QueueSettings
}

// Deps is what the interface works on.
type Deps struct {
	State         store.State // announces its own changes
	Authenticator Authenticator
	Transports    Transports
	Reconciler    Reconciler
	Janitor       Janitor
	Replicas      Replicas
	Relay         Relay
	Health        Health
	Accounts      Accounts
	Settings      Settings
	Logger        *slog.Logger
	// NewID makes job IDs; NewToken makes registration tokens.
	NewID    func() string
	NewToken func() string
}

// api is the interface at work.
type api struct {
	Deps
	schemas *schemas
}

// check returns what makes these settings unusable.
func (s Settings) check() error {
	switch {
	case s.MaxBodyBytes <= 0:
		return fmt.Errorf("max_body_bytes is %d; it must be positive", s.MaxBodyBytes)
	case s.HeartbeatInterval < time.Second:
		return fmt.Errorf("default_job_heartbeat_interval is %s; it must be a second at least", s.HeartbeatInterval)
	default:
		return nil
	}
}

// New returns the handler of all endpoints. It fails for settings that cannot
// work and for transports whose routes collide with the API's.
func New(deps Deps) (http.Handler, error) {
	router, err := mount(deps)
	if err != nil {
		return nil, err // not a nil *router in a handler that is not nil
	}
	return router, nil
}

// mount makes the router with everything mounted.
func mount(deps Deps) (*router, error) {
	if err := deps.Settings.check(); err != nil {
		return nil, err
	}
	a := &api{Deps: deps}
	endpoints := a.endpoints()
	a.schemas = newSchemas(endpoints)
	router := newRouter(deps.Logger)
	for _, e := range endpoints {
		if err := router.handle(e.method, e.path, a.serve(e)); err != nil {
			return nil, err
		}
	}
	for _, server := range deps.Transports.Servers() {
		puller, ok := server.(transport.Puller)
		if !ok {
			continue
		}
		for _, route := range puller.Routes() {
			if err := router.handle(route.Method, route.Pattern, a.serveRoute(route)); err != nil {
				return nil, fmt.Errorf("transport %s: %w (choose another base_path)", server.Name(), err)
			}
		}
	}
	if deps.Settings.Documentation {
		if err := a.document(router, endpoints); err != nil {
			return nil, err
		}
	}
	return router, nil
}

// endpoints lists everything that can be called but for transports' routes.
func (a *api) endpoints() []endpoint {
	var all []endpoint
	for _, group := range [][]endpoint{
		a.workerEndpoints(), a.jobEndpoints(), a.reportEndpoints(), a.logEndpoints(), a.ackEndpoints(), a.mailEndpoints(),
		a.adminEndpoints(), a.userEndpoints(), a.clusterEndpoints(), a.stdioEndpoints(), a.healthEndpoints(), a.dashboardEndpoints(),
	} {
		all = append(all, group...)
	}
	return all
}
