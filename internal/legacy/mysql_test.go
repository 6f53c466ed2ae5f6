package legacy

import (
	"crypto/rand"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

// server returns where the server for tests is.
func server(t *testing.T) dbserver.Settings {
	t.Helper()
	return testservices.Database(t, "MARIADB", dbserver.Defaults(3306, "root"))
}

// onServer returns empty tables of 0.4 on a server.
func onServer(t *testing.T) *old {
	t.Helper()
	config, err := mysqlConfig(server(t))
	if err != nil {
		t.Fatal(err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		t.Fatal(err)
	}
	prefix := "t" + strings.ToLower(rand.Text()[:12])
	o := &old{t: t, pool: sql.OpenDB(connector), tables: Tables{Auth: prefix + "_auth", Jobs: prefix + "_jobs"}}
	t.Cleanup(func() {
		for _, table := range []string{o.tables.Auth, o.tables.Jobs} {
			if _, err := o.pool.Exec("DROP TABLE IF EXISTS " + table); err != nil { //nolint:noctx // the test's has ended
				t.Error(err)
			}
		}
		if err := o.pool.Close(); err != nil {
			t.Error(err)
		}
	})
	o.createTables()
	return o
}

func openedOnServer(t *testing.T, o *old) *Database {
	t.Helper()
	d, err := OpenMySQL(t.Context(), server(t), o.tables)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestImportFromMySQL(t *testing.T) {
	o := onServer(t)
	o.fill()
	d, f := openedOnServer(t, o), newTarget(t)
	checkFilled(t, f, f.imported(t, d, Options{}))
	if report := f.imported(t, d, Options{SetRoles: true}); report.Jobs != (Counts{Existing: 2}) || report.Identities != (Counts{Existing: 2}) || !report.Roles[0].Set {
		t.Errorf("again: %+v", report)
	}
}

// TestMySQLTimesAreWallClocksOfUTC: 0.4 writes a UTC wall clock in the zone that
// the server gives every session, so this is the one to read it in.
func TestMySQLTimesAreWallClocksOfUTC(t *testing.T) {
	o := onServer(t)
	o.job(firstJob, "completed", map[string]any{"created_at": "2024-07-01 23:30:00"})
	d := openedOnServer(t, o)
	zones, err := d.list(t.Context(), "SELECT @@session.time_zone UNION ALL SELECT @@global.time_zone")
	if err != nil || len(zones) != 2 || zones[0] != zones[1] {
		t.Errorf("the session's and the server's time zones are %q, want the same (%v)", zones, err)
	}
	f := newTarget(t)
	f.imported(t, d, Options{})
	job, err := f.state.Job(t.Context(), firstJob)
	if want := time.Date(2024, 7, 1, 23, 30, 0, 0, time.UTC); err != nil || job.CreatedAt != want {
		t.Errorf("created at %s, want %s (%v)", job.CreatedAt, want, err)
	}
}

// TestMySQLTypes: columns as somebody else may have made them.
func TestMySQLTypes(t *testing.T) {
	o := onServer(t)
	o.job(firstJob, "completed", nil)
	o.exec("ALTER TABLE JOBS MODIFY arguments JSON, MODIFY requester_id VARBINARY(255), MODIFY binary_name VARCHAR(255) CHARACTER SET latin1, MODIFY created_at DATETIME(6)")
	o.exec("UPDATE JOBS SET binary_name = 'é', created_at = '2024-03-01 12:00:00.25'")
	o.job(secondJob, "failed", nil)
	f := newTarget(t)
	if report := f.imported(t, openedOnServer(t, o), Options{}); report.Jobs != (Counts{Added: 2}) {
		t.Fatalf("%+v", report)
	}
	job, err := f.state.Job(t.Context(), firstJob)
	if err != nil {
		t.Fatal(err)
	}
	if job.BinaryName != "é" || job.RequesterID != "jellyfin" || job.CreatedAt.String() != "2024-03-01 12:00:00.25 +0000 UTC" || job.Arguments[1] != "$Media/é.mkv" {
		t.Errorf("%+v", job)
	}
}

func TestMySQLMistakes(t *testing.T) {
	settings := server(t)
	settings.Database = "nowhere"
	if d, err := OpenMySQL(t.Context(), settings, Tables{}); err == nil || !strings.Contains(err.Error(), "0.4 database nowhere at "+settings.Address()) {
		t.Errorf("a database that does not exist: %v, %v", d, err)
	}
	d, err := OpenMySQL(t.Context(), server(t), Tables{Auth: "none", Jobs: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := Import(t.Context(), Source{Jobs: d}, newTarget(t).Target, Options{}); err == nil || !strings.Contains(err.Error(), "has no table none") {
		t.Errorf("a table that does not exist: %v", err)
	}
}
