package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
	"github.com/dffmpeg/dffmpeg/store/storetest"
	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// past is the history that queries are tried with.
var past = history.Size{Jobs: 100_000, Messages: true}

// maxExamined is how many rows a query may examine: those that it is to find,
// by both of an index and the table, and those of the present.
const maxExamined = 5 * history.Limit

// recording returns how the suite opens an empty store whose queries are noted.
func recording(asked *history.Recorder) storetest.Open {
	return func(t *testing.T, o storetest.Options) store.State {
		t.Helper()
		names := tables(t, "MARIADB")
		k := kind()
		k.Dialect = asked.Dialect(dialect(), names)
		db, err := k.Open(t.Context(), server(t, "MARIADB"), Options{Tables: names, Now: o.Now, IDs: o.IDs}, sqlstore.StateSchema)
		if err != nil {
			t.Fatal(err)
		}
		return &sqlstore.State{DB: db}
	}
}

// fill gives a new store a history and a present.
func fill(t *testing.T, pool *sql.DB, names store.Tables) {
	t.Helper()
	state, err := Open(t.Context(), server(t, "MARIADB"), Options{Tables: names, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Without these checks an empty table is filled in bulk.
	if _, err := conn.ExecContext(t.Context(), "SET SESSION unique_checks = 0, foreign_key_checks = 0"); err != nil {
		t.Fatal(err)
	}
	if err := history.Fill(t.Context(), conn, dialect().WithTables(names).Rebind, past); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "SET SESSION unique_checks = 1, foreign_key_checks = 1"); err != nil {
		t.Fatal(err)
	}
	if err := history.Present(t.Context(), state, 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{names.Jobs, names.Jobs + "_output", names.Messages} {
		if _, err := conn.ExecContext(t.Context(), "ANALYZE TABLE "+name); err != nil {
			t.Fatal(err)
		}
	}
}

// checkPlans executes the queries with a hundred thousand jobs that have ended:
// none may walk through a table, nor examine many rows.
func checkPlans(t *testing.T, asked *history.Recorder) {
	queries, err := asked.Searches(past)
	if err != nil {
		t.Fatal(err)
	}
	names := tables(t, "MARIADB")
	pool, err := connect(server(t, "MARIADB"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	began := time.Now()
	fill(t, pool, names)
	t.Logf("filled in %s", time.Since(began))
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}()
	rebind := dialect().WithTables(names).Rebind
	for _, q := range queries {
		for _, args := range q.Args {
			steps, scans := plan(t.Context(), t, tx, rebind(q.Text), args, names)
			count := examined(t.Context(), t, tx, rebind(q.Text), args)
			if scans || count > maxExamined {
				t.Errorf("%s\n\t%v\n\texamines %d rows:\n\t%s", q.Text, args, count, strings.Join(steps, "\n\t"))
			}
		}
	}
}

// plan returns the steps of a query's plan, and whether one of them walks
// through a whole table that grows with history, or an index of it.
func plan(ctx context.Context, t *testing.T, tx *sql.Tx, query string, args []any, names store.Tables) ([]string, bool) {
	t.Helper()
	rows, err := tx.QueryContext(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	// A plan calls tables by what the query calls them.
	grow := []string{names.Jobs, names.Jobs + "_output", names.Messages, "m", "r", "o"}
	var steps []string
	scans := false
	for rows.Next() {
		var id, kind, table, access, possible, key, length, ref, count, extra sql.NullString
		if err := rows.Scan(&id, &kind, &table, &access, &possible, &key, &length, &ref, &count, &extra); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, fmt.Sprintf("%s of %s by %s (%s), about %s rows; %s", access.String, table.String, key.String, ref.String, count.String, extra.String))
		scans = scans || slices.Contains(grow, table.String) && slices.Contains([]string{"ALL", "index"}, access.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps, scans
}

// examined executes a query and returns how many rows, or entries of an index,
// the server has looked at for it.
func examined(ctx context.Context, t *testing.T, tx *sql.Tx, query string, args []any) int64 {
	t.Helper()
	before := handled(ctx, t, tx)
	if strings.HasPrefix(query, "SELECT") {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	} else if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return handled(ctx, t, tx) - before
}

// handled returns how many rows and entries the connection has read so far. It
// reads some of its own.
func handled(ctx context.Context, t *testing.T, tx *sql.Tx) int64 {
	t.Helper()
	var sum int64
	err := tx.QueryRowContext(ctx, `SELECT CAST(SUM(VARIABLE_VALUE) AS INTEGER) FROM information_schema.SESSION_STATUS
		WHERE VARIABLE_NAME LIKE 'HANDLER_READ%' OR VARIABLE_NAME = 'HANDLER_ICP_ATTEMPTS'`).Scan(&sum)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
