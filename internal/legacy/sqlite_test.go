package legacy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// files returns what is in a file's directory, and the file's content.
func files(t *testing.T, path string) ([]string, string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return names, string(content)
}

func TestSQLiteIsOnlyRead(t *testing.T) {
	for name, options := range map[string]string{"journal": "", "write-ahead log": "?_pragma=journal_mode(wal)"} {
		t.Run(name, func(t *testing.T) {
			o, path := sqliteFile(t, options)
			o.fill()
			if err := o.pool.Close(); err != nil {
				t.Fatal(err)
			}
			names, content := files(t, path)
			if !slices.Equal(names, []string{filepath.Base(path)}) {
				t.Fatalf("the old database is %q", names)
			}
			d, err := OpenSQLite(t.Context(), path, Tables{})
			if err != nil {
				t.Fatal(err)
			}
			f := newTarget(t)
			checkFilled(t, f, f.imported(t, d, Options{}))
			if _, err := d.pool.ExecContext(t.Context(), "DELETE FROM jobs"); err == nil {
				t.Error("it can be written")
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if after, same := files(t, path); same != content || !slices.Equal(after, names) {
				t.Errorf("reading changed the file, or left something beside it: %q", after)
			}
		})
	}
}

// TestWhileItRuns reads what 0.4 committed, and does not keep it from writing.
func TestWhileItRuns(t *testing.T) {
	for name, options := range map[string]string{"journal": "", "write-ahead log": "?_pragma=journal_mode(wal)"} {
		t.Run(name, func(t *testing.T) {
			o, path := sqliteFile(t, options)
			o.pool.SetMaxOpenConns(1)
			o.fill()
			o.exec("BEGIN")
			o.job(firstJob[:25]+"Z", "completed", nil)
			d, f := opened(t, path), newTarget(t)
			checkFilled(t, f, f.imported(t, d, Options{}))
			o.exec("COMMIT")
			if report := f.imported(t, d, Options{}); report.Jobs != (Counts{Added: 1, Existing: 2}) {
				t.Errorf("after a commit: %+v", report.Jobs)
			}
		})
	}
}

func TestOtherNamesOfTables(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.fill()
	o.exec(`ALTER TABLE AUTH RENAME TO "who ""is"" it"`)
	o.exec(`ALTER TABLE JOBS RENAME TO history`)
	d, err := OpenSQLite(t.Context(), path, Tables{Auth: `who "is" it`, Jobs: "history"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f := newTarget(t)
	checkFilled(t, f, f.imported(t, d, Options{}))
}

// TestDeclaredTypes: what a column is declared as does not change what is read.
func TestDeclaredTypes(t *testing.T) {
	o, path := sqliteFile(t, "")
	o.exec("DROP TABLE JOBS")
	o.exec(`CREATE TABLE JOBS (job_id, requester_id BLOB, binary_name JSON, arguments JSON, status, exit_code TEXT, worker_id,
		created_at DATETIME, last_update DATE, monitor BOOLEAN)`)
	o.exec(`INSERT INTO JOBS VALUES (?, ?, 'ffmpeg', '[]', 'failed', '3', NULL, '2024-03-01T12:00:00.250000+00:00', '2024-03-01T12:00:01+00:00', 'True')`,
		firstJob, []byte("jellyfin"))
	f := newTarget(t)
	if report := f.imported(t, opened(t, path), Options{}); report.Jobs != (Counts{Added: 1}) {
		t.Fatalf("%+v", report)
	}
	job, err := f.state.Job(t.Context(), firstJob)
	if err != nil {
		t.Fatal(err)
	}
	if job.RequesterID != "jellyfin" || *job.ExitCode != 3 || !job.Monitor ||
		job.CreatedAt.String() != "2024-03-01 12:00:00.25 +0000 UTC" || job.LastUpdate.String() != "2024-03-01 12:00:01 +0000 UTC" {
		t.Errorf("%+v", job)
	}
}

func TestNotADatabaseOfThatKind(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, part := range map[string]string{
		filepath.Join(dir, "none"): "there is no such file",
		dir:                        "it is not a file",
		write("empty", ""):         "or an empty one",
		write("text", strings.Repeat("no database ", 99)): "is it a SQLite database",
	} {
		d, err := OpenSQLite(t.Context(), path, Tables{})
		if err == nil {
			t.Errorf("%s was opened", path)
			_ = d.Close()
			continue
		}
		if !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	o, path := sqliteFile(t, "")
	o.exec("DROP TABLE AUTH")
	o.exec("ALTER TABLE JOBS DROP COLUMN requester_id")
	d, f := opened(t, path), newTarget(t)
	for part, source := range map[string]Source{
		"has no table auth":                         {Identities: d},
		"the table jobs has no column requester_id": {Jobs: d},
	} {
		_, err := Import(t.Context(), source, f.Target, Options{})
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if jobs, err := f.state.Active(t.Context(), 0, dffmpeg.JobStatuses()...); err != nil || len(jobs) > 0 {
		t.Errorf("imported all the same: %+v, %v", jobs, err)
	}
}
