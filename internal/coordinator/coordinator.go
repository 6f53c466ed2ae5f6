// Package coordinator assembles a coordinator from its parts and runs it.
//
// All durable state is in the store; what a coordinator holds in memory is open
// connections and wake-ups, so it may be killed at any instant and another may
// take its place.
package coordinator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/announce"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/cluster"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/janitor"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/outbox"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/profiles"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/reconcile"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/replicas"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Options is what a coordinator is made of.
type Options struct {
	State      store.State
	Identities store.Identities
	Keyring    *secret.Keyring
	// NewTransports makes the enabled transports over the mailbox.
	NewTransports func(transport.Mailbox) (*transport.Set, error)
	HTTP          httpapi.Settings
	Janitor       janitor.Settings
	// Host is the machine and port, for people who look at the list of
	// coordinators; URL is where other coordinators reach this one.
	Host, URL string
	// CallerGrace is how long a requester may be away that closed the connection to
	// its job's standard streams, before it counts as dead.
	CallerGrace time.Duration
	// TrustedProxies are those whose X-Forwarded-For counts.
	TrustedProxies []netip.Prefix
	// ShutdownDelay is how long health says "shutdown" while requests are
	// still served, so that balancers notice before connections end.
	ShutdownDelay time.Duration
	Logger        *slog.Logger
}

const (
	// assignEvery is how soon the scheduler looks without being woken.
	assignEvery = 5 * time.Second
	// shutdownLimit bounds how long requests under way may take to end.
	shutdownLimit = 5 * time.Second
	// headerLimit bounds how long a client may take to send its headers.
	headerLimit = 10 * time.Second
	// janitorLease is what the coordinator holds whose janitor does the rounds.
	janitorLease = "janitor"
	// sweepLease is what the one holds whose outbox sweeps.
	sweepLease = "outbox"
)

// Coordinator is one coordinator. Make it with New, then Run it.
type Coordinator struct {
	opts       Options
	transports *transport.Set
	outbox     *outbox.Outbox
	scheduler  *scheduler.Scheduler
	janitor    *janitor.Janitor
	replicas   *replicas.Replicas
	cluster    *cluster.Cluster
	relay      *relay.Relay
	handler    http.Handler
	stopping   atomic.Bool
}

// New assembles a coordinator. It starts nothing.
func New(opts Options) (*Coordinator, error) {
	c := &Coordinator{opts: opts}
	var err error
	if c.transports, err = opts.NewTransports(outbox.Mailbox(opts.State)); err != nil {
		return nil, err
	}
	c.outbox = outbox.New(opts.State, c.transports.Servers(), func() bool { return c.replicas.Holds(sweepLease) }, opts.Logger)
	users := accounts.New(opts.Identities, opts.Keyring)
	c.cluster = cluster.New(users, opts.HTTP.Version)
	ids := dffmpeg.NewIDSource()
	among := replicas.Options{
		Own:   dffmpeg.Coordinator{ID: ids.NewID(time.Now()), Host: opts.Host, Version: opts.HTTP.Version, URL: opts.URL},
		State: opts.State, Waiting: c.waiting, Wake: c.outbox.Wake, HeldBack: opts.HTTP.HandshakeDelay,
		Leases: []string{janitorLease, sweepLease}, Logger: opts.Logger,
		Direct: func(to dffmpeg.Coordinator) replicas.Tell { return c.cluster.Teller(to) },
	}
	if backend := c.transports.Backend(); backend != nil {
		among.Backend = backend
	}
	c.replicas = replicas.New(among)
	wake := &lateQueue{}
	state := announce.Wrap(profiles.Wrap(opts.State), posts{c.outbox, c.replicas}, wake)
	c.scheduler = scheduler.New(state, assignEvery, opts.Logger)
	wake.queue = c.scheduler
	c.janitor = janitor.New(state, opts.Janitor, func() bool { return c.replicas.Holds(janitorLease) }, opts.Logger)
	c.relay = relay.New(relay.Options{
		Homes: relay.NewHomes(among.Own.ID, c.replicas, opts.State, c.cluster),
		Grace: opts.CallerGrace, Logger: opts.Logger,
		Died: func(ctx context.Context, jobID string) { abandon(ctx, state, jobID, opts.Logger) },
	})
	c.handler, err = httpapi.New(httpapi.Deps{
		State:         state,
		Authenticator: authn.New(opts.Identities, opts.Keyring, opts.TrustedProxies, opts.Logger, time.Now),
		Transports:    c.transports,
		Reconciler:    reconcile.New(state, opts.Logger),
		Janitor:       c.janitor,
		Replicas:      c.replicas,
		Relay:         c.relay,
		Health:        c,
		Accounts:      users,
		Settings:      opts.HTTP,
		Logger:        opts.Logger,
		NewID:         func() string { return ids.NewID(time.Now()) },
		NewToken:      newToken,
	})
	return c, err
}

// posts are told of new mail one after the other.
type posts []announce.Post

// Notify implements announce.Post.
func (p posts) Notify(to dffmpeg.Recipient, notBefore time.Time) {
	for _, post := range p {
		post.Notify(to, notBefore)
	}
}

// waiting lists those who listen to this coordinator.
func (c *Coordinator) waiting() []dffmpeg.Recipient {
	var all []dffmpeg.Recipient
	for _, server := range c.transports.Servers() {
		if puller, ok := server.(transport.Puller); ok {
			all = append(all, puller.Waiting()...)
		}
	}
	return all
}

// lateQueue breaks the circle between the announced state, which wakes the
// scheduler, and the scheduler, which works on that state.
type lateQueue struct{ queue announce.Queue }

func (l *lateQueue) Wake() { l.queue.Wake() }

func (l *lateQueue) WakeAfter(pause time.Duration) { l.queue.WakeAfter(pause) }

// newToken returns a registration token: 256 random bits.
func newToken() string {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(token)
}

// Run serves on listener until ctx is done, then shuts down: health says so
// for ShutdownDelay, streams end, requests under way are finished. It closes
// the listener and returns when everything has ended, nil after an orderly end.
func (c *Coordinator) Run(ctx context.Context, listener net.Listener) error {
	// What serves requests outlives ctx by the shutdown.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := &http.Server{
		Handler:           c.handler,
		ReadHeaderTimeout: headerLimit,
		ErrorLog:          slog.NewLogLogger(c.opts.Logger.Handler(), slog.LevelDebug),
	}
	group, running := errgroup.WithContext(running)
	for name, run := range map[string]func(context.Context) error{
		"transports": c.transports.Run, "outbox": c.outbox.Run, "scheduler": c.scheduler.Run, "janitor": c.janitor.Run,
		"replicas": c.replicas.Run, "relay": c.relay.Run,
	} {
		group.Go(func() error { return ended(name, run(running)) })
	}
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve HTTP: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-ctx.Done():
			c.shutDown(running, server, stop)
		case <-running.Done(): // a part failed
			_ = server.Close() // that part's error is the one to report
		}
		return nil
	})
	return group.Wait()
}

// ended names the part that failed; being told to end is not a failure.
func ended(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// shutDown ends the coordinator in order.
func (c *Coordinator) shutDown(ctx context.Context, server *http.Server, stop context.CancelFunc) {
	c.stopping.Store(true)
	c.opts.Logger.Info("shutting down", "delay", c.opts.ShutdownDelay.String())
	select {
	case <-time.After(c.opts.ShutdownDelay):
	case <-ctx.Done():
	}
	stop() // transports let their peers go
	defer c.cluster.Close()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		c.opts.Logger.Warn("requests were cut off", "error", err)
		_ = server.Close() // what could fail has failed
	}
}
