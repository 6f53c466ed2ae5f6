package worker

import (
	"slices"
	"sync"
	"time"
)

const (
	// deafLimit is how long a broker may be away before the worker asks for
	// another transport.
	deafLimit = 15 * time.Second
	// firstAvoidance is how long a transport is asked for last after that; each
	// time it fails again the double, up to mostAvoidance.
	firstAvoidance = time.Minute
	mostAvoidance  = 15 * time.Minute
)

// preferences is the order in which the worker asks for transports: as
// configured, but one whose broker it cannot hear comes last for a while. While
// it waits for the broker messages reach it by HTTP (transport.Reliable). It may
// be used by several goroutines at once.
type preferences struct {
	configured []string
	now        func() time.Time
	changed    chan struct{} // has a token when another transport is to be asked for

	mu    sync.Mutex
	state map[string]*hearing
}

// hearing is what is known of one transport.
type hearing struct {
	timer     *time.Timer // runs while nothing is heard
	avoid     time.Time   // until when it is asked for last
	avoidance time.Duration
}

func newPreferences(configured []string, now func() time.Time) *preferences {
	return &preferences{configured: configured, now: now, changed: make(chan struct{}, 1), state: make(map[string]*hearing)}
}

// note is told whether messages are heard over a transport.
func (p *preferences) note(name string, hears bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.state[name]
	if h == nil {
		h = &hearing{avoidance: firstAvoidance}
		p.state[name] = h
	}
	if hears && p.now().After(h.avoid.Add(mostAvoidance)) {
		h.avoidance = firstAvoidance // it has been good for long
	}
	if h.timer != nil && hears {
		h.timer.Stop()
		h.timer = nil
	}
	if h.timer == nil && !hears {
		h.timer = time.AfterFunc(deafLimit, func() { p.avoid(h) })
	}
}

// forget stops waiting for a transport that is no longer listened to.
func (p *preferences) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.state[name]; h != nil && h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}

// avoid puts a transport last, if there is another.
func (p *preferences) avoid(h *hearing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.timer = nil
	if len(p.configured) < 2 {
		return
	}
	h.avoid = p.now().Add(h.avoidance)
	h.avoidance = min(2*h.avoidance, mostAvoidance)
	signal(p.changed)
}

// names returns the transports, the one to be asked for first in front.
func (p *preferences) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var good, bad []string
	for _, name := range p.configured {
		if h := p.state[name]; h != nil && now.Before(h.avoid) {
			bad = append(bad, name)
		} else {
			good = append(good, name)
		}
	}
	return slices.Concat(good, bad)
}
