package sqlite

import (
	"database/sql"
	_ "embed"
	"path/filepath"
	"testing"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

//go:embed testdata/before_queue.sql
var beforeQueue string

// TestUpgrade: a database of the program before there was a queue keeps its jobs.
func TestUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	pool, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := migrate(t.Context(), pool, storetest.SchemaUntil(t, migrations, storetest.BeforeQueue, store.Tables{})); err != nil {
		t.Fatal(err)
	}
	for _, statement := range storetest.Statements(beforeQueue, store.Tables{Jobs: "dffmpeg_jobs", Messages: "dffmpeg_messages", Workers: "dffmpeg_workers"}) {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	storetest.RunUpgraded(t, state, func(statement string) {
		if _, err := pool.ExecContext(t.Context(), dialect().WithTables(store.Tables{}).Rebind(statement)); err != nil {
			t.Fatal(err)
		}
	})
}
