// Package legacy reads databases of the 0.4 generation and imports what they
// have of lasting value: identities with their keys, and the history of jobs.
//
// A database is only read, by short queries, so 0.4 may go on meanwhile. Rows
// that cannot be read are reported, and keep no other from being imported.
// Everything may be done again: what exists in the new database is left alone.
package legacy

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg/secret"
)

// Tables are the names of the tables of a 0.4 database ("tablename" of its
// configuration); "" means 0.4's own.
type Tables struct {
	Auth string // default auth
	Jobs string // default jobs
}

// Source is what is imported. 0.4 can keep identities and jobs in different
// databases; mostly both are the same.
type Source struct {
	Identities *Database       // nil: import none
	Jobs       *Database       // nil: import none
	Keyring    *secret.Keyring // opens the keys that 0.4 sealed
}

// Database is a database of 0.4 that is open for reading. It may be used by
// several goroutines at once.
type Database struct {
	pool   *sql.DB
	where  string // for people
	tables Tables
	engine dialect
}

// dialect is what the engines do differently.
type dialect struct {
	// columns lists the names of a table's columns; none when there is no such
	// table.
	columns string
	// quote makes an identifier of a name.
	quote func(name string) string
}

// newDatabase fills in the names of tables.
func newDatabase(pool *sql.DB, where string, tables Tables, engine dialect) *Database {
	tables.Auth, tables.Jobs = cmp.Or(tables.Auth, "auth"), cmp.Or(tables.Jobs, "jobs")
	return &Database{pool: pool, where: where, tables: tables, engine: engine}
}

// String says which database it is.
func (d *Database) String() string { return d.where }

// Close closes the connections. It may be called twice.
func (d *Database) Close() error { return d.pool.Close() }

// quoted returns a function that encloses names in a character.
func quoted(mark string) func(string) string {
	return func(name string) string { return mark + strings.ReplaceAll(name, mark, mark+mark) + mark }
}

// row is a row as text, by column. What is null or absent is not valid.
type row map[string]sql.NullString

// table is a table that exists.
type table struct {
	*Database
	name    string
	columns []string // that are wanted and exist
}

// table looks for a table with at least the required columns.
func (d *Database) table(ctx context.Context, name string, required, optional []string) (*table, error) {
	there, err := d.list(ctx, d.engine.columns, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", d.where, err)
	case len(there) == 0:
		return nil, fmt.Errorf("%s has no table %s; is it the database of dffmpeg 0.4?", d.where, name)
	}
	for _, column := range required {
		if !slices.Contains(there, column) {
			return nil, fmt.Errorf("%s: the table %s has no column %s; is it the database of dffmpeg 0.4?", d.where, name, column)
		}
	}
	wanted := slices.Clone(required)
	for _, column := range optional {
		if slices.Contains(there, column) {
			wanted = append(wanted, column)
		}
	}
	return &table{Database: d, name: name, columns: wanted}, nil
}

// list returns the only column of a query.
func (d *Database) list(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := d.pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// page returns rows in the order of a column that tells them apart: those
// after a value of it ("" for the first), at most limit. Rows where it is null
// are left out.
func (t *table) page(ctx context.Context, key, after string, limit int) ([]row, error) {
	selected := make([]string, 0, len(t.columns))
	for _, column := range t.columns {
		selected = append(selected, t.engine.quote(column))
	}
	by := t.engine.quote(key)
	where, args := by+" IS NOT NULL", []any{}
	if after != "" {
		where, args = by+" > ?", append(args, after)
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d", //nolint:gosec // of identifiers that are quoted
		strings.Join(selected, ", "), t.engine.quote(t.name), where, by, limit)
	rows, err := t.pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.where, err)
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		values := make([]sql.NullString, len(t.columns))
		into := make([]any, len(values))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("%s: %w", t.where, err)
		}
		one := make(row, len(values))
		for i, column := range t.columns {
			one[column] = values[i]
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", t.where, err)
	}
	return all, nil
}

// nameless returns how many rows lack the column that tells them apart.
func (t *table) nameless(ctx context.Context, key string) (int, error) {
	count, err := t.list(ctx, "SELECT COUNT(*) FROM "+t.engine.quote(t.name)+" WHERE "+t.engine.quote(key)+" IS NULL")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", t.where, err)
	}
	return strconv.Atoi(count[0])
}

// each calls do with all rows that have a key, some at a time.
func (t *table) each(ctx context.Context, key string, do func([]row) error) error {
	for after := ""; ; {
		rows, err := t.page(ctx, key, after, pageRows)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := do(rows); err != nil {
				return err
			}
		}
		last := ""
		if len(rows) > 0 {
			last = rows[len(rows)-1][key].String
		}
		// The same again: a value that its engine compares in another way than
		// as the text that it is.
		if len(rows) < pageRows || last == after {
			return nil
		}
		after = last
	}
}

// pageRows is how many rows are read and stored in one go.
const pageRows = 200
