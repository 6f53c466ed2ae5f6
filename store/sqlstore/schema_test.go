package sqlstore

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg/store"
)

func TestMigrationsAreNumbered(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"a gap":     {"migrations/state/0001_a.sql": {}, "migrations/state/0003_c.sql": {}},
		"no number": {"migrations/state/first.sql": {}},
	} {
		if _, err := StateSchema(files, store.Tables{}); err == nil || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("%s: %v, want that it is out of order", name, err)
		}
	}
	if _, err := StateSchema(fstest.MapFS{}, store.Tables{}); err == nil {
		t.Error("a schema without a step was accepted")
	}
}

func TestStatementsAreSplit(t *testing.T) {
	got := split("-- a; comment;\nCREATE TABLE a (\n    n INTEGER, -- what; for\n    m TEXT\n);\n\n  -- more\nINSERT INTO a VALUES (1, ';');\nUPDATE a SET n = 2")
	want := []string{
		"CREATE TABLE a (\n    n INTEGER, -- what; for\n    m TEXT\n)",
		"INSERT INTO a VALUES (1, ';')",
		"UPDATE a SET n = 2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}

// TestTablesHaveTheConfiguredNames, and so has what is derived from them.
func TestTablesHaveTheConfiguredNames(t *testing.T) {
	d := Dialect{Rebind: strings.ToUpper}.WithTables(store.Tables{Jobs: "film_jobs", Identities: "people"})
	got := d.Rebind("SELECT 1 FROM dffmpeg_jobs, dffmpeg_jobs_output, dffmpeg_identities, dffmpeg_workers, dffmpeg_messages")
	want := "SELECT 1 FROM FILM_JOBS, FILM_JOBS_OUTPUT, PEOPLE, DFFMPEG_WORKERS, DFFMPEG_MESSAGES"
	if got != want {
		t.Errorf("query is %q, want %q", got, want)
	}
}
