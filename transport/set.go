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

	mu     sync.Mutex
	health map[string]verdict
}

// verdict is a health check that was made.
type verdict struct {
	at     time.Time
	detail string
	err    error
}

// NewSet returns the set of these servers.
func NewSet(servers ...Server) *Set {
	return &Set{servers: servers, health: make(map[string]verdict)}
}

// Servers returns the servers in configured order.
func (s *Set) Servers() []Server { return slices.Clone(s.servers) }

// Negotiate returns the first of the names, a peer's in its order of
// preference, that is enabled and healthy.
func (s *Set) Negotiate(ctx context.Context, names []string) (Server, bool) {
	for _, name := range names {
		for _, server := range s.servers {
			if server.Name() == name && s.check(ctx, server).err == nil {
				return server, true
			}
		}
	}
	return nil, false
}

// Health checks every transport now.
func (s *Set) Health(ctx context.Context) map[string]dffmpeg.ComponentHealth {
	all := make(map[string]dffmpeg.ComponentHealth, len(s.servers))
	for _, server := range s.servers {
		v := s.check(ctx, server)
		h := dffmpeg.ComponentHealth{Status: dffmpeg.HealthOnline, Detail: &v.detail}
		if v.err != nil {
			text := v.err.Error()
			h = dffmpeg.ComponentHealth{Status: dffmpeg.HealthUnhealthy, Detail: &text}
		}
		all[server.Name()] = h
	}
	return all
}

// check returns a server's health, as it was at most healthAge ago.
func (s *Set) check(ctx context.Context, server Server) verdict {
	s.mu.Lock()
	v, known := s.health[server.Name()]
	s.mu.Unlock()
	if known && time.Since(v.at) < healthAge {
		return v
	}
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	v.detail, v.err = server.Health(ctx)
	v.at = time.Now()
	s.mu.Lock()
	s.health[server.Name()] = v
	s.mu.Unlock()
	return v
}

// Run runs every transport until ctx is done. The first that fails ends the
// others.
func (s *Set) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, server := range s.servers {
		group.Go(func() error {
			err := server.Run(ctx)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}
