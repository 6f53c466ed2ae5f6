package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg/store"
)

// ErrOldDatabase is the error for a database of the 0.4 generation.
var ErrOldDatabase = errors.New("this is a database of dffmpeg 0.4; keep it, name a new one in the configuration, and import the old one into that: dffmpeg admin db import")

// Schema is one part of an engine's schema, with the steps that lead to it:
// state and identities are separate, as they may be in different databases.
// Which step a database has reached is kept in its table dffmpeg_schema, a row
// for each part, by the name of the part's first table: so clusters whose tables
// have different names can share a database.
type Schema struct {
	part  string
	steps []step
}

// step is a numbered file of SQL.
type step struct {
	name       string
	statements []string
}

// Part reads one part of an engine's schema from its migrations.
type Part func(files fs.FS, tables store.Tables) (Schema, error)

// StateSchema reads the steps of the part with jobs, workers and messages from
// migrations/state: files 0001_….sql and so on.
func StateSchema(files fs.FS, tables store.Tables) (Schema, error) {
	return readSchema(files, "state", cmp.Or(tables.Jobs, jobsTable), tables)
}

// IdentitiesSchema reads the steps of the part with identities from
// migrations/identities.
func IdentitiesSchema(files fs.FS, tables store.Tables) (Schema, error) {
	return readSchema(files, "identities", cmp.Or(tables.Identities, identitiesTable), tables)
}

func readSchema(files fs.FS, dir, part string, tables store.Tables) (Schema, error) {
	names, err := fs.Glob(files, path.Join("migrations", dir, "*.sql"))
	if err != nil {
		return Schema{}, err
	}
	s := Schema{part: part}
	for i, name := range names {
		number, err := strconv.Atoi(strings.SplitN(path.Base(name), "_", 2)[0])
		if err != nil || number != i+1 {
			return Schema{}, fmt.Errorf("migration %s is out of order", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return Schema{}, err
		}
		s.steps = append(s.steps, step{path.Base(name), split(naming(tables).Replace(string(text)))})
	}
	if len(s.steps) == 0 {
		return Schema{}, fmt.Errorf("there are no migrations in %s", dir)
	}
	return s, nil
}

// split returns the statements of a file: each ends with a semicolon at the end
// of a line. Lines that are comments are left out.
func split(text string) []string {
	var statements []string
	var statement strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		statement.WriteString(line)
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			statements = append(statements, strings.TrimSuffix(strings.TrimSpace(statement.String()), ";"))
			statement.Reset()
		}
	}
	if rest := strings.TrimSpace(statement.String()); rest != "" {
		statements = append(statements, rest)
	}
	return statements
}

// Version is the number of the last step.
func (s Schema) Version() int { return len(s.steps) }

// Find says how to look into a database before anything in it is ours. Queries
// that return a row mean yes.
type Find struct {
	Schema string // whether there is a table dffmpeg_schema
	Old    string // whether there are tables of 0.4
}

// Current returns the version that the database has reached, 0 for one without
// this part. A newer one than known and a database of 0.4 are errors. conn's
// placeholders are the engine's, so rebind is its dialect's.
func (s Schema) Current(ctx context.Context, conn Queryer, rebind func(string) string, find Find) (int, error) {
	tx := &txn{queries: conn}
	ours, err := exists(ctx, tx, find.Schema)
	if err != nil {
		return 0, err
	}
	var version int
	if ours {
		err := tx.row(ctx, rebind("SELECT version FROM dffmpeg_schema WHERE part = ?"), s.part).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, fmt.Errorf("read the version of the schema: %w", err)
		}
	}
	if version > len(s.steps) {
		return 0, fmt.Errorf("its schema has version %d, this program knows versions up to %d; use a newer dffmpeg", version, len(s.steps))
	}
	if !ours {
		old, err := exists(ctx, tx, find.Old)
		if err != nil {
			return 0, err
		}
		if old {
			return 0, ErrOldDatabase
		}
	}
	return version, nil
}

// exists reports whether a query has a row.
func exists(ctx context.Context, tx *txn, query string) (bool, error) {
	var one any
	err := tx.row(ctx, query).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Migration is how an engine executes steps, on one connection, while it keeps
// other programs from doing the same.
type Migration struct {
	Conn   Queryer
	Rebind func(query string) string
	Find   Find
	// Done reports whether an error says that a statement has been executed
	// before: for engines that cannot undo the half of a step. Nil: none does.
	Done func(error) bool
}

// Migrate executes the steps that are missing, in order.
func (s Schema) Migrate(ctx context.Context, m Migration) error {
	version, err := s.Current(ctx, m.Conn, m.Rebind, m.Find)
	if err != nil {
		return err
	}
	tx := &txn{queries: m.Conn}
	if _, err := tx.exec(ctx, "CREATE TABLE IF NOT EXISTS dffmpeg_schema (part VARCHAR(64) NOT NULL PRIMARY KEY, version INTEGER NOT NULL)"); err != nil {
		return fmt.Errorf("make the table dffmpeg_schema: %w", err)
	}
	for i, step := range s.steps[version:] {
		for _, statement := range step.statements {
			if _, err := tx.exec(ctx, statement); err != nil && (m.Done == nil || !m.Done(err)) {
				return fmt.Errorf("migration %s: %w", step.name, err)
			}
		}
		if err := s.reached(ctx, tx, m.Rebind, version+i+1); err != nil {
			return fmt.Errorf("note that migration %s is done: %w", step.name, err)
		}
	}
	return nil
}

// reached stores the version.
func (s Schema) reached(ctx context.Context, tx *txn, rebind func(string) string, version int) error {
	statement := "UPDATE dffmpeg_schema SET version = ? WHERE part = ?"
	if version == 1 {
		statement = "INSERT INTO dffmpeg_schema (version, part) VALUES (?, ?)"
	}
	_, err := tx.exec(ctx, rebind(statement), version, s.part)
	return err
}
