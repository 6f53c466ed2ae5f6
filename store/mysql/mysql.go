// Package mysql is the engine for MariaDB 10.11 and later, Galera clusters of
// it, and MySQL 8. Every operation is a transaction of its own at the level READ
// COMMITTED, which locks the row that it is about to change; one that deadlocks,
// or that another node of the cluster was faster than, is executed again. On a
// cluster, reads wait until the node has what was committed before on any other.
//
// Opening starts no goroutine but those of the driver and database/sql, which
// Close ends.
package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

const (
	// connectTimeout bounds how long a connection takes to be made.
	connectTimeout = 10 * time.Second
	// ioTimeout bounds how long the server may be silent within a query.
	ioTimeout = time.Minute
	// maxPacket bounds a query with its arguments, if the server does not.
	maxPacket = 64 << 20
	// idleTime is how long a connection is kept that nobody uses: less than
	// firewalls and the server do.
	idleTime = 5 * time.Minute
)

// DefaultSettings returns the engine's defaults.
func DefaultSettings() dbserver.Settings { return dbserver.Defaults(3306, "root") }

// Options is what the engine needs besides its settings.
type Options = dbserver.Options

// kind is what this engine does differently from others with a server.
func kind() dbserver.Kind {
	return dbserver.Kind{
		Name: "mysql", Title: "MySQL", Defaults: DefaultSettings(), Migrations: migrations,
		Dialect: dialect(), Find: find(), Connect: connect, Migrate: migrate,
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
	password, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.TLS, err = settings.TLS()
	if err != nil {
		return nil, err
	}
	config.Net, config.Addr = "tcp", settings.Address()
	if settings.Socket() {
		config.Net, config.Addr = "unix", settings.Host
	}
	config.User, config.Passwd, config.DBName = settings.User, password.Reveal(), settings.Database
	config.Timeout, config.ReadTimeout, config.WriteTimeout = connectTimeout, ioTimeout, ioTimeout
	config.MaxAllowedPacket = maxPacket
	// A compare-and-set counts the rows it found, not those it changed.
	config.ClientFoundRows = true
	// One round trip for a query instead of three; the driver quotes, and knows
	// the connection's character set.
	config.InterpolateParams = true
	config.Logger = &mysql.NopLogger{} // its text could quote what it should not; errors say the same
	config.Collation = "utf8mb4_bin"   // and with it the character set
	config.Params = map[string]string{
		"sql_mode": "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("settings of the database server: %w", cause(err))
	}
	pool := sql.OpenDB(prepared{connector})
	pool.SetMaxOpenConns(settings.MaxConnections)
	pool.SetMaxIdleConns(settings.MaxConnections)
	pool.SetConnMaxIdleTime(idleTime)
	return pool, nil
}

// prepared is a connector whose connections are told how we work.
type prepared struct{ driver.Connector }

// Connect implements driver.Connector.
func (p prepared) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// prepare sets what has other names on MariaDB and MySQL, or exists on a cluster
// only.
func prepare(ctx context.Context, conn driver.Conn) error {
	session, ok := conn.(interface {
		driver.ExecerContext
		driver.QueryerContext
	})
	if !ok {
		return errors.New("the driver's connections cannot be told how we work")
	}
	if _, err := session.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		return err
	}
	// The comment is for MariaDB alone; MySQL has no such setting.
	idle := fmt.Sprintf("SET @dffmpeg = 1 /*M!100300 , SESSION idle_transaction_timeout = %d */", int(sqlstore.MostIdle.Seconds()))
	if _, err := session.ExecContext(ctx, idle, nil); err != nil {
		return err
	}
	rows, err := session.QueryContext(ctx, "SHOW VARIABLES WHERE Variable_name = 'wsrep_on' AND Value = 'ON'", nil)
	if err != nil {
		return err
	}
	cluster := rows.Next(make([]driver.Value, len(rows.Columns()))) == nil
	if err := rows.Close(); err != nil || !cluster {
		return err
	}
	// 1: reads wait. https://galeracluster.com/library/documentation/mysql-wsrep-options.html
	_, err = session.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1", nil)
	return err
}
