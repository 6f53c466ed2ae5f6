// Package profiles adds to workers what their programs can do: it decorates the store
// so that every worker that is read has its profiles. A profile never changes under its
// ID, so each is read from the store once in a while only.
package profiles

import (
	"context"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// most is how many profiles are kept, of some 50 kB each; a cluster has as many as it
	// has different builds and sorts of hardware.
	most = 256
	// forgotten is how long one that the store does not have is not looked for again.
	forgotten = 5 * time.Second
	// trusted is how long one is taken to be there still: the store removes those that no
	// worker has named for long, and the worker of one that was removed has to bring it
	// again, for the sake of other coordinators.
	trusted = 10 * time.Minute
)

// Wrap returns state with profiles in Workers that Worker and ListWorkers return. They
// are shared and must not be changed.
//
// A worker that names a profile which the store does not have yet, as for a moment after
// its first registration, can do nothing that is asked for: better a job waits for that
// moment than it runs where it must fail.
func Wrap(state store.State) store.State {
	return &profiled{State: state, now: time.Now, known: make(map[string]found), missed: make(map[string]time.Time), nothing: nothing()}
}

// nothing returns the profile of what can do nothing.
func nothing() dffmpeg.Profile {
	p := make(dffmpeg.Profile)
	for _, kind := range dffmpeg.AbilityKinds() {
		p[kind] = nil
	}
	return p
}

type profiled struct {
	store.State
	now     func() time.Time
	nothing dffmpeg.Profile

	mu     sync.Mutex
	known  map[string]found
	missed map[string]time.Time // when a profile was looked for in vain
}

// found is a profile and when the store had it.
type found struct {
	dffmpeg.Profile
	at time.Time
}

// ListWorkers implements store.Workers.
func (p *profiled) ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	workers, err := p.State.ListWorkers(ctx, window)
	for i := range workers {
		if err == nil {
			err = p.fill(ctx, &workers[i])
		}
	}
	return workers, err
}

// Worker implements store.Workers.
func (p *profiled) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	worker, err := p.State.Worker(ctx, id)
	if err == nil {
		err = p.fill(ctx, &worker)
	}
	return worker, err
}

// fill adds its profiles to a worker.
func (p *profiled) fill(ctx context.Context, worker *dffmpeg.Worker) error {
	for name, program := range worker.Offer.Programs {
		if program.Profile == "" {
			continue
		}
		profile, err := p.Profile(ctx, program.Profile)
		if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
			profile, err = p.nothing, nil
		}
		if err != nil {
			return err
		}
		if worker.Profiles == nil {
			worker.Profiles = make(map[string]dffmpeg.Profile, len(worker.Offer.Programs))
		}
		worker.Profiles[name] = profile
	}
	return nil
}

// Profile implements store.Workers.
func (p *profiled) Profile(ctx context.Context, id string) (dffmpeg.Profile, error) {
	p.mu.Lock()
	known, there := p.known[id]
	missed, is := p.missed[id]
	p.mu.Unlock()
	if there && p.now().Sub(known.at) < trusted {
		return known.Profile, nil
	}
	if is && p.now().Sub(missed) < forgotten {
		return nil, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Profile not found")
	}
	profile, err := p.State.Profile(ctx, id)
	switch {
	case err == nil:
		p.keep(id, profile)
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		p.mu.Lock()
		delete(p.known, id)
		bound(p.missed)
		p.missed[id] = p.now()
		p.mu.Unlock()
	}
	return profile, err
}

// SaveProfile implements store.Workers.
func (p *profiled) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	err := p.State.SaveProfile(ctx, profile)
	if err == nil {
		p.keep(profile.ID(), profile)
	}
	return err
}

// keep remembers a profile that the store has.
func (p *profiled) keep(id string, profile dffmpeg.Profile) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bound(p.known)
	p.known[id] = found{profile, p.now()}
	delete(p.missed, id)
}

// bound removes an entry, any, from a map that is full.
func bound[V any](m map[string]V) {
	if len(m) < most {
		return
	}
	for id := range m {
		delete(m, id)
		return
	}
}
