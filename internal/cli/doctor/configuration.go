package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// unreadable is the finding for a configuration that cannot be used. The error has
// the place and a hint for each problem.
func unreadable(err error) Finding {
	if _, missing := errors.AsType[*config.NotFoundError](err); missing {
		return problem(checkConfiguration, err.Error(), "write one (docs/configuration.md), or start dffmpeg standalone on this machine, which does")
	}
	return problem(checkConfiguration, err.Error(), "correct it, and see that it is right with: dffmpeg config check client")
}

// configuration says which configuration applies, and what it warns of.
func configuration(cfg *config.Client, env config.Environment) []Finding {
	found := cfg.File
	if found == "" {
		found = "no file; defaults and environment"
	}
	if names := overrides(env); len(names) > 0 {
		found += "; overridden by " + strings.Join(names, ", ") + " of the environment"
	}
	findings := []Finding{ok(checkConfiguration, "%s", found)}
	for _, text := range cfg.Warnings {
		// How the key's file is protected is a check of its own.
		if cfg.HMACKeyFile == "" || !strings.HasPrefix(text, cfg.HMACKeyFile+": everybody") {
			findings = append(findings, warning(checkConfiguration, text, "change that in the configuration, or in what it names"))
		}
	}
	return findings
}

// overrides returns the variables that are set and beat the file.
func overrides(env config.Environment) []string {
	return slices.DeleteFunc([]string{config.VariableClientID, config.VariableHMACKey, config.VariableCoordinatorURL},
		func(name string) bool { return env.Get(name) == "" })
}

// keyFile says who else may read the key. stat is os.Stat; user is who we are.
func keyFile(cfg *config.Client, env config.Environment, user int, stat func(string) (fs.FileInfo, error)) Finding {
	path := cfg.HMACKeyFile
	if path == "" {
		if env.Get(config.VariableHMACKey) != "" {
			return ok(checkKeyFile, "the key is in the environment (%s)", config.VariableHMACKey)
		}
		path = cfg.File
	}
	info, err := stat(path)
	if err != nil {
		return warning(checkKeyFile, fmt.Sprintf("%s cannot be looked at: %v", path, err), "see that this user may reach it")
	}
	const others, group = 0o006, 0o060
	switch mode := info.Mode().Perm(); {
	case mode&others != 0:
		return warning(checkKeyFile, path+" has the key, and everybody on this machine may read or change it", "chmod o-rw "+path)
	case mode&group != 0 && !needsGroup(info, user):
		return warning(checkKeyFile, path+" has the key, and its group may read or change it", "chmod g-rw "+path)
	}
	return ok(checkKeyFile, "%s is closed to others", path)
}

// needsGroup reports whether the group's permissions are what they should be: they
// are how we read another user's file, or the group is the user's own, which on most
// systems has the user's number.
func needsGroup(info fs.FileInfo, user int) bool {
	owner, known := info.Sys().(*syscall.Stat_t)
	return !known || int(owner.Uid) != user || owner.Gid == owner.Uid
}
