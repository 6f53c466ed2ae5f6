// Package mounts watches the mounts that a worker's roots lie on: whether they
// are there and answer. It can bring them back through systemd, and withdraws
// the roots that lie on one that is down, so that the worker gets no jobs for
// them.
package mounts

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	probeLimit   = 3 * time.Second  // for a file system to answer
	recoverLimit = 30 * time.Second // for systemd to mount
	firstPause   = 15 * time.Second // after a recovery that failed
	mostPause    = 5 * time.Minute
)

// Mount is a mount point and what has to be mounted before it.
type Mount struct {
	Path         string
	Dependencies []string
}

// Settings say what to watch.
type Settings struct {
	Mounts  []Mount
	Recover bool // restart the systemd unit of a mount that is down
	Sudo    bool // do so through sudo
}

// Manager watches mounts. Check is called by one goroutine at a time.
type Manager struct {
	settings Settings
	mounts   []Mount // in order of dependency
	system   System
	logger   *slog.Logger
	states   map[string]*state
}

// state is what is known of a mount.
type state struct {
	down   bool
	probe  chan error    // of a probe that has not answered; nil when none is under way
	pause  time.Duration // before the next recovery
	nextAt time.Time
}

// New returns a manager. Mounts that depend on each other in a circle are an
// error.
func New(settings Settings, system System, logger *slog.Logger) (*Manager, error) {
	mounts, err := ordered(settings.Mounts)
	if err != nil {
		return nil, err
	}
	m := &Manager{settings: settings, mounts: mounts, system: system, logger: logger, states: make(map[string]*state)}
	for _, mount := range mounts {
		m.states[mount.Path] = &state{pause: firstPause}
	}
	return m, nil
}

// Check looks at every mount, brings back what it can, and returns the paths of
// those that are down: not mounted, without an answer, or dependent on one that
// is down.
func (m *Manager) Check(ctx context.Context) []string {
	var down []string
	for _, mount := range m.mounts {
		reason := m.check(ctx, mount, down)
		m.note(mount, reason)
		if reason != "" {
			down = append(down, mount.Path)
		}
	}
	return down
}

// check returns why a mount is down, "" when it is well.
func (m *Manager) check(ctx context.Context, mount Mount, down []string) string {
	for _, need := range mount.Dependencies {
		if slices.Contains(down, need) {
			return need + " is down"
		}
	}
	reason := m.look(ctx, mount.Path)
	if reason == "" {
		m.states[mount.Path].pause, m.states[mount.Path].nextAt = firstPause, time.Time{}
		return ""
	}
	if !m.settings.Recover || !m.recover(ctx, mount.Path) {
		return reason
	}
	return m.look(ctx, mount.Path)
}

// look returns what is wrong with a mount.
func (m *Manager) look(ctx context.Context, path string) string {
	points, err := m.system.MountPoints()
	if err != nil {
		return err.Error()
	}
	if !slices.Contains(points, path) {
		return "it is not mounted"
	}
	s := m.states[path]
	if s.probe == nil {
		s.probe = make(chan error, 1)
		go func(answer chan<- error) { answer <- m.system.Probe(path) }(s.probe)
	}
	timer := time.NewTimer(probeLimit)
	defer timer.Stop()
	select {
	case err := <-s.probe:
		s.probe = nil
		if err != nil {
			return err.Error()
		}
		return ""
	case <-timer.C:
		// The probe stays: one that hangs cannot be ended, and a second one
		// would hang as well.
		return "it does not answer"
	case <-ctx.Done():
		return "the check was interrupted"
	}
}

// recover restarts the unit of a mount, unless it failed a short while ago.
func (m *Manager) recover(ctx context.Context, path string) bool {
	s, now := m.states[path], time.Now()
	if now.Before(s.nextAt) {
		return false
	}
	s.nextAt, s.pause = now.Add(s.pause), min(2*s.pause, mostPause)
	command := []string{"systemctl", "restart", UnitName(path)}
	if m.settings.Sudo {
		command = append([]string{"sudo", "-n"}, command...)
	}
	ctx, cancel := context.WithTimeout(ctx, recoverLimit)
	defer cancel()
	if err := m.system.Run(ctx, command[0], command[1:]...); err != nil {
		m.logger.Warn("could not bring a mount back", "mount", path, "error", err)
		return false
	}
	return true
}

// note logs a change.
func (m *Manager) note(mount Mount, reason string) {
	s := m.states[mount.Path]
	switch down := reason != ""; {
	case down && !s.down:
		m.logger.Warn("mount is down; paths on it are withdrawn", "mount", mount.Path, "reason", reason)
	case !down && s.down:
		m.logger.Info("mount is back", "mount", mount.Path)
	}
	s.down = reason != ""
}

// Roots are a worker's roots, as far as their mounts are up. It implements the
// worker's PathSource and may be used by several goroutines.
type Roots struct {
	manager *Manager
	roots   map[string]string

	mu sync.Mutex
}

// NewRoots returns the roots, by name, whose mounts manager watches.
func NewRoots(manager *Manager, roots map[string]string) *Roots {
	return &Roots{manager: manager, roots: roots}
}

// Available checks the mounts and returns the names of usable roots, sorted.
func (r *Roots) Available(ctx context.Context) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	down := r.manager.Check(ctx)
	names := make([]string, 0, len(r.roots))
	for name, root := range r.roots {
		if !slices.ContainsFunc(down, func(mount string) bool { return below(root, mount) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// below reports whether a path is a mount point or lies below it.
func below(path, mount string) bool {
	path = filepath.Clean(path)
	return path == mount || mount == "/" || strings.HasPrefix(path, mount+"/")
}
