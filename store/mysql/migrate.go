package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// find says how to look into a database. Any table of 0.4 will do: it could keep
// each kind of record in a database of its own.
func find() sqlstore.Find {
	return sqlstore.Find{
		Schema: "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'dffmpeg_schema'",
		Old: `SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND (table_name, column_name) IN
			(('auth', 'client_id'), ('jobs', 'job_id'), ('workers', 'worker_id'), ('messages', 'message_id')) LIMIT 1`,
	}
}

// done reports whether a statement of a migration failed because an earlier try
// had got that far: the server commits each by itself.
func done(err error) bool {
	return slices.Contains([]uint16{tableExists, columnExists, indexExists, cannotDrop}, number(err))
}

// migrate brings a part of the schema up to date, while it holds a lease, so
// several programs may start together. A schema that is up to date is only read.
func migrate(ctx context.Context, pool *sql.DB, schema sqlstore.Schema) error {
	m := sqlstore.Migration{Conn: pool, Rebind: dialect().Rebind, Find: find(), Done: done}
	version, err := schema.Current(ctx, pool, m.Rebind, m.Find)
	if err != nil || version == schema.Version() {
		return err
	}
	l, err := takeLease(ctx, pool)
	if err != nil {
		return fmt.Errorf("wait for other programs that migrate: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var keeper sync.WaitGroup
	keeper.Go(func() {
		if err := l.keep(ctx); err != nil {
			stop() // somebody else may have it
		}
	})
	err = schema.Migrate(ctx, m)
	stop()
	keeper.Wait()
	return errors.Join(err, l.release(context.WithoutCancel(ctx)))
}

const (
	// leaseTime is how long a program that died in a migration keeps others from
	// starting.
	leaseTime = 30 * time.Second
	// leaseRetry is how often a program looks whether a lease is free.
	leaseRetry = 100 * time.Millisecond
)

// lease is the right to migrate, a row that is held for a time. The server's
// own locks belong to a connection and do not span the nodes of a cluster. The
// time is the server's.
type lease struct {
	pool   *sql.DB
	holder string
}

// takeLease waits for the lease as long as ctx allows.
func takeLease(ctx context.Context, pool *sql.DB) (*lease, error) {
	l := &lease{pool: pool, holder: rand.Text()}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS dffmpeg_schema_lease (id INTEGER NOT NULL PRIMARY KEY, holder VARBINARY(64) NOT NULL, until_time DATETIME(6) NOT NULL) ENGINE = InnoDB",
		"INSERT IGNORE INTO dffmpeg_schema_lease VALUES (1, '', '2000-01-01')",
	} {
		if _, err := again(ctx, pool, statement); err != nil {
			return nil, err
		}
	}
	for {
		held, err := l.renew(ctx, "(holder = ? OR until_time < UTC_TIMESTAMP(6))")
		if err != nil || held {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(leaseRetry):
		}
	}
}

// renew extends the lease where a condition on the holder is met.
func (l *lease) renew(ctx context.Context, where string) (bool, error) {
	result, err := again(ctx, l.pool, "UPDATE dffmpeg_schema_lease SET holder = ?, until_time = UTC_TIMESTAMP(6) + INTERVAL ? SECOND WHERE id = 1 AND "+where,
		l.holder, int(leaseTime/time.Second), l.holder)
	if err != nil {
		return false, err
	}
	count, err := result.RowsAffected()
	return count > 0, err
}

// keep renews the lease until ctx ends. It returns an error when the lease is
// lost.
func (l *lease) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(leaseTime / 3):
		}
		held, err := l.renew(ctx, "holder = ?")
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it is no longer needed
		case err != nil:
			return err
		case !held:
			return errors.New("the lease was lost")
		}
	}
}

// release lets others migrate at once.
func (l *lease) release(ctx context.Context) error {
	_, err := again(ctx, l.pool, "UPDATE dffmpeg_schema_lease SET until_time = '2000-01-01' WHERE id = 1 AND holder = ?", l.holder)
	return err
}

// again executes a statement, several times if others keep colliding with it.
func again(ctx context.Context, pool *sql.DB, statement string, args ...any) (sql.Result, error) {
	const tries = 20
	for try := 1; ; try++ {
		result, err := pool.ExecContext(ctx, statement, args...)
		if err == nil || try == tries || !dialect().Collided(err) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(leaseRetry):
		}
	}
}
