package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// pausing is a driver whose only connection answers each statement after a while,
// or when its context ends.
type pausing struct{ pause time.Duration }

func (p pausing) Connect(context.Context) (driver.Conn, error) { return p, nil }
func (p pausing) Driver() driver.Driver                        { return nil }
func (pausing) Prepare(string) (driver.Stmt, error)            { return nil, driver.ErrSkip }
func (pausing) Close() error                                   { return nil }
func (p pausing) Begin() (driver.Tx, error)                    { return p, nil }
func (pausing) Commit() error                                  { return nil }
func (pausing) Rollback() error                                { return nil }

func (p pausing) ExecContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Result, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(p.pause):
		return driver.RowsAffected(1), nil
	}
}

func (p pausing) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	_, err := p.ExecContext(ctx, query, args)
	return nil, errors.Join(err, errors.New("it has no rows"))
}

// TestSilentServerIsGivenUp: a server that does not answer a statement fails it;
// one that is slow with many of them does not.
func TestSilentServerIsGivenUp(t *testing.T) {
	for pause, want := range map[time.Duration]error{silence - time.Second: nil, silence + time.Second: errSilent} {
		synctest.Test(t, func(t *testing.T) {
			dialect := Dialect{
				Rebind: func(query string) string { return query }, Collided: func(error) bool { return false },
				Explain: func(error) string { return "" }, Cause: func(err error) error { return err },
			}
			pool := sql.OpenDB(pausing{pause})
			pool.SetMaxOpenConns(5)
			pool.SetMaxIdleConns(5)
			server := NewServer(pool, dialect, nil)
			db := New(Config{Writer: server, Reader: server, Dialect: dialect, Silent: server.Renew})
			defer db.Close()
			other, err := pool.Conn(t.Context()) // idle, and as old
			if err != nil || other.Close() != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = db.write(t.Context(), func(ctx context.Context, tx *txn) error {
				for range 3 {
					if _, err := tx.exec(ctx, "UPDATE"); err != nil {
						return err
					}
				}
				return nil
			})
			if !errors.Is(err, want) {
				t.Errorf("a writer that pauses for %s: %v, want %v", pause, err, want)
			}
			if took := time.Since(began); want != nil && took != silence {
				t.Errorf("it was given up after %s, want %s", took, silence)
			}
			if idle := pool.Stats().Idle; (idle == 0) != (want != nil) {
				t.Errorf("%d connections are kept that nobody uses", idle)
			}
			began = time.Now()
			err = db.view(t.Context(), func(ctx context.Context, tx *txn) error { return tx.row(ctx, "SELECT").Scan() })
			if want != nil && (!errors.Is(err, want) || time.Since(began) != silence) {
				t.Errorf("a reader: %v after %s, want %v after %s", err, time.Since(began), want, silence)
			}
		})
	}
}
