package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// steps returns a schema of these statements.
func steps(t *testing.T, statements ...string) sqlstore.Schema {
	t.Helper()
	files := make(fstest.MapFS)
	for i, s := range statements {
		files["migrations/state/000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte(s)}
	}
	schema, err := sqlstore.StateSchema(files, store.Tables{})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestMigrations: what is missing is executed once and in order; a step that
// fails leaves nothing of itself and those before it, and the next start
// succeeds.
func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	pool, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	first := "CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1)"
	if err := migrate(t.Context(), pool, steps(t, first)); err != nil {
		t.Fatal(err)
	}
	err = migrate(t.Context(), pool, steps(t, first, "UPDATE a SET n = n + 1", "UPDATE a SET n = n * 10;\nUPDATE missing SET n = 1"))
	if err == nil || !strings.Contains(err.Error(), "0003_step.sql") {
		t.Errorf("a step that fails: %v, want its name", err)
	}
	if n := number(t, path); n != 1 {
		t.Errorf("after a step that failed: %d, want 1", n)
	}
	for range 2 { // the second time nothing is missing
		if err := migrate(t.Context(), pool, steps(t, first, "UPDATE a SET n = n + 1", "UPDATE a SET n = n * 10")); err != nil {
			t.Fatal(err)
		}
		if n := number(t, path); n != 20 {
			t.Errorf("after all steps: %d, want 20", n)
		}
	}
	if err := migrate(t.Context(), pool, steps(t, first)); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("an older program: %v, want a refusal that names the version", err)
	}
}

// TestReadOnlyIsRefused at the start, even when nothing is to be migrated; but
// nobody waits for a program that writes.
func TestReadOnlyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	writer, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	first := steps(t, "CREATE TABLE a (n INTEGER)")
	if err := migrate(t.Context(), writer, first); err != nil {
		t.Fatal(err)
	}
	reader, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := migrate(t.Context(), reader, first); primary(err) != sqlite3.SQLITE_READONLY {
		t.Errorf("a database that is read-only: %v", err)
	}
	tx, err := writer.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if _, err := tx.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	second, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := migrate(t.Context(), second, first); err != nil {
		t.Errorf("while another program writes: %v", err)
	}
	if _, err := tx.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// number returns what the migrations made of a.
func number(t *testing.T, path string) int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT n FROM a").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
