package mysql

import (
	_ "embed"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

//go:embed testdata/before_queue.sql
var beforeQueue string

// TestUpgrade: a database of the program before there was a queue keeps its jobs.
func TestUpgrade(t *testing.T) {
	settings, names := server(t, "MARIADB"), tables(t, "MARIADB")
	pool, err := connect(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := migrate(t.Context(), pool, storetest.SchemaUntil(t, migrations, storetest.BeforeQueue, names)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range storetest.Statements(beforeQueue, names) {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	state, err := Open(t.Context(), settings, Options{Tables: names, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	storetest.RunUpgraded(t, state, func(statement string) {
		if _, err := pool.ExecContext(t.Context(), dialect().WithTables(names).Rebind(statement)); err != nil {
			t.Fatal(err)
		}
	})
}
