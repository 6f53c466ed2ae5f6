// Package sqlstore is the generic SQL of the store, written once. An engine
// opens the connections, brings the schema up to date and describes itself
// with a [Dialect]; what an operation decides comes from package transition.
//
// The SQL keeps to what SQLite, MariaDB, MySQL and PostgreSQL have in common:
// times are 64-bit microseconds since 1970 in UTC, lists and maps are JSON text,
// no RETURNING, no partial indexes needed for correctness. A change is a
// compare-and-set on the record's version, within a transaction; an engine
// that lets transactions collide has them executed again. How operations become
// transactions is up to the engine's [Writer].
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// maxTries bounds how often an operation is executed. On a cluster whose nodes
// are all written to, many collide when they are about the same record.
const maxTries = 100

// Dialect is what engines do differently.
type Dialect struct {
	// Rebind turns the "?" of a query into the engine's placeholders. It is
	// called once for each text of a query.
	Rebind func(query string) string
	// Duplicate reports whether an error is about a key that exists.
	Duplicate func(error) bool
	// Collided reports whether a transaction failed because of another one, so
	// that executing it again is right.
	Collided func(error) bool
	// Lock is what follows a query of one row that is about to be changed, so
	// that others who want to change it wait rather than collide; "" when
	// transactions that write exclude each other anyway.
	Lock string
	// Queues is a query of the names of the queues that sort after one, in order, at most
	// so many, which looks into the index of queues once for each. Engines differ in what
	// they recognise as that.
	Queues string
	// Held follows the name of the table in queries that count the jobs in the hands of
	// workers, and Waiting in those of the queues: hints, where the planner does not see
	// which index has all they ask for.
	Held, Waiting string
	// Explain returns a sentence for the caller about what is wrong with the
	// database, such as a full disk, without anything secret; "" when an error
	// says nothing of that kind.
	Explain func(error) string
	// Cause returns what a log may have of an error: neither SQL nor values,
	// names of users or passwords.
	Cause func(error) error
}

// Operation is the reading and writing of one operation of the store. It may be
// executed several times, must start from scratch each time, and sees what
// operations before it in the same transaction wrote.
type Operation func(ctx context.Context, queries Queryer) error

// Writer executes operations that write; an engine provides it. It may be used
// by several goroutines at once.
type Writer interface {
	// Write executes an operation and returns when what it did is committed, or
	// an error when it is not, or when that cannot be known. An operation that
	// returns an error has no effect, and Write returns that error. Operations
	// of several callers may share a transaction; ErrAgain says that it was
	// rolled back on account of another one.
	Write(ctx context.Context, op Operation) error
	// Close waits for operations that are being executed and releases the
	// writer's connections. It may be called twice.
	Close() error
}

// Queryer executes queries: in a transaction, or on connections that read.
type Queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Reader executes queries of what is committed. It may be used by several
// goroutines at once.
type Reader interface {
	Queryer
	// Close releases its connections. It may be called twice.
	Close() error
}

// Config is what an engine makes of its settings. The DB closes Writer and
// Reader in the end.
type Config struct {
	Writer  Writer
	Reader  Reader
	Dialect Dialect
	Now     func() time.Time
	IDs     dffmpeg.IDSource
	// Silent is called when the server did not answer; nil without a server.
	Silent func()
}

// DB is a database of any engine. It may be used by several goroutines at
// once.
type DB struct {
	writer  Writer
	reader  Reader
	dialect Dialect
	now     func() time.Time
	ids     dffmpeg.IDSource
	codec   *codec
	silent  func()
}

// New returns a DB over open connections.
func New(c Config) *DB {
	return &DB{writer: c.Writer, reader: c.Reader, dialect: c.Dialect, now: c.Now, ids: c.IDs, codec: newCodec(), silent: c.Silent}
}

// ErrAgain says that an operation was undone through no fault of its own, and
// is to be executed again.
var ErrAgain = errors.New("the transaction was rolled back on account of another operation in it")

// errChanged says that a record was changed by somebody else meanwhile.
var errChanged = errors.New("the record was changed meanwhile")

// stamp returns the time of an operation.
func (db *DB) stamp() time.Time { return transition.Stamp(db.now()) }

// write executes an operation in a transaction, again if it collided with
// another one. op may be called several times and must start from scratch.
func (db *DB) write(ctx context.Context, op func(ctx context.Context, tx *txn) error) error {
	for try := 1; ; try++ {
		err := ctx.Err()
		if err == nil {
			err = db.writer.Write(ctx, func(ctx context.Context, queries Queryer) error {
				return op(ctx, &txn{queries: queries, db: db})
			})
		}
		if err == nil || try == maxTries || !db.again(err) {
			return db.unavailable(ctx, err)
		}
		if db.dialect.Collided(err) {
			db.pause(ctx, try)
		}
	}
}

// pause waits a little, more with each try and at random, so that operations
// that collided do not do so again.
func (db *DB) pause(ctx context.Context, try int) {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(time.Duration(min(try, 10)) * 5 * time.Millisecond)):
	}
}

// again reports whether an operation that failed is to be executed again.
func (db *DB) again(err error) bool {
	return errors.Is(err, errChanged) || errors.Is(err, ErrAgain) || db.dialect.Collided(err)
}

// view executes queries that only read, all of them within the time that one of a
// writer has.
func (db *DB) view(ctx context.Context, op func(ctx context.Context, tx *txn) error) error {
	err := ctx.Err()
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, silence)
		defer cancel()
		if err = op(bounded, &txn{queries: db.reader, db: db}); err != nil && ctx.Err() == nil && bounded.Err() != nil {
			err = errSilent
		}
	}
	return db.unavailable(ctx, err)
}

// unavailable turns an error of the engine into one that tells the caller
// enough and gives nothing away; the cause is for the log. Errors that carry a
// code pass.
func (db *DB) unavailable(ctx context.Context, err error) error {
	if errors.Is(err, errSilent) && db.silent != nil {
		db.silent()
	}
	var known *dffmpeg.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The request ended before the database answered").WithCause(ctx.Err())
	}
	detail := db.dialect.Explain(err)
	if detail == "" {
		detail = "The database cannot do that now; try again"
	}
	return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "%s", detail).WithCause(db.dialect.Cause(err))
}

// Ping returns nil when the database can be read and written.
func (db *DB) Ping(ctx context.Context) error {
	return db.write(ctx, func(ctx context.Context, tx *txn) error {
		_, err := tx.exec(ctx, "UPDATE dffmpeg_schema SET version = version")
		return err
	})
}

// Close closes the connections. It may be called twice.
func (db *DB) Close() error {
	return errors.Join(db.writer.Close(), db.reader.Close())
}

// txn is where the queries of an operation run.
type txn struct {
	queries Queryer
	db      *DB
}

// purpose says why a row is read.
type purpose int

const (
	reading purpose = iota
	changing
)

// locking returns what a query of one row ends with.
func (tx *txn) locking(p purpose) string {
	if p == changing {
		return tx.db.dialect.Lock
	}
	return ""
}

// exec executes a statement and returns how many rows it touched.
func (tx *txn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := tx.queries.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// scanner is a row to be read.
type scanner interface{ Scan(into ...any) error }

// row returns the one row of a query.
func (tx *txn) row(ctx context.Context, query string, args ...any) scanner {
	rows, err := tx.queries.QueryContext(ctx, query, args...)
	return oneRow{rows, err}
}

// oneRow is a query's only row, or sql.ErrNoRows.
type oneRow struct {
	rows *sql.Rows
	err  error
}

// Scan implements scanner.
func (r oneRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return cmp.Or(r.rows.Err(), sql.ErrNoRows)
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	return r.rows.Close()
}

// list reads every row of a query.
func list[T any](ctx context.Context, tx *txn, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.queries.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}
