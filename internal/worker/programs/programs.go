// Package programs finds out what a worker's programs can do: their version, what is
// built into them, and which hardware works on this machine. It asks the programs
// themselves, as little as it can: what was found is kept on disk for as long as
// nothing that decides about it has changed.
//
// Only ffmpeg and ffprobe are asked. Another program might take a question for an order.
package programs

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/ffargs"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
)

// Launcher runs the worker's binaries as those of jobs are run.
type Launcher interface {
	// Find returns what a binary's name stands for.
	Find(binary string) (launch.Program, error)
	// Ask runs it and returns what it put out.
	Ask(ctx context.Context, program launch.Program, args []string) (launch.Answer, error)
}

// Settings say where to look.
type Settings struct {
	Binaries []string // names
	// CacheDir is where findings are kept; "" for nowhere.
	CacheDir string
	// System is where the devices of this machine are, and what else decides about what
	// works.
	System System
}

// Inspector is a worker's knowledge of its programs. One goroutine uses it.
type Inspector struct {
	settings Settings
	launcher Launcher
	logger   *slog.Logger
	now      func() time.Time
	cache    cache
	last     map[string]finding // what was found out last, by binary
	failed   map[string]failure // by binary
	said     map[string]string  // the key of what was logged last, by binary
}

var _ worker.Programs = (*Inspector)(nil)

// New returns an inspector. It asks nothing yet.
func New(settings Settings, launcher Launcher, logger *slog.Logger) *Inspector {
	return &Inspector{
		settings: settings, launcher: launcher, logger: logger, now: time.Now,
		cache: cache{dir: settings.CacheDir, kept: make(map[string]entry)},
		last:  make(map[string]finding), failed: make(map[string]failure), said: make(map[string]string),
	}
}

// subject is a binary with what decides about what it can do.
type subject struct {
	binary  string
	program launch.Program
	kind    ffargs.Program
	key     string   // names the findings
	devices []string // paths of the nodes that are there
}

// finding is what was found out about a program, and with which devices.
type finding struct {
	build   worker.Build
	devices []string
}

// failure is that a program could not be asked.
type failure struct {
	key   string
	times int       // in a row
	next  time.Time // when to ask again
}

// Look implements worker.Programs.
func (i *Inspector) Look(ctx context.Context, busy func() bool, tell func(map[string]worker.Build)) {
	found := make(map[string]worker.Build)
	var due []subject
	for _, binary := range i.settings.Binaries {
		if ffargs.ProgramOf(binary) == ffargs.Other {
			continue
		}
		s, err := i.identify(binary)
		if err != nil {
			i.complain(binary, err)
			continue
		}
		build, known, ask := i.recall(&s, busy())
		if known {
			found[binary] = build
		}
		if ask {
			due = append(due, s)
		}
	}
	tell(maps.Clone(found))
	for n := range due {
		s := &due[n]
		build, known := i.ask(ctx, s, busy)
		if ctx.Err() != nil {
			return
		}
		delete(found, s.binary)
		if known {
			found[s.binary] = build
		}
		tell(maps.Clone(found))
	}
}

// identify finds out what a binary is now.
func (i *Inspector) identify(binary string) (subject, error) {
	s := subject{binary: binary, kind: ffargs.ProgramOf(binary)}
	var err error
	if s.program, err = i.launcher.Find(binary); err != nil {
		return s, err
	}
	s.devices = i.settings.System.nodes()
	s.key, err = keyOf(s.program, s.kind, i.settings.System)
	return s, err
}

// recall returns what is known without asking, if anything is, and whether to ask.
// Findings are trusted for as long again as they have held: what has just changed may
// change again, as when a machine starts. Those of a busy machine are not looked at again
// for their age alone: trying an encoder whose sessions are all in use says nothing about
// it. Of a program that has changed is known, until it is asked, what it was before; of one
// that could not be asked, nothing.
func (i *Inspector) recall(s *subject, busy bool) (build worker.Build, known, ask bool) {
	e, known := i.found(s)
	last, was := i.last[s.binary]
	f := i.failed[s.binary]
	failed := f.key == s.key
	ask = !failed || !i.now().Before(f.next)
	switch {
	case known:
		if !failed { // of which the log tells
			i.note(s, e.Build)
		}
		return e.Build, true, ask && e.due(i.now(), busy)
	case failed:
		return worker.Build{}, false, ask
	case was:
		return last.build, true, true
	}
	return worker.Build{Looking: true}, true, true
}

// found returns what was found out about a program as it is. What was found by a clock that
// was ahead is nothing: who knows until when it would be trusted.
func (i *Inspector) found(s *subject) (entry, bool) {
	e, is := i.cache.get(s.key)
	if !is || e.Checked.After(i.now()) {
		return entry{}, false
	}
	return e, true
}

// ask asks a program and keeps what it says. It returns what is known then, if anything is.
func (i *Inspector) ask(ctx context.Context, s *subject, busy func() bool) (build worker.Build, known bool) {
	e, known := i.found(s)
	q := questions{launcher: i.launcher, program: s.program, logger: i.logger.With("binary", s.binary), busy: busy}
	build, err := i.inspect(ctx, &q, s.kind, memory{i.before(s).Profile, e.Doubtful})
	if ctx.Err() != nil {
		return e.Build, known
	}
	if err != nil {
		i.complain(s.binary, err)
		i.fail(s)
		return e.Build, known
	}
	delete(i.failed, s.binary)
	if q.doubt != certain {
		q.logger.Debug("hardware is tried again soon: jobs ran, or the program did not answer", "silent", q.silent)
	}
	if err := i.cache.put(s.key, e.confirmed(build, q.doubt, i.now())); err != nil {
		i.say("cache", err.Error(), func() {
			i.logger.Warn("cannot keep what was found out about programs; they are asked at every start", "error", err)
		})
	}
	i.note(s, build)
	return build, true
}

// before returns what was known of a program before it is asked, as far as its devices are
// still there.
func (i *Inspector) before(s *subject) worker.Build {
	if e, is := i.found(s); is {
		return e.Build
	}
	last := i.last[s.binary]
	if slices.ContainsFunc(last.devices, func(path string) bool { return !slices.Contains(s.devices, path) }) {
		return worker.Build{}
	}
	return last.build
}

// fail notes that a program could not be asked: it is asked again, but less and less often.
func (i *Inspector) fail(s *subject) {
	f := i.failed[s.binary]
	if f.key != s.key {
		f = failure{key: s.key}
	}
	f.times++
	f.next = i.now().Add(pause(f.times))
	i.failed[s.binary] = f
}

// memory is what was known of a program before it is asked.
type memory struct {
	profile  dffmpeg.Profile
	doubtful int // how many looks in a row left doubts
}

// inspect asks a program. Hardware that hangs again and again, though no job runs, is
// believed to be broken.
func (i *Inspector) inspect(ctx context.Context, q *questions, kind ffargs.Program, known memory) (worker.Build, error) {
	version, err := q.version(ctx)
	if err != nil || kind != ffargs.FFmpeg {
		return worker.Build{Version: version}, err
	}
	listed := q.built(ctx)
	profile, devices := q.tryHardware(ctx, listed, i.settings.System)
	_, tried := profile[dffmpeg.AbilityDevice]
	if q.doubt != certain && (q.jobs || !tried || known.doubtful < mostSilent) {
		profile = keep(known.profile, listed, profile, devices)
	}
	if problem := profile.Problem(); problem != "" {
		q.logger.Warn("what a program says that it can do is of no use", "problem", problem)
		profile = nil
	}
	return worker.Build{Version: version, Profile: profile, Hardware: hardware(profile)}, ctx.Err()
}

// complain logs that nothing can be found out about a binary.
func (i *Inspector) complain(binary string, err error) {
	i.say(binary, err.Error(), func() {
		i.logger.Warn("cannot find out what a program can do", "binary", binary, "error", err)
	})
}

// note keeps in mind what is known of a binary, and logs it when it is new.
func (i *Inspector) note(s *subject, build worker.Build) {
	i.last[s.binary] = finding{build, s.devices}
	i.say(s.binary, s.key+build.Profile.ID(), func() {
		args := []any{"binary", s.binary, "version", build.Version}
		if build.Profile != nil {
			args = append(args, "hardware", strings.Join(build.Hardware, " "))
		}
		i.logger.Info("program", args...)
	})
}

// say logs something about a subject once.
func (i *Inspector) say(subject, what string, log func()) {
	if i.said[subject] != what {
		i.said[subject] = what
		log()
	}
}

// hardware returns what of a profile is not software, as far as that was tried.
func hardware(profile dffmpeg.Profile) []string {
	devices, tried := profile[dffmpeg.AbilityDevice]
	if !tried {
		return nil
	}
	var list []string
	list = append(list, devices...)
	for _, name := range profile[dffmpeg.AbilityEncoder] {
		if ffargs.Hardware(name) != "" {
			list = append(list, name)
		}
	}
	return list[:min(len(list), dffmpeg.MaxHardware)]
}

// sorted returns names as profiles have them.
func sorted[V any](names map[string]V) []string {
	list := slices.AppendSeq(make([]string, 0, len(names)), maps.Keys(names)) // never nil: none is not the same as not known
	slices.Sort(list)
	return list
}
