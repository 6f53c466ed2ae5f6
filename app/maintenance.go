package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dffmpeg/dffmpeg/internal/cli/admincmd"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/legacy"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
	"github.com/dffmpeg/dffmpeg/store/mysql"
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

// Import implements admincmd.Databases.
func (d databases) Import(ctx context.Context, from admincmd.OldDatabase, options legacy.Options) (report legacy.Report, err error) {
	cfg, _, err := d.parts()
	if err != nil {
		return report, err
	}
	db, err := d.s.app.openDatabase(ctx, cfg, d.s.quiet(cfg.Logging))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	source, err := d.old(ctx, from, db.keyring)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, source.Identities.Close(), source.Jobs.Close()) }()
	target := legacy.Target{Identities: db.identities, Keyring: db.keyring, Jobs: db.state}
	return legacy.Import(ctx, source, target, options)
}

// old opens a database of 0.4. A file's sealed keys are opened with the keyring of
// our own configuration.
func (d databases) old(ctx context.Context, from admincmd.OldDatabase, keyring *secret.Keyring) (legacy.Source, error) {
	if from.File != "" {
		file, err := legacy.OpenSQLite(ctx, from.File, legacy.Tables{})
		return legacy.Source{Identities: file, Jobs: file, Keyring: keyring}, err
	}
	cfg, err := config.LoadCoordinator(from.Config, d.s.process.Env, d.s.app.Engines.Settings())
	if err != nil {
		return legacy.Source{}, err
	}
	source := legacy.Source{}
	encryption := cfg.Database.Encryption
	if source.Keyring, err = secret.NewKeyring(d.s.app.Providers, encryption.Keys, encryption.DefaultKeyID); err != nil {
		return source, err
	}
	if source.Identities, err = openOld(ctx, cfg.Database.Auth, cfg); err != nil {
		return source, err
	}
	if source.Jobs, err = openOld(ctx, cfg.Database.Jobs, cfg); err != nil {
		return source, errors.Join(err, source.Identities.Close())
	}
	return source, nil
}

// openOld opens the database of a repository of 0.4.
func openOld(ctx context.Context, repository config.Repository, cfg *config.Coordinator) (*legacy.Database, error) {
	tables := legacy.Tables{Auth: oldTable(cfg.Database.Auth), Jobs: oldTable(cfg.Database.Jobs)}
	switch settings := repository.Resolved().(type) {
	case *sqlite.Settings:
		return legacy.OpenSQLite(ctx, settings.Path, tables)
	case *dbserver.Settings:
		if repository.Engine == mysql.Engine().Name() {
			return legacy.OpenMySQL(ctx, *settings, tables)
		}
	}
	return nil, fmt.Errorf("dffmpeg 0.4 kept nothing in %s", repository.Engine)
}

// oldTable returns the name of a table in a configuration of 0.4, "" for the one
// that it had without.
func oldTable(repository config.Repository) string {
	if repository.DefaultTable() {
		return ""
	}
	return repository.TableName
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
