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
	said     map[string]string // the key of what was logged last, by binary
}

var _ worker.Programs = (*Inspector)(nil)

// New returns an inspector. It asks nothing yet.
func New(settings Settings, launcher Launcher, logger *slog.Logger) *Inspector {
	return &Inspector{
		settings: settings, launcher: launcher, logger: logger, now: time.Now,
		cache: cache{dir: settings.CacheDir, kept: make(map[string]entry)},
		said:  make(map[string]string),
	}
}

// Look implements worker.Programs.
func (i *Inspector) Look(ctx context.Context, busy bool) map[string]worker.Build {
	found := make(map[string]worker.Build)
	for _, binary := range i.settings.Binaries {
		if ffargs.ProgramOf(binary) == ffargs.Other {
			continue
		}
		build, err := i.look(ctx, binary, busy)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			i.say(binary, err.Error(), func() {
				i.logger.Warn("cannot find out what a program can do", "binary", binary, "error", err)
			})
			continue
		}
		found[binary] = build
	}
	return found
}

// look returns what is known of one binary. Findings are trusted for as long again as
// they have held: what has just changed may change again, as when a machine starts.
// Those of a busy machine are not looked at again for their age alone: trying an encoder
// whose sessions are all in use says nothing about it.
func (i *Inspector) look(ctx context.Context, binary string, busy bool) (worker.Build, error) {
	program, err := i.launcher.Find(binary)
	if err != nil {
		return worker.Build{}, err
	}
	kind := ffargs.ProgramOf(binary)
	key, err := keyOf(program, kind, i.settings.System)
	if err != nil {
		return worker.Build{}, err
	}
	known, is := i.cache.get(key)
	if is && (busy || i.now().Before(known.next())) {
		i.tell(binary, key, known.Build)
		return known.Build, nil
	}
	q := questions{launcher: i.launcher, program: program, logger: i.logger.With("binary", binary)}
	build, err := i.inspect(ctx, &q, kind)
	if err != nil {
		return worker.Build{}, err
	}
	if err := i.cache.put(key, known.confirmed(build, i.now())); err != nil {
		i.say("cache", err.Error(), func() {
			i.logger.Warn("cannot keep what was found out about programs; they are asked at every start", "error", err)
		})
	}
	i.tell(binary, key, build)
	return build, nil
}

// inspect asks a program.
func (i *Inspector) inspect(ctx context.Context, q *questions, kind ffargs.Program) (worker.Build, error) {
	version, err := q.version(ctx)
	if err != nil || kind != ffargs.FFmpeg {
		return worker.Build{Version: version}, err
	}
	profile := q.built(ctx)
	q.tryHardware(ctx, profile, i.settings.System)
	return worker.Build{Version: version, Profile: profile, Hardware: hardware(profile)}, ctx.Err()
}

// tell logs what is known of a binary when that is new.
func (i *Inspector) tell(binary, key string, build worker.Build) {
	i.say(binary, key+build.Profile.ID(), func() {
		args := []any{"binary", binary, "version", build.Version}
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
	return list
}

// sorted returns names as profiles have them.
func sorted(names map[string]bool) []string {
	list := slices.AppendSeq(make([]string, 0, len(names)), maps.Keys(names)) // never nil: none is not the same as not known
	slices.Sort(list)
	return list
}
