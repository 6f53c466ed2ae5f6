// Package sqlstore is the generic SQL of the store, written once. An engine
// opens the connections, brings the schema up to date and describes itself
// with a [Dialect]; what an operation decides comes from package transition.
//
// The SQL keeps to what SQLite, MariaDB, MySQL and PostgreSQL have in common:
// times are 64-bit microseconds since 1970 in UTC, lists and maps are JSON text,
// no RETURNING, no partial indexes needed for correctness. A change is a
// compare-and-set on the record's version, within a transaction; an engine
// that lets transactions collide has them executed again.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// maxTries bounds how often an operation is executed.
const maxTries = 20

// Dialect is what engines do differently.
type Dialect struct {
	// Rebind turns the "?" of a query into the engine's placeholders.
	Rebind func(query string) string
	// Duplicate reports whether an error is about a key that exists.
	Duplicate func(error) bool
	// Collided reports whether a transaction failed because of another one, so
	// that executing it again is right.
	Collided func(error) bool
}

// Pools are an engine's connections. Both may be the same.
type Pools struct {
	Write *sql.DB // transactions that write
	Read  *sql.DB // queries that only read what is committed
}

// DB is a database of any engine. It may be used by several goroutines at
// once.
type DB struct {
	pools   Pools
	dialect Dialect
	now     func() time.Time
	ids     dffmpeg.IDSource
}

// New returns a DB over open connections, which it closes in the end.
func New(pools Pools, dialect Dialect, now func() time.Time, ids dffmpeg.IDSource) *DB {
	return &DB{pools: pools, dialect: dialect, now: now, ids: ids}
}

// errChanged says that a record was changed by somebody else meanwhile.
var errChanged = errors.New("the record was changed meanwhile")

// stamp returns the time of an operation.
func (db *DB) stamp() time.Time { return transition.Stamp(db.now()) }

// write executes an operation in a transaction, again if it collided with
// another one. op may be called several times and must start from scratch.
func (db *DB) write(ctx context.Context, op func(ctx context.Context, tx *txn) error) error {
	for try := 1; ; try++ {
		err := db.try(ctx, op)
		if err == nil || try == maxTries || !errors.Is(err, errChanged) && !db.dialect.Collided(err) {
			return unavailable(ctx, err)
		}
	}
}

// try executes an operation once.
func (db *DB) try(ctx context.Context, op func(ctx context.Context, tx *txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := db.pools.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := op(ctx, &txn{queryer: tx, db: db}); err != nil {
		return errors.Join(err, rolledBack(tx.Rollback()))
	}
	return tx.Commit()
}

// rolledBack drops the error of a rollback that the end of the context, or a
// lost connection, has done already.
func rolledBack(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// read executes queries that only read.
func (db *DB) read(ctx context.Context, op func(ctx context.Context, tx *txn) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(ctx, err)
	}
	return unavailable(ctx, op(ctx, &txn{queryer: db.pools.Read, db: db}))
}

// unavailable turns an error of the engine into one that tells the caller
// enough and gives nothing away; the cause is for the log. Errors that carry a
// code pass.
func unavailable(ctx context.Context, err error) error {
	var known *dffmpeg.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The request ended before the database answered").WithCause(ctx.Err())
	default:
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The database cannot do that now; try again").WithCause(err)
	}
}

// Ping returns nil when the database can be read and written.
func (db *DB) Ping(ctx context.Context) error {
	return db.write(ctx, func(ctx context.Context, tx *txn) error {
		_, err := tx.exec(ctx, "UPDATE dffmpeg_schema SET version = version")
		return err
	})
}

// Close closes the connections. It may be called twice.
func (db *DB) Close() error { return errors.Join(db.pools.Write.Close(), db.pools.Read.Close()) }

// queryer is a transaction, or connections that read.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// txn is where the queries of an operation run.
type txn struct {
	queryer
	db *DB
}

// exec executes a statement and returns how many rows it touched.
func (tx *txn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, tx.db.dialect.Rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row returns the one row of a query.
func (tx *txn) row(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.QueryRowContext(ctx, tx.db.dialect.Rebind(query), args...)
}

// scanner is a row to be read.
type scanner interface{ Scan(into ...any) error }

// list reads every row of a query.
func list[T any](ctx context.Context, tx *txn, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, tx.db.dialect.Rebind(query), args...)
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
