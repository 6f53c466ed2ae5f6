package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
	"github.com/dffmpeg/dffmpeg/store/storetest/crash"
)

// openWith opens the store of a file, with a writer that is what wrap makes of
// the engine's.
func openWith(ctx context.Context, path string, wrap func(sqlstore.Writer) sqlstore.Writer) (store.State, error) {
	config, err := connect(ctx, at(path), options(), sqlstore.StateSchema, dialect())
	if err != nil {
		return nil, err
	}
	if wrap != nil {
		config.Writer = wrap(config.Writer)
	}
	return &sqlstore.State{DB: sqlstore.New(config)}, nil
}

// TestKilledProcess: what the store confirmed is there after its process was
// killed in the middle of its work, nothing is half there, and the file is whole.
func TestKilledProcess(t *testing.T) {
	crash.RunProcess(t, openWith, func(t *testing.T, path string) {
		t.Helper()
		if got := answer(t, at(path), "PRAGMA integrity_check"); got != "ok" {
			t.Fatalf("the file: %s", got)
		}
	})
}

// TestPragmas: the setting reaches the connections, which use a log, and no
// files for what may have to be undone.
func TestPragmas(t *testing.T) {
	for setting, want := range map[string]string{"normal": "1", "full": "2"} {
		settings := Settings{Path: filepath.Join(t.TempDir(), "state.db"), Synchronous: setting}
		if got := answer(t, settings, "PRAGMA synchronous"); got != want {
			t.Errorf("synchronous is %s with %s, want %s", got, setting, want)
		}
		if got := answer(t, settings, "PRAGMA journal_mode"); got != "wal" {
			t.Errorf("journal_mode is %s", got)
		}
		if got := answer(t, settings, "PRAGMA temp_store"); got != "2" {
			t.Errorf("temp_store is %s, want 2, memory", got)
		}
	}
}

// answer returns what a connection of the engine answers.
func answer(t *testing.T, settings Settings, query string) string {
	t.Helper()
	db, err := sql.Open("sqlite", source(settings, writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text string
	if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
