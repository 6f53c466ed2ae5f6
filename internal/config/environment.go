package config

import (
	"strings"

	"github.com/dffmpeg/dffmpeg"
)

// forwarded are the variables that go with a job unless the configuration says
// otherwise: what Jellyfin sets for a transcode, to choose a driver.
func forwarded() []string { return []string{"AMD_DEBUG", "LIBVA_DRIVER_NAME"} }

// WorkerEnvironment is the section "environment" of a worker.
type WorkerEnvironment struct {
	// Accept are the variables that jobs may bring; default AMD_DEBUG and
	// LIBVA_DRIVER_NAME.
	Accept []string `yaml:"accept"`
	// Set are variables of every process; jobs do not change them.
	Set map[string]string `yaml:"set"`
}

// Validate checks the names.
func (e *WorkerEnvironment) Validate(problem func(key, message string)) {
	checkVariables(e.Accept, "accept", problem)
	for name := range e.Set {
		if !dffmpeg.ValidVariable(name) {
			problem("set", "expected names of environment variables, not "+name)
		}
	}
}

func checkVariables(names []string, key string, problem func(key, message string)) {
	for _, name := range names {
		switch {
		case !dffmpeg.ValidVariable(name):
			problem(key, "expected names of environment variables")
		case strings.HasPrefix(name, "DFFMPEG_"):
			problem(key, name+" is for dffmpeg itself, and may be secret")
		}
	}
}
