package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/dffmpeg/dffmpeg/store"
)

// copyBatch is how many rows go into an archive at once.
const copyBatch = 500

// table is a table with its columns; those of bytes are not text.
type table struct {
	name    string
	columns string
	bytes   string
}

// contents are the tables of a part.
func contents(part store.Part) []table {
	if part == store.IdentitiesPart {
		return []table{{name: identitiesTable, columns: identityColumns}}
	}
	return []table{
		{name: jobsTable, columns: jobColumns},
		{name: jobsTable + "_output", columns: "job_id, attempt, stream, start, message_id, size, created_at, data", bytes: "data"},
		{name: messagesTable, columns: "mailbox, seq, message_id, recipient_id, sender_id, job_id, type, payload, created_at, not_before, sent_at, acked_at, transport"},
		{name: workersTable, columns: workerColumns},
	}
}

// names returns the columns of a table.
func (t table) names() []string {
	names := strings.Split(t.columns, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// SchemaOf reads the schema of a part from an engine's migrations.
func SchemaOf(part store.Part, files fs.FS, tables store.Tables) (Schema, error) {
	if part == store.IdentitiesPart {
		return IdentitiesSchema(files, tables)
	}
	return StateSchema(files, tables)
}

// Inspect looks at a part of a database; the dialect has the names of its
// tables.
func (s Schema) Inspect(ctx context.Context, conn Queryer, part store.Part, dialect Dialect, find Find) (store.Inspection, error) {
	found := store.Inspection{Known: s.Version()}
	version, err := s.Current(ctx, conn, dialect.Rebind, find)
	if errors.Is(err, ErrOldDatabase) {
		found.Old = true
		return found, nil
	}
	if err != nil || version == 0 {
		return found, err
	}
	found.Version = version
	tx := &txn{queries: conn}
	for _, t := range contents(part) {
		size := store.TableSize{Name: t.name}
		if err := tx.row(ctx, dialect.Rebind("SELECT COUNT(*) FROM "+t.name)).Scan(&size.Rows); err != nil {
			return found, fmt.Errorf("count the rows of %s: %w", t.name, err)
		}
		found.Tables = append(found.Tables, size)
	}
	return found, nil
}

// Copy copies a part into an archive. conn is a transaction that sees one
// instant only.
func (s Schema) Copy(ctx context.Context, conn Queryer, part store.Part, dialect Dialect, find Find, into store.Archive) error {
	version, err := s.Current(ctx, conn, dialect.Rebind, find)
	if err != nil {
		return err
	}
	if version != s.Version() {
		return fmt.Errorf("its schema has version %d of %d; migrate it first: dffmpeg admin db migrate", version, s.Version())
	}
	for _, t := range contents(part) {
		if err := copyTable(ctx, conn, dialect, t, into); err != nil {
			return fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	return nil
}

func copyTable(ctx context.Context, conn Queryer, dialect Dialect, t table, into store.Archive) error {
	rows, err := conn.QueryContext(ctx, dialect.Rebind("SELECT "+t.columns+" FROM "+t.name))
	if err != nil {
		return err
	}
	defer rows.Close()
	names := t.names()
	var batch [][]any
	for rows.Next() {
		row, pointers := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			pointers[i] = &row[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for i, name := range names {
			if text, ok := row[i].([]byte); ok && name != t.bytes {
				row[i] = string(text) // some drivers have no other text
			}
		}
		if batch = append(batch, row); len(batch) == copyBatch {
			if err := into.Insert(ctx, t.name, names, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := rows.Err(); err != nil || len(batch) == 0 {
		return err
	}
	return into.Insert(ctx, t.name, names, batch)
}
