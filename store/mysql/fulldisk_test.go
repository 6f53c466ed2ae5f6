package mysql

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

// TestFullDisk: the disk of this database has a few megabytes.
func TestFullDisk(t *testing.T) {
	settings := server(t, "MARIADB_CRASH")
	settings.Database = "small"
	pool, err := connect(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	execute := func(statement string) {
		t.Helper()
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	// What takes up the room that is missing.
	execute("DROP TABLE IF EXISTS ballast")
	execute("CREATE TABLE ballast AS SELECT REPEAT('x', 4000) AS text FROM seq_1_to_1200")
	state, err := Open(t.Context(), settings, Options{Tables: tablesIn(t, settings), Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		t.Fatal(err)
	}
	storetest.RunFullDisk(t, state, func() { execute("DROP TABLE ballast") })
}
