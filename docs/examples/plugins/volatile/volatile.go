// Package volatile is an engine that forgets everything with its process: for
// demonstrations, and to show what an engine needs.
package volatile

import (
	"context"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// Engine returns the engine for a registry.
func Engine() store.Engine { return engine{} }

type engine struct{}

func (engine) Name() string { return "volatile" }

// Settings has none: any key in its section is a mistake.
func (engine) Settings() any { return &struct{}{} }

func (engine) OpenState(_ context.Context, _ store.Decoder, o store.OpenOptions) (store.State, error) {
	return memory.New(o.Now, o.IDs), nil
}

func (engine) OpenIdentities(_ context.Context, _ store.Decoder, o store.OpenOptions) (store.Identities, error) {
	return memory.NewIdentities(o.Now), nil
}

func (engine) Inspect(context.Context, store.Part, store.Decoder, store.OpenOptions) (store.Inspection, error) {
	return store.Inspection{Place: "memory", Version: 1, Known: 1}, nil
}

// Copy has nothing to copy: another process sees none of it.
func (engine) Copy(context.Context, store.Part, store.Decoder, store.OpenOptions, store.Archive) error {
	return nil
}
