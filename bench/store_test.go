package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/mysql"
	"github.com/dffmpeg/dffmpeg/store/postgres"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// openStore opens a new store in tables of these names.
type openStore func(b *testing.B, tables store.Tables) opened

// engine is one that is measured.
type engine struct {
	name string
	open openStore
}

func engines() []engine {
	return []engine{{"SQLite", openSQLite}, {"MariaDB", openMariaDB}, {"PostgreSQL", openPostgreSQL}}
}

// opened is a new store, and a pool of connections to its database beside it.
type opened struct {
	state store.State
	pool  *sql.DB
	// prepare is executed before the history is filled in, and settle after it.
	prepare, settle []string
	drop            string // begins a statement that removes a table; "" for a store that is a file
	// names makes statements for the store's tables.
	names sqlstore.Dialect
}

// openEmpty opens a store in tables of its own, and removes them when the benchmark ends.
func openEmpty(b *testing.B, open openStore) opened {
	b.Helper()
	prefix := "b" + strings.ToLower(rand.Text()[:12])
	tables := store.Tables{
		Identities: prefix + "_identities", Jobs: prefix + "_jobs", Messages: prefix + "_messages", Workers: prefix + "_workers",
	}
	o := open(b, tables)
	o.names = sqlstore.Dialect{Rebind: func(query string) string { return query }}.WithTables(tables)
	b.Cleanup(func() {
		errs := []error{o.state.Close()}
		if o.drop != "" {
			for _, table := range []string{"_jobs", "_jobs_output", "_jobs_coordinators", "_jobs_coordinators_leases", "_messages", "_workers", "_workers_profiles"} {
				_, err := o.pool.ExecContext(context.Background(), o.drop+prefix+table) // the benchmark's has ended
				errs = append(errs, err)
			}
			_, err := o.pool.ExecContext(context.Background(), "DELETE FROM dffmpeg_schema WHERE part LIKE '"+prefix+"%'") // the same
			errs = append(errs, err)
		}
		if err := errors.Join(append(errs, o.pool.Close())...); err != nil {
			b.Error(err)
		}
	})
	return o
}

// execute executes statements on one connection.
func (o opened) execute(b *testing.B, conn *sql.Conn, statements ...string) {
	b.Helper()
	for _, statement := range statements {
		if _, err := conn.ExecContext(b.Context(), o.names.Rebind(statement)); err != nil {
			b.Fatalf("%.300s: %v", statement, err)
		}
	}
}

func openSQLite(b *testing.B, tables store.Tables) opened {
	b.Helper()
	settings := sqlite.DefaultSettings()
	settings.Path = filepath.Join(b.TempDir(), "state.db")
	state, err := sqlite.Open(b.Context(), settings, sqlite.Options{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		b.Fatal(err)
	}
	return opened{state: state, pool: pool(b, "sqlite", settings.Path), settle: []string{"PRAGMA wal_checkpoint(TRUNCATE)"}}
}

func openMariaDB(b *testing.B, tables store.Tables) opened {
	b.Helper()
	settings := testservices.Database(b, "MARIADB", mysql.DefaultSettings())
	state, err := mysql.Open(b.Context(), settings, mysql.Options{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		b.Fatal(err)
	}
	config := mysqldriver.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", settings.Address(), settings.Database
	config.User, config.Passwd, config.Collation = settings.User, settings.Password.Reveal(), "utf8mb4_bin"
	return opened{
		state: state, pool: pool(b, "mysql", config.FormatDSN()), drop: "DROP TABLE IF EXISTS ",
		// Without these checks an empty table is filled in bulk.
		prepare: []string{"SET SESSION unique_checks = 0, foreign_key_checks = 0"},
		settle:  []string{"SET SESSION unique_checks = 1, foreign_key_checks = 1", "ANALYZE TABLE dffmpeg_jobs"},
	}
}

func openPostgreSQL(b *testing.B, tables store.Tables) opened {
	b.Helper()
	settings := testservices.Database(b, "POSTGRES", postgres.DefaultSettings())
	state, err := postgres.Open(b.Context(), settings, postgres.Options{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		b.Fatal(err)
	}
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(settings.User, settings.Password.Reveal()),
		Host: net.JoinHostPort(settings.Host, strconv.Itoa(settings.Port)), Path: settings.Database,
	}
	return opened{
		state: state, pool: pool(b, "pgx", address.String()), drop: "DROP TABLE IF EXISTS ",
		settle: []string{"VACUUM ANALYZE dffmpeg_jobs", "CHECKPOINT"},
	}
}

func pool(b *testing.B, driver, source string) *sql.DB {
	b.Helper()
	p, err := sql.Open(driver, source)
	if err != nil {
		b.Fatal(err)
	}
	return p
}
