package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dffmpeg/dffmpeg/internal/cli/admincmd"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
)

// databases are those that a coordinator's configuration names.
type databases struct{ s *surroundings }

var _ admincmd.Databases = databases{}

// part is a part and where it is configured to be.
type part struct {
	store.Part
	engine     store.Engine
	repository config.Repository
}

// parts reads the configuration.
func (d databases) parts() (*config.Coordinator, []part, error) {
	cfg, err := config.LoadCoordinator(d.s.config, d.s.process.Env, d.s.app.Engines.Settings())
	if err != nil {
		return nil, nil, err
	}
	var parts []part
	for _, p := range []part{
		{Part: store.StatePart, repository: cfg.Database.Jobs}, {Part: store.IdentitiesPart, repository: cfg.Database.Auth},
	} {
		if p.engine, err = d.s.app.Engines.Lookup(p.repository.Engine); err != nil {
			return nil, nil, err
		}
		parts = append(parts, p)
	}
	return cfg, parts, nil
}

// options are those of a configuration's databases.
func (d databases) options(cfg *config.Coordinator) store.OpenOptions {
	return d.s.app.openOptions(cfg, slog.New(slog.DiscardHandler))
}

// Inspect implements admincmd.Databases.
func (d databases) Inspect(ctx context.Context) ([]admincmd.DatabasePart, error) {
	cfg, parts, err := d.parts()
	if err != nil {
		return nil, err
	}
	var all []admincmd.DatabasePart
	for _, p := range parts {
		found, err := p.engine.Inspect(ctx, p.Part, p.repository.Settings, d.options(cfg))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Part, err)
		}
		shown := admincmd.DatabasePart{
			Part: p.String(), Engine: p.engine.Name(), Place: found.Place,
			Version: found.Version, Known: found.Known, Old: found.Old, Tables: []admincmd.DatabaseSize{},
		}
		for _, t := range found.Tables {
			shown.Tables = append(shown.Tables, admincmd.DatabaseSize{Table: t.Name, Rows: t.Rows})
		}
		all = append(all, shown)
	}
	return all, nil
}

// Migrate implements admincmd.Databases. Opening a database brings it up to date.
func (d databases) Migrate(ctx context.Context) error {
	cfg, _, err := d.parts()
	if err != nil {
		return err
	}
	db, err := d.s.app.openDatabase(ctx, cfg, d.s.quiet(cfg.Logging))
	if err != nil {
		return err
	}
	return db.close()
}

// Backup implements admincmd.Databases.
func (d databases) Backup(ctx context.Context, file string) error {
	cfg, parts, err := d.parts()
	if err != nil {
		return err
	}
	archive, err := sqlite.CreateArchive(ctx, file)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := p.engine.Copy(ctx, p.Part, p.repository.Settings, d.options(cfg), archive); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", p.Part, err), archive.Discard())
		}
	}
	return archive.Close(ctx)
}
