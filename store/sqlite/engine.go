package sqlite

import (
	"context"

	"github.com/dffmpeg/dffmpeg/store"
)

// engine is the engine as a registry knows it.
type engine struct{}

// Engine returns the engine for a registry.
func Engine() store.Engine { return engine{} }

// Name implements store.Engine.
func (engine) Name() string { return "sqlite" }

// Settings implements store.Engine.
func (engine) Settings() any {
	settings := DefaultSettings()
	return &settings
}

// OpenState implements store.Engine.
func (engine) OpenState(ctx context.Context, decoder store.Decoder, options store.OpenOptions) (store.State, error) {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return nil, err
	}
	state, err := Open(ctx, settings, Options{Tables: options.Tables, Now: options.Now, IDs: options.IDs})
	if err != nil {
		return nil, err
	}
	return state, nil
}

// OpenIdentities implements store.Engine.
func (engine) OpenIdentities(ctx context.Context, decoder store.Decoder, options store.OpenOptions) (store.Identities, error) {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return nil, err
	}
	identities, err := OpenIdentities(ctx, settings, Options{Tables: options.Tables, Now: options.Now, IDs: options.IDs})
	if err != nil {
		return nil, err
	}
	return identities, nil
}
