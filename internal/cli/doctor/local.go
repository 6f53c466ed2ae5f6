package doctor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// configuration reads it.
func (x *examination) configuration(context.Context) bool {
	const check = "configuration"
	cfg, err := x.env.Load()
	if err != nil {
		x.add(check, Problem, err.Error(), "docs/configuration.md has every key; `dffmpeg config check client` checks a file")
		return false
	}
	session, err := x.env.Connect(cfg)
	if err != nil {
		x.add(check, Problem, err.Error(), "the key is what `dffmpeg admin user add` or `user rotate-key` printed")
		return false
	}
	x.cfg, x.session = cfg, session
	from := cfg.File
	if from == "" {
		from = "the environment"
	}
	x.add(check, OK, fmt.Sprintf("%s, for the identity %s at %s", from, cfg.ClientID, session.Caller.BaseURL()), "")
	for _, warning := range cfg.Warnings {
		x.add(check, Warning, warning, "see what it names")
	}
	return true
}

// paths looks at the directories that jobs may name.
func (x *examination) paths(context.Context) bool {
	const check = "paths"
	if len(x.cfg.Paths) == 0 {
		x.add(check, Warning, "none are configured: commands with absolute paths reach workers as they are typed",
			"name the directories that workers have, too, under paths: in the client's configuration")
		return true
	}
	var missing []string
	names := slices.Sorted(maps.Keys(x.cfg.Paths))
	for _, name := range names {
		info, err := os.Stat(x.cfg.Paths[name])
		switch {
		case err != nil:
			missing = append(missing, fmt.Sprintf("%s: %v", name, err))
		case !info.IsDir():
			missing = append(missing, fmt.Sprintf("%s: %s is not a directory", name, x.cfg.Paths[name]))
		}
	}
	if len(missing) > 0 {
		x.add(check, Warning, fmt.Sprintf("%d of %d are not there", len(missing), len(names)), "mount or create them here, or correct paths: in the configuration", missing...)
		return true
	}
	x.add(check, OK, fmt.Sprintf("%d, all there", len(names)), "")
	return true
}

// fallback looks for the programs that may have to run here.
func (x *examination) fallback(context.Context) bool {
	const check = "fallback"
	settings := x.cfg.Fallback
	needed := slices.Clone(settings.Always)
	if settings.When == config.FallbackUnavailable {
		needed = append(needed, "ffmpeg", "ffprobe")
		needed = slices.AppendSeq(needed, maps.Keys(settings.Binaries))
	}
	slices.Sort(needed)
	needed = slices.Compact(needed)
	if len(needed) == 0 {
		x.add(check, OK, "never: a program that no worker can run fails", "")
		return true
	}
	var found, missing []string
	for _, name := range needed {
		path, err := x.env.Local(name, settings)
		if err == nil {
			err = executable(path)
		}
		if err != nil {
			missing = append(missing, name+": "+err.Error())
			continue
		}
		found = append(found, name+": "+path)
	}
	if len(missing) > 0 {
		x.add(check, Problem, "some programs are not on this machine", "install them, or name them in fallback.binaries", append(missing, found...)...)
		return true
	}
	x.add(check, OK, "the programs are on this machine", "", found...)
	return true
}

// executable checks that a file is a program.
func executable(path string) error {
	info, err := os.Stat(path)
	if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		err = fmt.Errorf("%s is not a program", path)
	}
	return err
}
