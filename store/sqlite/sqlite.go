// Package sqlite is the embedded engine: one file, no server. One process, the
// coordinator, writes jobs, workers and messages; the admin tool beside it
// writes identities. It uses WAL, one writing connection and several reading
// ones, so that readers never wait for the writer.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

const (
	// busyTimeout is how long a connection waits for another process that
	// writes. Writes take milliseconds.
	busyTimeout = 10 * time.Second
	// readers is how many queries may read at the same time.
	readers = 4
)

// Settings are the engine's section of the configuration.
type Settings struct {
	// Path is the database's file; default dffmpeg.db in the working directory.
	Path string `yaml:"path,required,file"`
	// Synchronous is how much a power failure may cost: normal (the last
	// commits, never consistency) or full (nothing, slower); default normal.
	Synchronous string `yaml:"synchronous,required,oneof=normal|full"`
}

// DefaultSettings returns the engine's defaults.
func DefaultSettings() Settings { return Settings{Path: "dffmpeg.db", Synchronous: "normal"} }

// Options is what the engine needs besides its settings.
type Options struct {
	Now func() time.Time
	IDs dffmpeg.IDSource
}

// Open opens the database for jobs, workers and messages, made when it does not
// exist, and brings its schema up to date.
func Open(ctx context.Context, settings Settings, options Options) (*sqlstore.State, error) {
	db, err := open(ctx, settings, options)
	if err != nil {
		return nil, err
	}
	return &sqlstore.State{DB: db}, nil
}

// OpenIdentities opens the database for identities. It may be the same file.
func OpenIdentities(ctx context.Context, settings Settings, options Options) (*sqlstore.Identities, error) {
	db, err := open(ctx, settings, options)
	if err != nil {
		return nil, err
	}
	return &sqlstore.Identities{DB: db}, nil
}

func open(ctx context.Context, settings Settings, options Options) (*sqlstore.DB, error) {
	if err := prepareFile(settings.Path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", source(settings, "immediate"))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", settings.Path, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", settings.Path, err), write.Close())
	}
	read, err := sql.Open("sqlite", source(settings, "deferred"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", settings.Path, err), write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return sqlstore.New(sqlstore.Pools{Write: write, Read: read}, dialect(), options.Now, options.IDs), nil
}

// prepareFile makes a new database readable by its owner only, before the
// engine makes it readable by all.
func prepareFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("database %s: the directory %s does not exist; make it, or set database path", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("database: %w", err)
	}
	return file.Close()
}

// source returns the data source name: pragmas hold for every connection.
func source(settings Settings, lock string) string {
	query := url.Values{
		"_txlock": {lock},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"journal_mode(wal)",
			"synchronous(" + settings.Synchronous + ")",
		},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: settings.Path}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// dialect describes the engine to the generic SQL.
func dialect() sqlstore.Dialect {
	code := func(err error) int {
		var engine *sqlite.Error
		if errors.As(err, &engine) {
			return engine.Code()
		}
		return sqlite3.SQLITE_OK
	}
	return sqlstore.Dialect{
		Rebind: func(query string) string { return query },
		Duplicate: func(err error) bool {
			c := code(err)
			return c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || c == sqlite3.SQLITE_CONSTRAINT_UNIQUE
		},
		Collided: func(err error) bool {
			c := code(err) & 0xff // without the extension
			return c == sqlite3.SQLITE_BUSY || c == sqlite3.SQLITE_LOCKED
		},
	}
}

// engine is the engine as a registry knows it.
type engine struct{}

// Engine returns the engine for a registry.
func Engine() store.Engine { return engine{} }

// Name implements store.Engine.
func (engine) Name() string { return "sqlite" }

// OpenState implements store.Engine.
func (engine) OpenState(ctx context.Context, decoder store.Decoder, options store.OpenOptions) (store.State, error) {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return nil, err
	}
	state, err := Open(ctx, settings, Options{Now: options.Now, IDs: options.IDs})
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
	identities, err := OpenIdentities(ctx, settings, Options{Now: options.Now, IDs: options.IDs})
	if err != nil {
		return nil, err
	}
	return identities, nil
}
