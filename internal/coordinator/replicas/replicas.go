// Package replicas makes several coordinators on one database behave as one. Each
// of them gives signs of life and knows the others by theirs; what only one is to
// do at a time is leased; and while there are others, mail that they have stored
// for somebody who listens here is found at short intervals.
//
// Nothing is elected and nothing is lost with a replica: its leases run out.
package replicas

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	// beatEvery is how often a coordinator gives a sign of life, and lostAfter
	// how long it counts as alive after the last one.
	beatEvery = 4 * time.Second
	lostAfter = 12 * time.Second
	// lookEvery is how often mail from others is looked for.
	lookEvery = 250 * time.Millisecond
	// leaseFor is how long a lease lasts that is not prolonged; it is at each
	// sign of life.
	leaseFor = 10 * time.Second
	// farewell bounds what is said at the end.
	farewell = 2 * time.Second
)

// Waiting lists those who wait for mail here.
type Waiting func() []dffmpeg.Recipient

// Replicas is a coordinator among others. Make one with New, then Run it. Its
// methods may be called by several goroutines at once.
type Replicas struct {
	own      dffmpeg.Coordinator
	state    store.Coordinators
	waiting  Waiting
	wake     Wake
	heldBack time.Duration
	leases   []string
	links    *links
	logger   *slog.Logger

	mu     sync.Mutex
	others []dffmpeg.Coordinator // those that live besides us
	held   map[string]time.Time  // leases, and until when at least
}

// Options is what a coordinator's part among the others is made of.
type Options struct {
	Own     dffmpeg.Coordinator
	State   store.Coordinators
	Waiting Waiting
	// Wake is called for those who have got mail from another coordinator.
	Wake Wake
	// HeldBack is how long a registration token may be held back: a worker is
	// woken again after that.
	HeldBack time.Duration
	// Leases are the names of what only one is to do at a time.
	Leases []string
	// Backend carries wake-ups to all others at once.
	Backend Broadcaster
	// Direct returns how to tell another coordinator of wake-ups, nil when that one
	// cannot be reached; it is for those without a Backend. With neither, wake-ups
	// are found in the database.
	Direct func(dffmpeg.Coordinator) Tell
	Logger *slog.Logger
}

// Wake is told of somebody who has got mail, which may be delivered from
// notBefore on; the zero time means now. It does not block.
type Wake func(to dffmpeg.Recipient, notBefore time.Time)

// New returns a coordinator's part among the others. It starts nothing.
func New(o Options) *Replicas {
	r := &Replicas{
		own: o.Own, state: o.State, waiting: o.Waiting, wake: o.Wake, heldBack: o.HeldBack,
		leases: o.Leases, logger: o.Logger, held: make(map[string]time.Time),
	}
	r.links = &links{own: o.Own.ID, direct: o.Direct, logger: o.Logger, open: make(map[string]openLink)}
	if o.Backend != nil {
		r.links.broker = over(o.Backend)
		o.Backend.Overhear(r.overhear)
	}
	return r
}

// Notify says that this coordinator has stored mail, which the others are told
// of. It does not block.
func (r *Replicas) Notify(to dffmpeg.Recipient, notBefore time.Time) {
	r.links.add(to, notBefore)
}

// Holds reports whether this coordinator holds a lease now.
func (r *Replicas) Holds(lease string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.held[lease])
}

// List returns the coordinators that live, this one among them.
func (r *Replicas) List(ctx context.Context) ([]dffmpeg.Coordinator, error) {
	return r.state.ListCoordinators(ctx, lostAfter)
}

// Run takes part until ctx ends, and then says good-bye.
func (r *Replicas) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.beats(ctx) })
	group.Go(func() error { return r.looks(ctx) })
	err := group.Wait()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := r.state.Leave(bounded, r.own.ID); err != nil {
		r.logger.Warn("could not tell the other coordinators of the end; they notice it in a while", "error", err)
	}
	return err
}

// beats gives signs of life, prolongs leases and counts the others.
func (r *Replicas) beats(ctx context.Context) error {
	defer r.links.close()
	for {
		if err := r.beat(ctx); err != nil && ctx.Err() == nil {
			r.logger.Warn("could not give a sign of life", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(beatEvery):
		}
	}
}

func (r *Replicas) beat(ctx context.Context) error {
	if err := r.state.Beat(ctx, r.own); err != nil {
		return err
	}
	for _, name := range r.leases {
		began := time.Now() // the lease cannot end earlier than counted from here
		held, err := r.state.Lease(ctx, name, r.own.ID, leaseFor)
		if err != nil {
			return err
		}
		r.mu.Lock()
		delete(r.held, name)
		if held {
			r.held[name] = began.Add(leaseFor)
		}
		r.mu.Unlock()
	}
	all, err := r.List(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(all, func(c dffmpeg.Coordinator) bool { return c.ID == r.own.ID })
	r.links.update(ctx, others)
	r.mu.Lock()
	before := r.others
	r.others = others
	r.mu.Unlock()
	if len(before) != len(others) {
		r.logger.Info("coordinators on this database", "others", len(others))
	}
	return nil
}

// Alone reports whether there is no other coordinator.
func (r *Replicas) Alone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.others) == 0
}

// Lookup returns another coordinator, false for one that does not live.
func (r *Replicas) Lookup(ctx context.Context, id string) (dffmpeg.Coordinator, bool, error) {
	find := func(among []dffmpeg.Coordinator) (dffmpeg.Coordinator, bool) {
		for _, c := range among {
			if c.ID == id {
				return c, true
			}
		}
		return dffmpeg.Coordinator{}, false
	}
	r.mu.Lock()
	known, lives := find(r.others)
	r.mu.Unlock()
	if lives {
		return known, true, nil
	}
	all, err := r.List(ctx) // it may have come just now
	known, lives = find(all)
	return known, lives, err
}

// wakeFor wakes somebody whose mail was found in the database, which does not
// tell how long it is held back.
func (r *Replicas) wakeFor(to dffmpeg.Recipient) {
	r.wake(to, time.Time{})
	if to.Kind == dffmpeg.RecipientWorker && r.heldBack > 0 {
		r.wake(to, time.Now().Add(r.heldBack))
	}
}

// looks wakes those who have got mail from another coordinator.
func (r *Replicas) looks(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	known := make(map[dffmpeg.Recipient]int64)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if r.Alone() {
			clear(known)
			continue
		}
		positions, err := r.state.Positions(ctx, r.waiting())
		if err != nil {
			if ctx.Err() == nil {
				r.logger.Debug("could not look for mail from other coordinators", "error", err)
			}
			continue
		}
		for to, position := range positions {
			if before, seen := known[to]; !seen || before != position {
				r.wakeFor(to) // also when it has just come: it costs little
			}
		}
		known = positions
	}
}
