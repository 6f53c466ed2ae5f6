package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

// machine finds programs on this machine.
type machine interface {
	// Local returns the program that runs here instead of on a worker.
	Local(name string, settings config.Fallback) (path string, err error)
	// InPath returns what the shell would run, and whether that is the drop-in.
	InPath(name string) (path string, dropIn bool, err error)
}

// fallback says whether the programs that are to run here are there.
func fallback(settings config.Fallback, program string, here machine) []Finding {
	if settings.When == config.FallbackNever && len(settings.Always) == 0 {
		return []Finding{ok(checkFallback, "never: programs run on workers only")}
	}
	var findings []Finding
	var places []string
	look := func(name string, judge func(check, found, advice string) Finding) {
		path, err := here.Local(name, settings)
		if err != nil {
			findings = append(findings, judge(checkFallback, err.Error(),
				fmt.Sprintf("install %s, or name it in fallback.binaries.%[1]s", name)))
			return
		}
		places = append(places, path)
	}
	for _, name := range settings.Always {
		look(name, problem)
	}
	if settings.When == config.FallbackUnavailable {
		for _, name := range unique(append(slices.Sorted(maps.Keys(settings.Binaries)), program)) {
			if !settings.Here(name) {
				look(name, warning)
			}
		}
	}
	if len(findings) == 0 {
		findings = append(findings, ok(checkFallback, "%s", strings.Join(places, ", ")))
	}
	return findings
}

// unique returns a list sorted and without repetitions.
func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// dropIn says what a program's name stands for here. Nothing is wrong either way:
// many are told the drop-in's full path.
func dropIn(program string, here machine) Finding {
	path, is, err := here.InPath(program)
	switch {
	case err != nil:
		return ok(checkDropIn, "there is no %s in PATH", program)
	case is:
		return ok(checkDropIn, "%s in PATH is the drop-in: %s", program, path)
	}
	return ok(checkDropIn, "%s in PATH is %s, not the drop-in", program, path)
}
