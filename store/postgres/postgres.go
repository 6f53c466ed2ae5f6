// Package postgres is the engine for PostgreSQL 15 and later. Every operation is
// a transaction of its own at the level READ COMMITTED, which locks the row that
// it is about to change; one that deadlocks is executed again.
//
// Opening starts no goroutine but database/sql's own, which Close ends.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

const (
	// connectTimeout bounds how long a connection takes to be made.
	connectTimeout = 10 * time.Second
	// idleTime is how long a connection is kept that nobody uses.
	idleTime = 5 * time.Minute
)

// DefaultSettings returns the engine's defaults.
func DefaultSettings() dbserver.Settings { return dbserver.Defaults(5432, "postgres") }

// Options is what the engine needs besides its settings.
type Options = dbserver.Options

// kind is what this engine does differently from others with a server.
func kind() dbserver.Kind {
	return dbserver.Kind{
		Name: "postgres", Title: "PostgreSQL", Defaults: DefaultSettings(), Migrations: migrations,
		Dialect: dialect(), Find: find(), Connect: connect, Migrate: migrate,
		Transactions: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
	}
}

// Engine returns the engine for a registry.
func Engine() store.Engine { return kind().Engine() }

// Open opens the database for jobs, workers and messages, which must exist, and
// brings its schema up to date.
func Open(ctx context.Context, settings dbserver.Settings, options Options) (*sqlstore.State, error) {
	return kind().OpenState(ctx, settings, options)
}

// OpenIdentities opens the database for identities. It may be the same one.
func OpenIdentities(ctx context.Context, settings dbserver.Settings, options Options) (*sqlstore.Identities, error) {
	return kind().OpenIdentities(ctx, settings, options)
}

// connect returns a pool of connections; none is made yet.
func connect(settings dbserver.Settings) (*sql.DB, error) {
	// Made of its parts rather than of a string, which errors would quote.
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL's own settings in the environment: %w", err)
	}
	password, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	config.TLSConfig, err = settings.TLS()
	if err != nil {
		return nil, err
	}
	config.Fallbacks = nil
	config.Host, config.Port = settings.Host, uint16(settings.Port) //nolint:gosec // at most 65535
	config.User, config.Password, config.Database = settings.User, password.Reveal(), settings.Database
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "dffmpeg"
	config.RuntimeParams["client_encoding"] = "UTF8"
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(prepare))
	pool.SetMaxOpenConns(settings.MaxConnections)
	pool.SetMaxIdleConns(settings.MaxConnections)
	pool.SetConnMaxIdleTime(idleTime)
	return pool, nil
}

// prepare tells a new connection how we work. It is not said while connecting,
// because connection poolers refuse settings there that they do not know.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("SET idle_in_transaction_session_timeout = %d", sqlstore.MostIdle.Milliseconds()))
	return err
}
