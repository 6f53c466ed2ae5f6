package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrOldDatabase is the error for a database of the 0.4 generation.
var ErrOldDatabase = errors.New("this is a database of dffmpeg 0.4; keep it, name a new one in the configuration, and import the old one into that: dffmpeg admin db import FILE")

// migrate brings the schema up to date: one transaction for all steps, which
// locks other processes out, so several may start together. A schema that is up
// to date is only read, so a program that starts does not wait for one that
// writes. A small runner of our own: the usual libraries lock with sessions,
// which the engines to come (Galera) do not offer, and want SQL annotated for
// them.
func migrate(ctx context.Context, pool *sql.DB, files fs.FS) error {
	steps, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return err
	}
	var conn *sql.Conn
	err = whenFree(ctx, func() error {
		conn, err = pool.Conn(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot be opened; is it a SQLite database? %w", err)
	}
	defer func() { _ = conn.Close() }() // back to its pool
	version, err := schemaVersion(ctx, conn, len(steps))
	switch {
	case err != nil:
		return err
	case version == len(steps):
		return writable(ctx, conn)
	}
	err = whenFree(ctx, func() error {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		return err
	}
	if err := migrateIn(ctx, conn, files, steps); err != nil {
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

// migrateIn executes the steps that are missing in the transaction that is open.
func migrateIn(ctx context.Context, conn *sql.Conn, files fs.FS, steps []string) error {
	version, err := schemaVersion(ctx, conn, len(steps)) // now that nobody else can change it
	if err != nil {
		return err
	}
	for i, step := range steps[version:] {
		number, err := strconv.Atoi(strings.SplitN(strings.TrimPrefix(step, "migrations/"), "_", 2)[0])
		if err != nil || number != version+i+1 {
			return fmt.Errorf("migration %s is out of order", step)
		}
		statements, err := fs.ReadFile(files, step)
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(statements)); err != nil {
			return fmt.Errorf("migration %s: %w", step, err)
		}
	}
	_, err = conn.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS dffmpeg_schema (version INTEGER NOT NULL);
		DELETE FROM dffmpeg_schema; INSERT INTO dffmpeg_schema VALUES (?)`, len(steps))
	return err
}

// schemaVersion returns the version of the schema, 0 for a new database. One
// newer than known and a database of 0.4 are errors.
func schemaVersion(ctx context.Context, conn *sql.Conn, known int) (int, error) {
	ours, err := exists(ctx, conn, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'dffmpeg_schema'")
	if err != nil {
		return 0, err
	}
	if !ours {
		// Any one will do: 0.4 could keep each kind of record in a file of its own.
		old, err := exists(ctx, conn, `SELECT 1 FROM sqlite_master t JOIN pragma_table_info(t.name) c
			WHERE t.type = 'table' AND (t.name, c.name) IN
				(VALUES ('auth', 'client_id'), ('jobs', 'job_id'), ('workers', 'worker_id'), ('messages', 'message_id'))`)
		if err == nil && old {
			err = ErrOldDatabase
		}
		return 0, err
	}
	var version int
	if err := conn.QueryRowContext(ctx, "SELECT version FROM dffmpeg_schema").Scan(&version); err != nil {
		return 0, err
	}
	if version > known {
		return 0, fmt.Errorf("its schema has version %d, this program knows versions up to %d; use a newer dffmpeg", version, known)
	}
	return version, nil
}

// exists reports whether a query has a row.
func exists(ctx context.Context, conn *sql.Conn, query string) (bool, error) {
	var one int
	err := conn.QueryRowContext(ctx, query+" LIMIT 1").Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
