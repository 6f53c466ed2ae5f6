package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// find says how to look into a file. Any table of 0.4 will do: it could keep
// each kind of record in a file of its own.
func find() sqlstore.Find {
	return sqlstore.Find{
		Schema: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'dffmpeg_schema'",
		Old: `SELECT 1 FROM sqlite_master t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND (t.name, c.name) IN
				(VALUES ('auth', 'client_id'), ('jobs', 'job_id'), ('workers', 'worker_id'), ('messages', 'message_id')) LIMIT 1`,
	}
}

// migrate brings a part of the schema up to date: one transaction for all steps,
// which locks other processes out, so several may start together. A schema that
// is up to date is only read, so a program that starts does not wait for one
// that writes.
func migrate(ctx context.Context, pool *sql.DB, schema sqlstore.Schema) error {
	var conn *sql.Conn
	err := whenFree(ctx, func() error {
		var err error
		conn, err = pool.Conn(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot be opened; is it a SQLite database? %w", err)
	}
	defer func() { _ = conn.Close() }() // back to its pool
	m := sqlstore.Migration{Conn: conn, Rebind: dialect().Rebind, Find: find()}
	version, err := schema.Current(ctx, conn, m.Rebind, m.Find)
	switch {
	case err != nil:
		return err
	case version == schema.Version():
		return writable(ctx, conn)
	}
	err = whenFree(ctx, func() error {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return err
	}
	if err := schema.Migrate(ctx, m); err != nil {
		_, undone := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, undone)
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// writable says now, rather than at the first write, that a database is
// read-only. SQLite opens those, too.
func writable(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "UPDATE dffmpeg_schema SET version = version WHERE FALSE")
	if primary(err) == sqlite3.SQLITE_BUSY {
		return nil // somebody else is writing it
	}
	return err
}
