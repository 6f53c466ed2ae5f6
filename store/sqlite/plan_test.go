package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// recorder notes the queries that engines prepare.
type recorder struct {
	mu      sync.Mutex
	queries map[string]bool
}

// dialect returns the engine's dialect, which notes each query.
func (r *recorder) dialect() sqlstore.Dialect {
	d := dialect()
	d.Rebind = func(query string) string {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.queries[query] = true
		return query
	}
	return d
}

// harmless are steps that walk through something small: workers and identities
// there are, jobs
// that an index has found, and the first of many by their key.
var harmless = regexp.MustCompile(`^SCAN (recent|w|w USING .*|dffmpeg_workers|dffmpeg_identities USING .*)$|COVERING INDEX sqlite_autoindex_dffmpeg_messages_1 \(mailbox=\?\)$`)

// costly are steps whose cost grows with history: walking through a table, all
// that a recipient ever got, or all that a requester ever submitted.
var costly = regexp.MustCompile(`^SCAN (w|m|r|dffmpeg_.*)|INDEX (sqlite_autoindex_dffmpeg_messages_1|dffmpeg_messages_id) \(mailbox=\?\)|\(requester_id=\?\)|INDEX sqlite_autoindex_dffmpeg_jobs_output_1 \(job_id=\?\)`)

// check reads SQLite's plans of the queries: what the coordinator asks while it
// works costs as much with a million finished jobs as with none.
func (r *recorder) check(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make(map[string]int)
	for query := range r.queries {
		kind, _, _ := strings.Cut(query, " ")
		kinds[kind]++
		if !slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, kind) {
			continue
		}
		steps := plan(t.Context(), t, db, query)
		for _, step := range steps {
			if costly.MatchString(step) && !harmless.MatchString(step) {
				t.Errorf("%s\n\tcosts more with history: %s", query, step)
			}
		}
	}
	if kinds["SELECT"] < 15 || kinds["UPDATE"] < 8 || kinds["DELETE"] < 3 {
		t.Errorf("only %v queries were seen", kinds)
	}
}

// plan returns the steps of a query's plan.
func plan(ctx context.Context, t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, slices.Repeat([]any{nil}, strings.Count(query, "?"))...)
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
