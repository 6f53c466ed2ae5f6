package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// maxBatch bounds how many operations share a transaction, and with it how long
// the file is locked for others.
const maxBatch = 64

// writer executes operations on the one connection that writes, those that wait
// together in one transaction: a commit costs more than an operation. Each has
// a savepoint of its own. There is no goroutine behind it: of the callers that
// wait, one executes what all of them want.
type writer struct {
	pool       *sql.DB // of one connection
	statements func(*sql.Conn) *sqlstore.Statements

	turn chan struct{} // holds a token while somebody executes
	// The connection, opened when needed; for the holder of the turn.
	conn    *sql.Conn
	queries *sqlstore.Statements

	mu      sync.Mutex
	waiting []*request
}

// request is an operation that a caller waits for.
type request struct {
	ctx  context.Context // the caller's
	op   sqlstore.Operation
	done chan struct{} // closed when err and panicked are set
	err  error
	// panicked is what the operation panicked with, for its own caller.
	panicked any
}

var _ sqlstore.Writer = (*writer)(nil)

// newWriter returns a writer on a pool of one connection, which it closes.
func newWriter(pool *sql.DB, dialect sqlstore.Dialect) *writer {
	return &writer{
		pool: pool,
		turn: make(chan struct{}, 1),
		statements: func(c *sql.Conn) *sqlstore.Statements {
			return sqlstore.NewStatements(c, dialect.Rebind)
		},
	}
}

// Write implements sqlstore.Writer. While the operation waits, the end of ctx
// ends the wait; once it is being executed, Write waits for the commit.
func (w *writer) Write(ctx context.Context, op sqlstore.Operation) error {
	r := &request{ctx: ctx, op: op, done: make(chan struct{})}
	w.mu.Lock()
	w.waiting = append(w.waiting, r)
	w.mu.Unlock()
	select {
	case w.turn <- struct{}{}:
		w.lead(r)
		<-w.turn
	case <-r.done:
	case <-ctx.Done():
		if w.withdraw(r) {
			return ctx.Err()
		}
	}
	<-r.done
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.err
}

// withdraw takes back a request; false when somebody executes it already.
func (w *writer) withdraw(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.waiting {
		if other == r {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the requests of the next transaction.
func (w *writer) take() []*request {
	w.mu.Lock()
	defer w.mu.Unlock()
	count := min(len(w.waiting), maxBatch)
	batch := append([]*request(nil), w.waiting[:count]...)
	w.waiting = append(w.waiting[:0], w.waiting[count:]...)
	return batch
}

// lead executes transactions until request r is done.
func (w *writer) lead(r *request) {
	for {
		select {
		case <-r.done:
			return
		default:
		}
		// Requests are taken only once the file is locked, so that the others
		// need not wait for a lock longer than they want to.
		if err := w.begin(r.ctx); err != nil {
			w.discard()
			if w.withdraw(r) {
				r.err = err
				close(r.done)
			}
			return
		}
		batch := w.take()
		w.execute(batch)
		for _, r := range batch {
			close(r.done)
		}
	}
}

// begin opens the connection if there is none, and a transaction.
func (w *writer) begin(ctx context.Context) error {
	return whenFree(ctx, func() error {
		if w.conn == nil {
			conn, err := w.pool.Conn(ctx)
			if err != nil {
				return err
			}
			w.conn, w.queries = conn, w.statements(conn)
		}
		_, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
}

// execute executes a batch in the transaction that is open, and ends that.
func (w *writer) execute(batch []*request) {
	// The end of one caller's context must not interrupt the connection: that
	// would roll back what the others did.
	ctx := context.Background()
	for i, r := range batch {
		if err := w.one(ctx, r); err != nil {
			w.discard()
			fail(batch[:i], sqlstore.ErrAgain)
			fail(batch[i+1:], sqlstore.ErrAgain)
			r.err = errors.Join(r.err, err)
			return
		}
	}
	if err := w.exec(ctx, "COMMIT"); err != nil {
		w.discard()
		fail(batch, err)
	}
}

// fail gives requests an error, unless they have one.
func fail(batch []*request, err error) {
	for _, r := range batch {
		if r.err == nil {
			r.err = err
		}
	}
}

// one executes a request within a savepoint. Its error says that the whole
// transaction is lost; the request's own is in the request.
func (w *writer) one(ctx context.Context, r *request) error {
	if r.err = r.ctx.Err(); r.err != nil {
		return nil //nolint:nilerr // the request's own
	}
	if err := w.exec(ctx, "SAVEPOINT operation"); err != nil {
		return err
	}
	w.call(r)
	if r.err != nil {
		// Fails when the error rolled back everything, as a full disk does.
		if err := w.exec(ctx, "ROLLBACK TO operation"); err != nil {
			return fmt.Errorf("undo the operation: %w", err)
		}
	}
	return w.exec(ctx, "RELEASE operation")
}

// call calls the operation; a panic is kept for its own caller.
func (w *writer) call(r *request) {
	defer func() {
		if r.panicked = recover(); r.panicked != nil {
			r.err = fmt.Errorf("an operation panicked: %v", r.panicked)
		}
	}()
	r.err = r.op(context.WithoutCancel(r.ctx), w.queries)
}

func (w *writer) exec(ctx context.Context, statement string) error {
	_, err := w.queries.ExecContext(ctx, statement)
	return err
}

// discard closes the connection after an error that leaves its transaction in
// doubt, which rolls it back. The next transaction opens another.
func (w *writer) discard() {
	if w.conn == nil {
		return
	}
	_ = w.queries.Close()
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // not back into the pool
	_ = w.conn.Close()
	w.conn, w.queries = nil, nil
}

// Close implements sqlstore.Writer.
func (w *writer) Close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	if w.conn != nil {
		err := errors.Join(w.queries.Close(), w.conn.Close())
		w.conn, w.queries = nil, nil
		return errors.Join(err, w.pool.Close())
	}
	return w.pool.Close()
}
