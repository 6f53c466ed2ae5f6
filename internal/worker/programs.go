package worker

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Build is what is known of one program on this machine.
type Build struct {
	Version string          `json:"version"`           // as the program says it
	Profile dffmpeg.Profile `json:"profile,omitempty"` // nil when it is not known
	// Hardware is what of that works in hardware: devices, then encoders.
	Hardware []string `json:"hardware,omitempty"`
	// Looking says that nothing is known yet, but will be.
	Looking bool `json:"-"`
}

// Programs finds out what this machine's programs can do.
type Programs interface {
	// Look tells what is known of the programs by their names; those of which nothing is
	// known, and will not be soon, are left out. It tells at once what it knows already,
	// and again whenever it has found out more: it runs those programs that have changed,
	// one after the other, which takes a moment. Each time it tells everything, in a map
	// that is the receiver's. Busy reports whether jobs run, and hardware may be in use.
	// Look is called by one goroutine, and returns when nothing is left to find out, or
	// soon after the end of ctx.
	Look(ctx context.Context, busy func() bool, tell func(map[string]Build))
}

const (
	// firstLook bounds how long a worker that has just started may look at its programs
	// before it announces itself: hardware is tried best while no job runs.
	firstLook = 10 * time.Second
	// lookEvery is how often it looks whether they have changed.
	lookEvery = 15 * time.Second
)

// inventory is what was found out about programs, and what the coordinator wants to
// know of it.
type inventory struct {
	looked chan struct{} // closed after the first look

	mu     sync.Mutex
	builds map[string]Build
	told   bool            // whether the coordinator was told of any state of them
	wanted []string        // IDs of profiles that the coordinator does not know
	sent   map[string]bool // those that it was sent
	// refused says that the coordinator did not take what it was told of programs: until
	// there is something else to tell it is told nothing, and knows as little as of a
	// worker of 0.4.
	refused bool
}

func newInventory() *inventory {
	return &inventory{looked: make(chan struct{}), sent: make(map[string]bool)}
}

// looks looks at programs again and again until ctx ends. What is new is announced.
func (w *Worker) looks(ctx context.Context) {
	busy := func() bool { return len(w.running()) > 0 }
	tell := func(builds map[string]Build) {
		if w.inventory.set(builds) {
			signal(w.again)
		}
	}
	for first := true; ; first = false {
		w.programs.Look(ctx, busy, tell)
		if ctx.Err() != nil {
			return
		}
		if first {
			close(w.inventory.looked)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// awaitLook waits for the first look, but not for long.
func (w *Worker) awaitLook(ctx context.Context) {
	timer := time.NewTimer(firstLook)
	defer timer.Stop()
	select {
	case <-w.inventory.looked:
	case <-ctx.Done():
	case <-timer.C:
		w.logger.Warn("finding out what the programs can do takes long; registering before that is known", "after", firstLook.String())
	}
}

// set replaces what is known and reports whether the coordinator was told otherwise.
func (i *inventory) set(builds map[string]Build) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	changed := !maps.EqualFunc(i.builds, builds, func(a, b Build) bool { return reflect.DeepEqual(a, b) })
	i.builds = builds
	i.refused = i.refused && !changed
	return changed && i.told
}

// announce adds to a registration what is known, as far as coordinators take it, and of
// that in full what the coordinator asked for.
func (i *inventory) announce(request *dffmpeg.RegisterRequest) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.told = true
	if i.refused {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(i.builds)) {
		if !dffmpeg.Named(name) || len(request.Offer.Programs) == dffmpeg.MaxLabels {
			continue
		}
		build := i.builds[name]
		program := dffmpeg.Program{Version: build.Version, Looking: build.Looking}
		if build.Profile != nil {
			program.Profile, program.Hardware = build.Profile.ID(), build.Hardware
		}
		if request.Offer.Programs == nil {
			request.Offer.Programs = make(map[string]dffmpeg.Program)
		}
		request.Offer.Programs[name] = program
		if slices.Contains(i.wanted, program.Profile) {
			if request.Profiles == nil {
				request.Profiles = make(map[string]dffmpeg.Profile)
			}
			request.Profiles[program.Profile] = build.Profile
			i.sent[program.Profile] = true
		}
	}
}

// refuse says with which error a coordinator refused a registration, and reports whether it
// did so for what it was told of programs: then it is not told again.
func (i *inventory) refuse(request *dffmpeg.RegisterRequest, err error) bool {
	var refusal *dffmpeg.Error
	if len(request.Offer.Programs) == 0 || !errors.As(err, &refusal) ||
		!slices.ContainsFunc(refusal.Fields, func(f dffmpeg.FieldError) bool {
			return within(f.Loc, "body", "offer", "programs") || within(f.Loc, "body", "profiles")
		}) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused = true
	return true
}

// within reports whether a place in a request is at or below another.
func within(place []any, steps ...any) bool {
	return len(place) >= len(steps) && slices.Equal(place[:len(steps)], steps)
}

// asked notes which profiles the coordinator does not know, and reports whether it
// should be sent some at once. One that it had been sent before waits for the next
// registration.
func (i *inventory) asked(unknown []string) (now bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted = unknown
	return slices.ContainsFunc(unknown, func(id string) bool { return !i.sent[id] })
}
