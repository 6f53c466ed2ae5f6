package mounts

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// machine is a System that tests set up.
type machine struct {
	mounted  []string
	hangs    map[string]chan struct{} // probes of these wait
	probes   atomic.Int64
	commands []string
	restart  func() error // what systemctl does
}

func (m *machine) MountPoints() ([]string, error) { return m.mounted, nil }

func (m *machine) Probe(path string) error {
	m.probes.Add(1)
	if wait, ok := m.hangs[path]; ok {
		<-wait
	}
	return nil
}

func (m *machine) Run(_ context.Context, name string, args ...string) error {
	m.commands = append(m.commands, strings.Join(append([]string{name}, args...), " "))
	if m.restart == nil {
		return errors.New("no such unit")
	}
	return m.restart()
}

func manager(t *testing.T, settings Settings, system System) *Manager {
	t.Helper()
	m, err := New(settings, system, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestUnitName(t *testing.T) {
	for path, want := range map[string]string{
		"/":                "-.mount",
		"/mnt/media":       "mnt-media.mount",
		"/mnt/media/":      "mnt-media.mount",
		"/mnt//media":      "mnt-media.mount",
		"/mnt/my-films":    `mnt-my\x2dfilms.mount`,
		"/mnt/my films":    `mnt-my\x20films.mount`,
		"/.hidden/a.b":     `\x2ehidden-a.b.mount`,
		"/mnt/Müll":        `mnt-M\xc3\xbcll.mount`,
		`/mnt/a\b`:         `mnt-a\x5cb.mount`,
		"/srv/nas_1:x/y@2": `srv-nas_1:x-y\x402.mount`,
	} {
		if got := UnitName(path); got != want {
			t.Errorf("UnitName(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	m := manager(t, Settings{Mounts: []Mount{{Path: "/a", Dependencies: []string{"/z"}}, {Path: "/b"}, {Path: "/z", Dependencies: []string{"/y"}}}}, &machine{})
	var got []string
	for _, mount := range m.mounts {
		got = append(got, mount.Path)
	}
	if diff := cmp.Diff([]string{"/y", "/z", "/a", "/b"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestCircle(t *testing.T) {
	_, err := New(Settings{Mounts: []Mount{{"/a", []string{"/b"}}, {"/b", []string{"/a"}}}}, &machine{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "/a needs /b needs /a") {
		t.Errorf("New = %v, want the circle named", err)
	}
}

func TestPathsAreWithdrawnAndReturn(t *testing.T) {
	system := &machine{mounted: []string{"/", "/mnt/nas"}}
	settings := Settings{Mounts: []Mount{{Path: "/mnt/nas"}, {Path: "/mnt/nas/films", Dependencies: []string{"/mnt/nas"}}}}
	roots := NewRoots(manager(t, settings, system), map[string]string{
		"Nas": "/mnt/nas", "Films": "/mnt/nas/films/hd", "Local": "/srv", "Similar": "/mnt/nas2",
	})
	check := func(what string, want ...string) {
		t.Helper()
		if got := roots.Available(t.Context()); !slices.Equal(got, want) {
			t.Errorf("%s: available are %v, want %v", what, got, want)
		}
	}
	check("one is missing", "Local", "Nas", "Similar")
	system.mounted = append(system.mounted, "/mnt/nas/films")
	check("all are there", "Films", "Local", "Nas", "Similar")
	system.mounted = []string{"/", "/mnt/nas/films"}
	check("what it depends on is missing", "Local", "Similar")
}

func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		system := &machine{}
		m := manager(t, Settings{Mounts: []Mount{{Path: "/mnt/nas"}}, Recover: true, Sudo: true}, system)
		for _, step := range []struct {
			after    time.Duration
			commands int
		}{{0, 1}, {14 * time.Second, 1}, {time.Second, 2}, {29 * time.Second, 2}, {time.Second, 3}} {
			time.Sleep(step.after)
			if down := m.Check(t.Context()); len(down) != 1 {
				t.Errorf("down are %v, want the one", down)
			}
			if len(system.commands) != step.commands {
				t.Errorf("%d restarts, want %d: %v", len(system.commands), step.commands, system.commands)
			}
		}
		if want := "sudo -n systemctl restart mnt-nas.mount"; system.commands[0] != want {
			t.Errorf("ran %q, want %q", system.commands[0], want)
		}
		system.restart = func() error {
			system.mounted = []string{"/mnt/nas"}
			return nil
		}
		time.Sleep(mostPause)
		if down := m.Check(t.Context()); len(down) != 0 {
			t.Errorf("down are %v after a restart that helped", down)
		}
	})
}

func TestMountThatHangsIsProbedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := make(chan struct{})
		system := &machine{mounted: []string{"/mnt/nas"}, hangs: map[string]chan struct{}{"/mnt/nas": wait}}
		m := manager(t, Settings{Mounts: []Mount{{Path: "/mnt/nas"}}}, system)
		for range 3 {
			if down := m.Check(t.Context()); len(down) != 1 {
				t.Errorf("down are %v, want the one that hangs", down)
			}
		}
		if system.probes.Load() != 1 {
			t.Errorf("%d probes, want 1", system.probes.Load())
		}
		close(wait)
		synctest.Wait()
		if down := m.Check(t.Context()); len(down) != 0 {
			t.Errorf("down are %v after it answered", down)
		}
	})
}

// TestThisMachine looks at real mounts.
func TestThisMachine(t *testing.T) {
	dir := t.TempDir()
	m := manager(t, Settings{Mounts: []Mount{{Path: "/proc"}, {Path: dir}}}, Linux{})
	if down := m.Check(t.Context()); !slices.Equal(down, []string{dir}) {
		t.Errorf("down are %v, want only the directory that is no mount", down)
	}
	if err := (Linux{}).Run(t.Context(), "/bin/sh", "-c", "echo why >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("Run = %v, want what the command said", err)
	}
	if err := (Linux{}).Probe(dir + "/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Probe = %v, want that it does not exist", err)
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{`/mnt/my\040films`: "/mnt/my films", `/a\134b`: `/a\b`, `/plain\`: `/plain\`, `/x\9zz`: `/x\9zz`} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}
