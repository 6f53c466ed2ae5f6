package transport

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
)

const (
	// healthAge is how long a health check stands, so that a submission does
	// not cost a broker's round trip.
	healthAge = 2 * time.Second
	// healthLimit bounds a health check.
	healthLimit = 3 * time.Second
)

// Set is the transports that one coordinator has enabled, in configured order.
// Its methods may be called by several goroutines at once.
type Set struct {
	servers []Server
	backend Broadcaster       // among coordinators; nil for none
	probes  map[string]*probe // by name; the map does not change
}

// NewSet returns the set of these servers. It starts nothing.
func NewSet(servers ...Server) *Set {
	s := &Set{servers: slices.Clone(servers), probes: make(map[string]*probe, len(servers))}
	for _, server := range servers {
		s.probes[server.Name()] = &probe{server: server, turn: make(chan struct{}, 1)}
	}
	return s
}

// WithBackend returns the set with a server for messages among coordinators. It
// need not be one of the set's: then no peer is offered it.
func (s *Set) WithBackend(backend Broadcaster) *Set {
	with := NewSet(s.servers...)
	with.backend = backend
	if _, offered := with.probes[backend.Name()]; !offered {
		with.probes[backend.Name()] = &probe{server: backend, turn: make(chan struct{}, 1), hidden: true}
	}
	return with
}

// Backend returns the server for messages among coordinators, nil for none.
func (s *Set) Backend() Broadcaster { return s.backend }

// Servers returns the servers in configured order.
func (s *Set) Servers() []Server { return slices.Clone(s.servers) }

// Lookup returns the server of that name, healthy or not.
func (s *Set) Lookup(name string) (Server, bool) {
	p, ok := s.probes[name]
	if !ok || p.hidden {
		return nil, false
	}
	return p.server, true
}

// Negotiate returns the first of the names, a peer's in its order of
// preference, that is enabled and healthy.
func (s *Set) Negotiate(ctx context.Context, names []string) (Server, bool) {
	for _, name := range names {
		p, ok := s.probes[name]
		if !ok || p.hidden {
			continue
		}
		if _, err := p.check(ctx); err == nil {
			return p.server, true
		}
	}
	return nil, false
}

// Health reports every transport's health, by name, as it was a moment ago at
// most. Transports are checked side by side.
func (s *Set) Health(ctx context.Context) map[string]dffmpeg.ComponentHealth {
	var (
		checks sync.WaitGroup
		mu     sync.Mutex
	)
	all := make(map[string]dffmpeg.ComponentHealth, len(s.servers))
	for name, p := range s.probes {
		checks.Go(func() {
			health := dffmpeg.ComponentHealth{Status: dffmpeg.HealthOnline}
			detail, err := p.check(ctx)
			if err != nil {
				health.Status, detail = dffmpeg.HealthUnhealthy, err.Error()
			}
			health.Detail = &detail
			mu.Lock()
			defer mu.Unlock()
			all[name] = health
		})
	}
	checks.Wait()
	return all
}

// Run runs every transport until ctx is done. The first that fails ends the
// others.
func (s *Set) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range s.probes {
		group.Go(func() error {
			err := p.server.Run(ctx)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}

// probe remembers a server's last health check.
type probe struct {
	server Server
	hidden bool // not for peers

	turn   chan struct{} // full during a check, so that many callers cost one
	at     time.Time
	detail string
	err    error
}

// check returns the server's health, as it was at most healthAge ago. A caller
// that goes away does not spoil the verdict for the others.
func (p *probe) check(ctx context.Context) (detail string, err error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if !p.at.IsZero() && time.Since(p.at) < healthAge {
		return p.detail, p.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthLimit)
	defer cancel()
	p.detail, p.err = p.server.Health(ctx)
	p.at = time.Now()
	return p.detail, p.err
}
