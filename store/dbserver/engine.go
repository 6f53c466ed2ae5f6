package dbserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Options is what an engine needs besides its settings.
type Options struct {
	Tables store.Tables
	Now    func() time.Time
	IDs    dffmpeg.IDSource
}

// Kind is what one kind of server does differently. It is a store.Engine by
// Engine.
type Kind struct {
	Name       string   // in the configuration
	Title      string   // for people
	Defaults   Settings // when nothing is configured
	Migrations fs.FS
	Dialect    sqlstore.Dialect
	Find       sqlstore.Find
	// Connect returns a pool of connections; none is made yet.
	Connect func(settings Settings) (*sql.DB, error)
	// Migrate brings a part of the schema up to date, safely when several
	// programs do so at once.
	Migrate func(ctx context.Context, pool *sql.DB, schema sqlstore.Schema) error
	// Transactions is how operations begin theirs; nil when connections have been
	// told.
	Transactions *sql.TxOptions
}

// Open opens a part of a database, which must exist, and brings its schema up to
// date.
func (k Kind) Open(ctx context.Context, settings Settings, options Options, part sqlstore.Part) (*sqlstore.DB, error) {
	schema, err := part(k.Migrations, options.Tables)
	if err != nil {
		return nil, err
	}
	pool, err := k.Connect(settings)
	if err != nil {
		return nil, err
	}
	if err := k.Migrate(ctx, pool, schema); err != nil {
		return nil, errors.Join(k.explained(settings, err), pool.Close())
	}
	dialect := k.Dialect.WithTables(options.Tables)
	server := sqlstore.NewServer(pool, dialect, k.Transactions)
	return sqlstore.New(sqlstore.Config{Writer: server, Reader: server, Dialect: dialect, Now: options.Now, IDs: options.IDs, Silent: server.Renew}), nil
}

// OpenState opens the database for jobs, workers and messages.
func (k Kind) OpenState(ctx context.Context, settings Settings, options Options) (*sqlstore.State, error) {
	db, err := k.Open(ctx, settings, options, sqlstore.StateSchema)
	if err != nil {
		return nil, err
	}
	return &sqlstore.State{DB: db}, nil
}

// OpenIdentities opens the database for identities. It may be the same one.
func (k Kind) OpenIdentities(ctx context.Context, settings Settings, options Options) (*sqlstore.Identities, error) {
	db, err := k.Open(ctx, settings, options, sqlstore.IdentitiesSchema)
	if err != nil {
		return nil, err
	}
	return &sqlstore.Identities{DB: db}, nil
}

// explained is an error of opening or looking into the database, for people.
func (k Kind) explained(settings Settings, err error) error {
	where := fmt.Sprintf("%s database %s at %s", k.Title, settings.Database, settings.Address())
	if detail := k.Dialect.Explain(err); detail != "" {
		return fmt.Errorf("%s: %s (%w)", where, detail, k.Dialect.Cause(err))
	}
	return fmt.Errorf("%s: %w", where, err)
}

// look reads a part as it is at one instant, while others write. It returns where
// that is.
func (k Kind) look(ctx context.Context, part store.Part, settings Settings, tables store.Tables, do func(*sql.Tx, sqlstore.Schema) error) (string, error) {
	place := settings.Database + " at " + settings.Address()
	schema, err := sqlstore.SchemaOf(part, k.Migrations, tables)
	if err != nil {
		return place, err
	}
	pool, err := k.Connect(settings)
	if err != nil {
		return place, err
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return place, errors.Join(k.explained(settings, err), pool.Close())
	}
	if err = do(tx, schema); err != nil {
		err = k.explained(settings, err)
	}
	return place, errors.Join(err, tx.Rollback(), pool.Close())
}

// Engine returns the engine for a registry.
func (k Kind) Engine() store.Engine { return engine{k} }

// engine is a kind as a registry knows it.
type engine struct{ kind Kind }

// Name implements store.Engine.
func (e engine) Name() string { return e.kind.Name }

// Settings implements store.Engine.
func (e engine) Settings() any {
	settings := e.kind.Defaults
	return &settings
}

// settings reads an engine's section.
func (e engine) settings(decoder store.Decoder) (Settings, error) {
	settings := e.kind.Defaults
	err := decoder.Decode(&settings)
	return settings, err
}

func own(options store.OpenOptions) Options {
	return Options{Tables: options.Tables, Now: options.Now, IDs: options.IDs}
}

// OpenState implements store.Engine.
func (e engine) OpenState(ctx context.Context, decoder store.Decoder, options store.OpenOptions) (store.State, error) {
	settings, err := e.settings(decoder)
	if err != nil {
		return nil, err
	}
	state, err := e.kind.OpenState(ctx, settings, own(options))
	if err != nil {
		return nil, err // not a nil *State in an interface
	}
	return state, nil
}

// OpenIdentities implements store.Engine.
func (e engine) OpenIdentities(ctx context.Context, decoder store.Decoder, options store.OpenOptions) (store.Identities, error) {
	settings, err := e.settings(decoder)
	if err != nil {
		return nil, err
	}
	identities, err := e.kind.OpenIdentities(ctx, settings, own(options))
	if err != nil {
		return nil, err // the same
	}
	return identities, nil
}

// Inspect implements store.Engine.
func (e engine) Inspect(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions) (store.Inspection, error) {
	settings, err := e.settings(decoder)
	if err != nil {
		return store.Inspection{}, err
	}
	var found store.Inspection
	found.Place, err = e.kind.look(ctx, part, settings, options.Tables, func(tx *sql.Tx, schema sqlstore.Schema) error {
		var err error
		found, err = schema.Inspect(ctx, tx, part, e.kind.Dialect.WithTables(options.Tables), e.kind.Find)
		return err
	})
	return found, err
}

// Copy implements store.Engine.
func (e engine) Copy(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions, into store.Archive) error {
	settings, err := e.settings(decoder)
	if err != nil {
		return err
	}
	_, err = e.kind.look(ctx, part, settings, options.Tables, func(tx *sql.Tx, schema sqlstore.Schema) error {
		return schema.Copy(ctx, tx, part, e.kind.Dialect.WithTables(options.Tables), e.kind.Find, into)
	})
	return err
}
