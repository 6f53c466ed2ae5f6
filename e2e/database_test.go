package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/admincmd"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

// serverSection returns a configuration with jobs on a server, encrypted, by a
// password from a file, in tables of their own, and identities in a
// file.
func serverSection(t *testing.T, engine, service string) string {
	t.Helper()
	s := testservices.Database(t, service, dbserver.Settings{Database: "dffmpeg"})
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(s.Password.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	prefix := "e2e_" + strings.ToLower(rand.Text()[:10])
	return fmt.Sprintf(`
defaults: {engine: %s}
engine_defaults:
  sqlite: {path: identities.db}
  %s: {host: %s, port: %d, user: %s, database: %s, password_file: %s, ssl_ca: %s}
repositories:
  auth: {engine: sqlite}
  jobs: {tablename: %s_jobs}
  messages: {tablename: %s_messages}
  workers: {tablename: %s_workers}
`, engine, engine, s.Host, s.Port, s.User, s.Database, password, testservices.URL(t, "CA"), prefix, prefix, prefix)
}

// TestEveryDatabase: a job through each engine; then a backup, taken while the
// coordinator runs, on which another coordinator finds the same.
func TestEveryDatabase(t *testing.T) {
	for name, section := range map[string]func(t *testing.T) string{
		"sqlite":   func(*testing.T) string { return "engine_defaults: {sqlite: {path: state.db}}" },
		"mariadb":  func(t *testing.T) string { return serverSection(t, "mysql", "MARIADB") },
		"postgres": func(t *testing.T) string { return serverSection(t, "postgres", "POSTGRES") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterOn(t, section(t))
			_, media := c.startWorker("w1")
			makeClip(t, filepath.Join(media, "in.mkv"), 1)
			p := c.proxy("ffprobe", "-show_format", filepath.Join(c.media(), "in.mkv")) // its stderr is kept
			if code := p.exitCode(); code != 0 || !strings.Contains(p.stdout.text(), "format_name=matroska") {
				t.Fatalf("ffprobe: exit code %d: %q %q", code, p.stdout.text(), p.stderr.text())
			}
			job := c.onlyJob()
			var parts []admincmd.DatabasePart
			if err := json.Unmarshal([]byte(succeed(t, c.admin("db", "status", "--json"))), &parts); err != nil {
				t.Fatal(err)
			}
			rows := make(map[string]int64)
			for _, part := range parts {
				if part.Version != part.Known || part.Version == 0 {
					t.Errorf("the schema of %s has version %d of %d", part.Part, part.Version, part.Known)
				}
				for _, table := range part.Tables {
					rows[table.Table] = table.Rows
				}
			}
			if rows["dffmpeg_jobs"] != 1 || rows["dffmpeg_identities"] != 5 || rows["dffmpeg_jobs_output"] == 0 {
				t.Errorf("db status counts %v, want 1 job with output and 5 identities", rows)
			}
			read := func() string {
				logs := c.admin("job", "logs", job.ID)
				return succeed(t, logs) + logs.stderr.text()
			}
			logs := read()

			succeed(t, c.admin("db", "backup", filepath.Join(c.dir, "backup.db")))
			c.coordinator.signal(syscall.SIGTERM)
			<-c.coordinator.exited
			c.configure("engine_defaults: {sqlite: {path: backup.db}}")
			c.startCoordinator()
			if diff := cmp.Diff([]dffmpeg.Job{job}, c.jobs()); diff != "" {
				t.Errorf("jobs in the backup (-before +after):\n%s", diff)
			}
			if got := read(); got != logs || !strings.Contains(logs, "matroska") {
				t.Errorf("output in the backup is %q, was %q", got, logs)
			}
		})
	}
}
