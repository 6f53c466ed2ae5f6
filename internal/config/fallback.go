package config

import (
	"path/filepath"
	"slices"
	"time"
)

// The values of fallback.when.
const (
	FallbackNever       = "never"
	FallbackUnavailable = "unavailable"
)

// Fallback is the section "fallback" of a client: when a program runs on this
// machine instead.
type Fallback struct {
	// When is never (the default), or unavailable: when no coordinator is available or
	// no worker takes the job.
	When string `yaml:"when,oneof=never|unavailable"`
	// After is how long a job may wait for a worker; default 30 s, 0 for as long as it
	// takes.
	After time.Duration `yaml:"after,min=0"`
	// Always are programs that always run here.
	Always []string `yaml:"always"`
	// Binaries are the programs on this machine by name, absolute; one that is not
	// named is looked for in PATH.
	Binaries map[string]string `yaml:"binaries"`
	// Quiet leaves out the line on stderr that says so.
	Quiet bool `yaml:"quiet"`
}

// Validate checks what concerns several keys.
func (f *Fallback) Validate(problem func(key, message string)) {
	for name, path := range f.Binaries {
		if !filepath.IsAbs(path) {
			problem("binaries", name+": expected the absolute path of a program")
		}
	}
}

// Here reports whether a program always runs on this machine.
func (f *Fallback) Here(name string) bool { return slices.Contains(f.Always, name) }
