package crash

import (
	"context"
	"database/sql"
	"sync/atomic"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// failpoints are the moments of operations when something is written and more
// is to come: before each further statement, and before the operation's end,
// which still has to be committed.
type failpoints struct {
	stopAt  int // number of the one to stop at; 0 for none
	reached func()
	count   atomic.Int64
}

// pass counts a failpoint, and stops there if it is the one.
func (f *failpoints) pass() {
	if f.count.Add(1) == int64(f.stopAt) {
		f.reached()
	}
}

// wrap returns a writer whose operations have failpoints.
func (f *failpoints) wrap(inner sqlstore.Writer) sqlstore.Writer {
	return failingWriter{Writer: inner, points: f}
}

type failingWriter struct {
	sqlstore.Writer
	points *failpoints
}

// Write implements sqlstore.Writer.
func (w failingWriter) Write(ctx context.Context, op sqlstore.Operation) error {
	return w.Writer.Write(ctx, func(ctx context.Context, queries sqlstore.Queryer) error {
		q := &failingQueries{Queryer: queries, points: w.points}
		err := op(ctx, q)
		if err == nil && q.written {
			w.points.pass()
		}
		return err
	})
}

// failingQueries are the queries of one operation.
type failingQueries struct {
	sqlstore.Queryer
	points  *failpoints
	written bool
}

// ExecContext implements sqlstore.Queryer.
func (q *failingQueries) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if q.written {
		q.points.pass()
	}
	result, err := q.Queryer.ExecContext(ctx, query, args...)
	q.written = q.written || err == nil
	return result, err
}
