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
	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// aged is a store with a history.
type aged struct {
	store.State
	took time.Duration // by the jobs that were timed
}

// opened is a new store, and a pool of connections to its database beside it.
type opened struct {
	state store.State
	pool  *sql.DB
	// prepare is executed before the history is filled in, and settle after it.
	prepare, settle []string
	drop            string // begins a statement that removes a table; "" for a store that is a file
}

// BenchmarkHistory measures how many jobs a second go from submission to their
// end with 0, a hundred thousand and a million jobs in the tables that have ended
// before; by turns, so that whatever else the machine does slows all of them.
// Ratios say how many times as long a job takes as with none.
func BenchmarkHistory(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchHistory(b, openSQLite) })
	b.Run("MariaDB", func(b *testing.B) { benchHistory(b, openMariaDB) })
	b.Run("PostgreSQL", func(b *testing.B) { benchHistory(b, openPostgreSQL) })
}

func benchHistory(b *testing.B, open func(b *testing.B, tables store.Tables) opened) {
	var stores []*aged
	for _, jobs := range []int{0, 100_000, 1_000_000} {
		stores = append(stores, age(b, open, jobs))
	}
	for range 100 { // warm
		for _, s := range stores {
			s.life(b)
		}
	}
	for _, s := range stores {
		s.took = 0
	}
	for b.Loop() {
		for _, s := range stores {
			s.life(b)
		}
	}
	for i, name := range []string{"0", "100k", "1M"} {
		b.ReportMetric(float64(b.N)/stores[i].took.Seconds(), name+"-jobs/s")
		if i > 0 {
			b.ReportMetric(float64(stores[i].took)/float64(stores[0].took), name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all says nothing
}

// age opens a store in tables of its own and gives it a history.
func age(b *testing.B, open func(b *testing.B, tables store.Tables) opened, jobs int) *aged {
	b.Helper()
	prefix := "b" + strings.ToLower(rand.Text()[:12])
	tables := store.Tables{
		Identities: prefix + "_identities", Jobs: prefix + "_jobs", Messages: prefix + "_messages", Workers: prefix + "_workers",
	}
	o := open(b, tables)
	b.Cleanup(func() {
		errs := []error{o.state.Close()}
		if o.drop != "" {
			for _, table := range []string{"_jobs", "_jobs_output", "_jobs_coordinators", "_jobs_coordinators_leases", "_messages", "_workers"} {
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
	o.fill(b, tables, jobs)
	if err := history.Present(b.Context(), o.state, 20); err != nil {
		b.Fatal(err)
	}
	return &aged{State: o.state}
}

// fill fills in the history, on one connection.
func (o opened) fill(b *testing.B, tables store.Tables, jobs int) {
	b.Helper()
	conn, err := o.pool.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	names := sqlstore.Dialect{Rebind: func(query string) string { return query }}.WithTables(tables)
	execute := func(statements []string) {
		for _, statement := range statements {
			if _, err := conn.ExecContext(b.Context(), names.Rebind(statement)); err != nil {
				b.Fatalf("%s: %v", statement, err)
			}
		}
	}
	began := time.Now()
	execute(o.prepare)
	if jobs > 0 {
		if err := history.Fill(b.Context(), conn, names.Rebind, history.Size{Jobs: jobs}); err != nil {
			b.Fatal(err)
		}
	}
	execute(o.settle)
	b.Logf("%d jobs filled in within %s", jobs, time.Since(began).Round(time.Millisecond))
}

// life is a job from submission to its end, in four operations: submitted,
// assigned, accepted and completed.
func (s *aged) life(b *testing.B) {
	b.Helper()
	ctx, by := b.Context(), store.By{WorkerID: history.Worker}
	began := time.Now()
	change, err := s.Submit(ctx, dffmpeg.Job{RequesterID: "client-1", BinaryName: "ffmpeg", Arguments: []string{"-i", "$In/a.mkv", "$Out/a.mp4"}})
	if err != nil {
		b.Fatal(err)
	}
	id := change.Job.ID
	_, claimed := s.Claim(ctx, id, history.Worker)
	_, accepted := s.Accept(ctx, id, by)
	_, finished := s.Finish(ctx, id, by, store.Result{Status: dffmpeg.JobCompleted})
	s.took += time.Since(began)
	if err := errors.Join(claimed, accepted, finished); err != nil {
		b.Fatal(err)
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
