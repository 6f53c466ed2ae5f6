package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// harmless are steps that walk through something small: workers there are, jobs in
// their hands, jobs that an index has found, and the first of many by their key.
var harmless = regexp.MustCompile(`^SCAN (recent|w|w USING .*|dffmpeg_workers|dffmpeg_jobs USING COVERING INDEX dffmpeg_jobs_held)$|COVERING INDEX sqlite_autoindex_dffmpeg_messages_1 \(mailbox=\?\)$`)

// costly are steps whose cost grows with history: walking through a table, all
// that a recipient ever got, or all that a requester ever submitted.
var costly = regexp.MustCompile(`^SCAN (w|m|r|dffmpeg_.*)|INDEX (sqlite_autoindex_dffmpeg_messages_1|dffmpeg_messages_id|dffmpeg_messages_requests) \(mailbox=\?\)|\(requester_id=\?\)|INDEX sqlite_autoindex_dffmpeg_jobs_output_1 \(job_id=\?\)`)

// checkPlans reads SQLite's plans of the queries, in an empty database and in one
// with many jobs that have ended, before and after its planner has
// been told how much there is: what the coordinator asks while it works costs as
// much with history as without.
func checkPlans(t *testing.T, asked *history.Recorder) {
	queries, err := asked.Searches(past)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	db, err := sql.Open("sqlite", source(at(path), writeTimeout))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // which has read the statistics
	check(t, "empty", db, queries)
	if err := history.Fill(t.Context(), db, dialect().Rebind, past); err != nil {
		t.Fatal(err)
	}
	if err := history.Present(t.Context(), state, 20); err != nil {
		t.Fatal(err)
	}
	check(t, "full", db, queries)
	if _, err := db.ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	check(t, "analyzed", db, queries)
}

// check reads the plans of the queries: with statistics they depend on the
// arguments, too.
func check(t *testing.T, name string, db *sql.DB, queries []history.Query) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}()
	for _, query := range queries {
		for _, args := range query.Args {
			for _, step := range plan(t.Context(), t, tx, query.Text, args) {
				if costly.MatchString(step) && !harmless.MatchString(step) {
					t.Errorf("%s: %s\n\tcosts more with history: %s", name, query.Text, step)
				}
			}
		}
	}
}

// plan returns the steps of a query's plan.
func plan(ctx context.Context, t *testing.T, tx *sql.Tx, query string, args []any) []string {
	t.Helper()
	rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return steps
}
