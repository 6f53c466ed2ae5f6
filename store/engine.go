package store

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Decoder fills an engine's own settings struct from the configuration,
// strictly; set its defaults before.
type Decoder interface{ Decode(into any) error }

// Tables are names of tables; "" means the default of that one.
type Tables struct {
	Identities, Jobs, Messages, Workers string
}

// OpenOptions is what an engine needs besides its settings.
type OpenOptions struct {
	Tables Tables
	Now    func() time.Time // for engines without a clock of their own
	IDs    dffmpeg.IDSource
	Logger *slog.Logger
}

// Engine is a database that keeps state and identities. Opening brings the
// schema up to date, safely when several processes do so at once; a schema
// newer than the program is refused, and so is a 0.4 database.
type Engine interface {
	// Name is what the configuration calls it.
	Name() string
	// Settings returns a pointer to the engine's own settings, with their
	// defaults.
	Settings() any
	OpenState(ctx context.Context, settings Decoder, options OpenOptions) (State, error)
	OpenIdentities(ctx context.Context, settings Decoder, options OpenOptions) (Identities, error)
	// Inspect looks into a database and changes nothing. One that does not exist
	// yet, but would be made, has no schema.
	Inspect(ctx context.Context, part Part, settings Decoder, options OpenOptions) (Inspection, error)
	// Copy copies a part as it is at one instant, while others use it. Its schema
	// must be up to date.
	Copy(ctx context.Context, part Part, settings Decoder, options OpenOptions, into Archive) error
}

// Registry holds the engines that a program knows, by name. It is a value made
// in main and passed down; it is immutable and safe for concurrent use.
type Registry struct{ engines map[string]Engine }

// NewRegistry returns a registry of these engines. Two of one name are an
// error.
func NewRegistry(engines ...Engine) (Registry, error) {
	r := Registry{engines: make(map[string]Engine, len(engines))}
	for _, e := range engines {
		if _, taken := r.engines[e.Name()]; taken {
			return Registry{}, fmt.Errorf("database engine %q is registered already", e.Name())
		}
		r.engines[e.Name()] = e
	}
	return r, nil
}

// With returns a registry that knows more engines.
func (r Registry) With(more ...Engine) (Registry, error) {
	return NewRegistry(slices.AppendSeq(more, maps.Values(r.engines))...)
}

// Settings returns, by the name of each engine, what returns a pointer to its
// settings with their defaults.
func (r Registry) Settings() map[string]func() any {
	settings := make(map[string]func() any, len(r.engines))
	for name, e := range r.engines {
		settings[name] = e.Settings
	}
	return settings
}

// Names returns the known names, sorted.
func (r Registry) Names() []string { return slices.Sorted(maps.Keys(r.engines)) }

// Lookup returns an engine; the error for an unknown name lists the known ones.
func (r Registry) Lookup(name string) (Engine, error) {
	e, ok := r.engines[name]
	if !ok {
		return nil, fmt.Errorf("unknown database engine %q; known are %s", name, strings.Join(r.Names(), ", "))
	}
	return e, nil
}
