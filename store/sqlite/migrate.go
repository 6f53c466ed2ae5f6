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
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrOldDatabase is the error for a database of the 0.4 generation.
var ErrOldDatabase = errors.New("this is a database of dffmpeg 0.4; keep it, name a new one in the configuration, and import the old one into that: dffmpeg admin db import FILE")

// migrate brings the schema up to date: one transaction for all steps, which
// locks other processes out, so several may start together. A small runner of
// our own: the usual libraries lock with sessions, which the engines to come
// (Galera) do not offer, and want SQL annotated for them.
func migrate(ctx context.Context, db *sql.DB) error {
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("cannot be opened; is it a SQLite database? %w", err)
	}
	if err := migrateIn(ctx, tx, steps); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func migrateIn(ctx context.Context, tx *sql.Tx, steps []string) error {
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("its schema has version %d, this program knows versions up to %d; use a newer dffmpeg", version, len(steps))
	}
	for i, step := range steps[version:] {
		number, err := strconv.Atoi(strings.SplitN(strings.TrimPrefix(step, "migrations/"), "_", 2)[0])
		if err != nil || number != version+i+1 {
			return fmt.Errorf("migration %s is out of order", step)
		}
		statements, err := fs.ReadFile(migrations, step)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(statements)); err != nil {
			return fmt.Errorf("migration %s: %w", step, err)
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE dffmpeg_schema SET version = ?", len(steps))
	return err
}

// schemaVersion returns the version of the schema, 0 for a new database, whose
// version table it makes.
func schemaVersion(ctx context.Context, tx *sql.Tx) (int, error) {
	tables, err := countTables(ctx, tx, "dffmpeg_schema")
	if err != nil {
		return 0, err
	}
	if tables == 0 {
		old, err := countTables(ctx, tx, "auth", "jobs", "workers", "messages")
		if err != nil {
			return 0, err
		}
		if old >= 2 {
			return 0, ErrOldDatabase
		}
		_, err = tx.ExecContext(ctx, "CREATE TABLE dffmpeg_schema (version INTEGER NOT NULL); INSERT INTO dffmpeg_schema VALUES (0)")
		return 0, err
	}
	var version int
	err = tx.QueryRowContext(ctx, "SELECT version FROM dffmpeg_schema").Scan(&version)
	return version, err
}

// countTables returns how many of these tables exist.
func countTables(ctx context.Context, tx *sql.Tx, names ...string) (int, error) {
	count := 0
	for _, name := range names {
		var there int
		err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name).Scan(&there)
		if err != nil {
			return 0, err
		}
		count += there
	}
	return count, nil
}
