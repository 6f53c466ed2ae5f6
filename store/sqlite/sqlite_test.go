package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
	"github.com/dffmpeg/dffmpeg/store/storetest"
	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// at returns settings of a database in a file.
func at(path string) Settings { return Settings{Path: path, Synchronous: "normal"} }

// options returns the options of an ordinary program.
func options() Options { return Options{Now: time.Now, IDs: dffmpeg.NewIDSource()} }

// opener returns how the suite opens an empty store, of this dialect.
func opener(dialect sqlstore.Dialect) storetest.Open {
	return func(t *testing.T, o storetest.Options) store.State {
		t.Helper()
		db, err := open(t.Context(), at(filepath.Join(t.TempDir(), "state.db")), Options{Now: o.Now, IDs: o.IDs}, sqlstore.StateSchema, dialect)
		if err != nil {
			t.Fatal(err)
		}
		return &sqlstore.State{DB: db}
	}
}

// TestState runs the suite, and then reads the plans of all queries that it
// caused.
func TestState(t *testing.T) {
	var asked history.Recorder
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, opener(asked.Dialect(dialect(), store.Tables{})), storetest.Features{InjectedClock: true})
	})
	t.Run("plans", func(t *testing.T) { checkPlans(t, &asked) })
}

func TestStateLikeTheReference(t *testing.T) {
	storetest.RunModel(t, opener(dialect()), storetest.Features{InjectedClock: true})
}

func TestIdentities(t *testing.T) {
	storetest.RunIdentities(t, func(t *testing.T) store.Identities {
		t.Helper()
		identities, err := OpenIdentities(t.Context(), at(filepath.Join(t.TempDir(), "auth.db")), options())
		if err != nil {
			t.Fatal(err)
		}
		return identities
	})
}

func TestStateSurvivesReopening(t *testing.T) {
	settings := at(filepath.Join(t.TempDir(), "state.db"))
	state, err := Open(t.Context(), settings, options())
	if err != nil {
		t.Fatal(err)
	}
	change, err := state.Submit(t.Context(), dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"})
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	if state, err = Open(t.Context(), settings, options()); err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if job, err := state.Job(t.Context(), change.Job.ID); err != nil || job.BinaryName != "ffmpeg" {
		t.Errorf("after reopening: %+v, %v", job, err)
	}
	info, err := os.Stat(settings.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v (%v), want 0600: it holds keys", info.Mode(), err)
	}
}

// TestOddNames: a file has the very name that the configuration says, whatever
// that would mean in a data source name.
func TestOddNames(t *testing.T) {
	for _, name := range []string{"with space.db", "who?.db", "50%41.db", "#1.db", "a&_pragma=x.db"} {
		dir := t.TempDir()
		state, err := Open(t.Context(), at(filepath.Join(dir, name)), options())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := state.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 || files[0].Name() != name {
			t.Errorf("%s: the directory holds %v (%v)", name, files, err)
		}
	}
}

// execute runs SQL on a file, as another program would.
func execute(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func TestOldDatabaseIsRefused(t *testing.T) {
	for _, statements := range []string{
		"CREATE TABLE auth (client_id TEXT); CREATE TABLE jobs (job_id TEXT); CREATE TABLE workers (worker_id TEXT)",
		"CREATE TABLE auth (client_id TEXT, role TEXT, hmac_key TEXT)", // each kind in a file of its own
		"CREATE TABLE messages (message_id TEXT, recipient_id TEXT)",
	} {
		path := filepath.Join(t.TempDir(), "dffmpeg.db")
		execute(t, path, statements)
		_, err := Open(t.Context(), at(path), options())
		if !errors.Is(err, sqlstore.ErrOldDatabase) || !strings.Contains(err.Error(), "dffmpeg admin db import") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: Open = %v, want ErrOldDatabase with the file and the command", statements, err)
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, "UPDATE dffmpeg_schema SET version = 1000")
	if _, err := Open(t.Context(), at(path), options()); err == nil || !strings.Contains(err.Error(), "version 1000") {
		t.Errorf("Open = %v, want a refusal that names the version", err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink("nowhere.db", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing", "state.db"): "the directory",
		dir:  "is not a file",
		link: "is a link to a file that does not exist",
		text: "is it a SQLite database?",
	} {
		if _, err := Open(t.Context(), at(path), options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s) = %v, want …%s…", path, err, want)
		}
	}
}

// TestStartsTogether: several programs may open a new database at once.
func TestStartsTogether(t *testing.T) {
	settings := at(filepath.Join(t.TempDir(), "state.db"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			state, err := Open(context.Background(), settings, options())
			if err != nil {
				t.Error(err)
				return
			}
			if err := state.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
