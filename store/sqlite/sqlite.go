// Package sqlite is the embedded engine: one file, no server. One process, the
// coordinator, writes jobs, workers and messages; the admin tool beside it
// writes identities. It uses WAL, one writing connection and several reading
// ones, so that readers never wait for the writer.
//
// Operations that wait for the writing connection share a transaction, each in
// a savepoint. A write that finds the file locked by another process tries
// again every few milliseconds, until the caller's context ends or ten seconds
// have passed. Opening starts no goroutine but database/sql's own, which Close
// ends.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

const (
	// readers is how many queries may read at the same time.
	readers = 4
	// readTimeout is how long a query that reads waits for a lock, which it
	// needs only while the file is recovered after a crash.
	readTimeout = lockTimeout
	// writeTimeout is how long a connection that writes waits for a lock before
	// whenFree tries again.
	writeTimeout = 5 * time.Millisecond
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
	Tables store.Tables
	Now    func() time.Time
	IDs    dffmpeg.IDSource
}

// Open opens the database for jobs, workers and messages, made when it does not
// exist, and brings its schema up to date.
func Open(ctx context.Context, settings Settings, options Options) (*sqlstore.State, error) {
	db, err := open(ctx, settings, options, sqlstore.StateSchema, dialect())
	if err != nil {
		return nil, err
	}
	return &sqlstore.State{DB: db}, nil
}

// OpenIdentities opens the database for identities. It may be the same file.
func OpenIdentities(ctx context.Context, settings Settings, options Options) (*sqlstore.Identities, error) {
	db, err := open(ctx, settings, options, sqlstore.IdentitiesSchema, dialect())
	if err != nil {
		return nil, err
	}
	return &sqlstore.Identities{DB: db}, nil
}

func open(ctx context.Context, settings Settings, options Options, part sqlstore.Part, dialect sqlstore.Dialect) (*sqlstore.DB, error) {
	config, err := connect(ctx, settings, options, part, dialect)
	if err != nil {
		return nil, err
	}
	return sqlstore.New(config), nil
}

// connect opens the connections to a file whose schema it brings up to date.
func connect(ctx context.Context, settings Settings, options Options, part sqlstore.Part, dialect sqlstore.Dialect) (sqlstore.Config, error) {
	schema, err := part(migrations, options.Tables)
	if err != nil {
		return sqlstore.Config{}, err
	}
	if err := prepareFile(settings.Path); err != nil {
		return sqlstore.Config{}, err
	}
	write, err := sql.Open("sqlite", source(settings, writeTimeout))
	if err != nil {
		return sqlstore.Config{}, fmt.Errorf("open database %s: %w", settings.Path, err)
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write, schema); err != nil {
		return sqlstore.Config{}, errors.Join(fmt.Errorf("database %s: %w", settings.Path, err), write.Close())
	}
	read, err := sql.Open("sqlite", source(settings, readTimeout))
	if err != nil {
		return sqlstore.Config{}, errors.Join(fmt.Errorf("open database %s: %w", settings.Path, err), write.Close())
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	dialect = dialect.WithTables(options.Tables)
	return sqlstore.Config{
		Writer: newWriter(write, dialect), Reader: reader{sqlstore.NewStatements(read, dialect.Rebind), read},
		Dialect: dialect, Now: options.Now, IDs: options.IDs,
	}, nil
}

// reader is the pool of connections that read, with the statements prepared on
// it.
type reader struct {
	*sqlstore.Statements
	pool *sql.DB
}

// QueryContext implements sqlstore.Queryer. Queries are local, short and bounded:
// to be able to interrupt one costs two goroutines, and more than most queries.
func (r reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r.Statements.QueryContext(context.WithoutCancel(ctx), query, args...)
}

// Close implements sqlstore.Reader.
func (r reader) Close() error { return errors.Join(r.Statements.Close(), r.pool.Close()) }

// source returns the data source name: pragmas hold for every connection.
func source(settings Settings, busy time.Duration) string {
	return file(settings.Path, url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
			"journal_mode(wal)",
			"synchronous(" + settings.Synchronous + ")",
			// What savepoints may have to undo needs no file.
			"temp_store(memory)",
		},
	})
}

// file returns the data source name of a file.
func file(path string, query url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String()
}
