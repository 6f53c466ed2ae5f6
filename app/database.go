package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// database is the opened store of a coordinator's configuration.
type database struct {
	state      store.State
	identities store.Identities
	keyring    *secret.Keyring
}

// openDatabase opens what a coordinator's configuration names.
func (a App) openDatabase(ctx context.Context, cfg *config.Coordinator, logger *slog.Logger) (*database, error) {
	db, err := a.openIdentities(ctx, cfg, logger)
	if err != nil {
		return nil, err
	}
	engine, err := a.Engines.Lookup(cfg.Database.Jobs.Engine)
	if err == nil {
		db.state, err = engine.OpenState(ctx, cfg.Database.Jobs.Settings, a.openOptions(cfg, logger))
	}
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// openIdentities opens the identities only, for work on them beside a running
// coordinator.
func (a App) openIdentities(ctx context.Context, cfg *config.Coordinator, logger *slog.Logger) (*database, error) {
	encryption := cfg.Database.Encryption
	keyring, err := secret.NewKeyring(a.Providers, encryption.Keys, encryption.DefaultKeyID)
	if err != nil {
		return nil, err
	}
	engine, err := a.Engines.Lookup(cfg.Database.Auth.Engine)
	if err != nil {
		return nil, err
	}
	identities, err := engine.OpenIdentities(ctx, cfg.Database.Auth.Settings, a.openOptions(cfg, logger))
	if err != nil {
		return nil, err
	}
	return &database{identities: identities, keyring: keyring}, nil
}

func (a App) openOptions(cfg *config.Coordinator, logger *slog.Logger) store.OpenOptions {
	d := &cfg.Database
	tables := store.Tables{
		Identities: d.Auth.TableName, Jobs: d.Jobs.TableName, Messages: d.Messages.TableName, Workers: d.Workers.TableName,
	}
	return store.OpenOptions{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource(), Logger: logger}
}

// close releases what was opened.
func (db *database) close() error {
	var err error
	if db.state != nil {
		err = db.state.Close()
	}
	return errors.Join(err, db.identities.Close())
}
