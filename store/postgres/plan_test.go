package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
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

const (
	// maxExamined is how many rows a query may examine: those that it is to find,
	// by both of an index and the table, and those of the present.
	maxExamined = 5 * history.Limit
	// maxBlocks is how many blocks of the tables and indexes it may look at.
	maxBlocks = 10 * history.Limit
	// customPlans is how often the server plans a prepared statement for its
	// arguments, before it considers a plan for any.
	customPlans = 5
)

// recording returns how the suite opens an empty store whose queries are noted.
func recording(asked *history.Recorder) storetest.Open {
	return func(t *testing.T, o storetest.Options) store.State {
		t.Helper()
		names := tables(t, "POSTGRES")
		k := kind()
		k.Dialect = asked.Dialect(dialect(), names)
		db, err := k.Open(t.Context(), server(t, "POSTGRES"), Options{Tables: names, Now: o.Now, IDs: o.IDs}, sqlstore.StateSchema)
		if err != nil {
			t.Fatal(err)
		}
		return &sqlstore.State{DB: db}
	}
}

// fill gives a new store a history and a present.
func fill(t *testing.T, pool *sql.DB, names store.Tables) {
	t.Helper()
	state, err := Open(t.Context(), server(t, "POSTGRES"), Options{Tables: names, Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	if err := history.Fill(t.Context(), pool, dialect().WithTables(names).Rebind, past); err != nil {
		t.Fatal(err)
	}
	if err := history.Present(t.Context(), state, 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{names.Jobs, names.Jobs + "_output", names.Messages} {
		if _, err := pool.ExecContext(t.Context(), "ANALYZE "+name); err != nil {
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
	names := tables(t, "POSTGRES")
	pool, err := connect(server(t, "POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	began := time.Now()
	fill(t, pool, names)
	t.Logf("filled in %s", time.Since(began))
	rebind := dialect().WithTables(names).Rebind
	for i, q := range queries {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			tx, err := pool.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := tx.Rollback(); err != nil {
					t.Error(err)
				}
			}()
			run(t, tx, "PREPARE tried AS "+rebind(q.Text))
			defer run(t, tx, "DEALLOCATE tried")
			// The first ones bring the server to a plan for any arguments, if it
			// takes that for a good one.
			lists := append(slices.Repeat(q.Args[:1], customPlans), q.Args...)
			for _, args := range lists {
				steps := plan(t.Context(), t, tx, args)
				if steps.scans || steps.rows > maxExamined || steps.blocks > maxBlocks {
					t.Fatalf("%s\n\t%v\n\texamines %.0f rows, %.0f blocks:\n\t%s", q.Text, args, steps.rows, steps.blocks, strings.Join(steps.text, "\n\t"))
				}
			}
		})
	}
}

func run(t *testing.T, tx *sql.Tx, statement string) {
	t.Helper()
	if _, err := tx.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// node is a step of a plan, as EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) has it.
type node struct {
	Type      string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	Condition string  `json:"Index Cond"`
	Filter    string  `json:"Filter"`
	Loops     float64 `json:"Actual Loops"`
	Rows      float64 `json:"Actual Rows"`
	Filtered  float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Hit       float64 `json:"Shared Hit Blocks"` // with those of the steps below
	Read      float64 `json:"Shared Read Blocks"`
	Plans     []node
}

// steps is what a plan costs.
type steps struct {
	scans        bool // it walks through a whole table
	rows, blocks float64
	text         []string
}

// plan executes the prepared statement, and undoes it.
func plan(ctx context.Context, t *testing.T, tx *sql.Tx, args []any) steps {
	t.Helper()
	run(t, tx, "SAVEPOINT before")
	defer run(t, tx, "ROLLBACK TO before")
	var values []string
	for _, arg := range args {
		values = append(values, fmt.Sprintf("'%v'", arg))
	}
	query := "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE tried"
	if len(values) > 0 {
		query += "(" + strings.Join(values, ", ") + ")"
	}
	var text string
	if err := tx.QueryRowContext(ctx, query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(text), &plans); err != nil || len(plans) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	s := steps{blocks: plans[0].Plan.Hit + plans[0].Plan.Read}
	s.add(&plans[0].Plan, "")
	return s
}

// add adds a step and those below it.
func (s *steps) add(n *node, indent string) {
	s.rows += (n.Rows + n.Filtered + n.Rechecked) * n.Loops
	s.text = append(s.text, fmt.Sprintf("%s%s %s %s %s %s: %.0f times %.0f rows, %.0f filtered, %.0f blocks",
		indent, n.Type, n.Relation, n.Index, n.Condition, n.Filter, n.Loops, n.Rows, n.Filtered+n.Rechecked, n.Hit+n.Read))
	few := strings.HasSuffix(n.Relation, "_workers") || strings.Contains(n.Relation, "_coordinators")
	s.scans = s.scans || n.Type == "Seq Scan" && !few
	for i := range n.Plans {
		s.add(&n.Plans[i], indent+"  ")
	}
}
