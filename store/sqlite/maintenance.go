package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Inspect implements store.Engine.
func (engine) Inspect(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions) (store.Inspection, error) {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return store.Inspection{}, err
	}
	schema, err := sqlstore.SchemaOf(part, migrations, options.Tables)
	if err != nil {
		return store.Inspection{}, err
	}
	found := store.Inspection{Known: schema.Version()}
	if there, err := fileExists(settings.Path); err != nil || !there {
		found.Place = settings.Path
		return found, err
	}
	err = look(ctx, settings, func(tx *sql.Tx) error {
		found, err = schema.Inspect(ctx, tx, part, dialect().WithTables(options.Tables), find())
		return err
	})
	found.Place = settings.Path
	return found, err
}

// Copy implements store.Engine.
func (engine) Copy(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions, into store.Archive) error {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return err
	}
	schema, err := sqlstore.SchemaOf(part, migrations, options.Tables)
	if err != nil {
		return err
	}
	if there, err := fileExists(settings.Path); err != nil || !there {
		return errors.Join(fmt.Errorf("database %s does not exist", settings.Path), err)
	}
	return look(ctx, settings, func(tx *sql.Tx) error {
		return schema.Copy(ctx, tx, part, dialect().WithTables(options.Tables), find(), into)
	})
}

// look reads a file as it is at one instant, while others write.
func look(ctx context.Context, settings Settings, do func(tx *sql.Tx) error) error {
	pool, err := sql.Open("sqlite", file(settings.Path, url.Values{
		"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", readTimeout.Milliseconds())},
	}))
	if err != nil {
		return fmt.Errorf("open database %s: %w", settings.Path, err)
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return errors.Join(fmt.Errorf("database %s cannot be read; is it a SQLite database? %w", settings.Path, err), pool.Close())
	}
	err = do(tx)
	if err != nil {
		err = fmt.Errorf("database %s: %w", settings.Path, err)
	}
	return errors.Join(err, tx.Rollback(), pool.Close())
}

// Archive is a new file that takes copies of the parts of a database of any
// engine: a database like every other, with tables of the default names. It is
// complete once Close has returned nil; until then the file has another name.
type Archive struct {
	path  string
	draft string
	pool  *sql.DB
}

var _ store.Archive = (*Archive)(nil)

// CreateArchive makes the file, which must not exist.
func CreateArchive(ctx context.Context, path string) (*Archive, error) {
	if there, err := fileExists(path); there || err != nil {
		return nil, errors.Join(fmt.Errorf("%s exists; it is not overwritten", path), err)
	}
	a := &Archive{path: path, draft: path + ".part"}
	if err := os.Remove(a.draft); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("remove what an earlier copy has left: %w", err)
	}
	settings := Settings{Path: a.draft, Synchronous: "full"}
	if err := prepareFile(a.draft); err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", source(settings, writeTimeout))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	pool.SetMaxOpenConns(1)
	a.pool = pool
	for _, part := range []store.Part{store.StatePart, store.IdentitiesPart} {
		schema, err := sqlstore.SchemaOf(part, migrations, store.Tables{})
		if err == nil {
			err = migrate(ctx, pool, schema)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make %s: %w", path, err), a.Discard())
		}
	}
	return a, nil
}

// Insert implements store.Archive.
func (a *Archive) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	tx, err := a.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	statement := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	prepared, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	for _, row := range rows {
		if _, err := prepared.ExecContext(ctx, row...); err != nil {
			return errors.Join(err, prepared.Close(), tx.Rollback())
		}
	}
	return errors.Join(prepared.Close(), tx.Commit())
}

// Close completes the file.
func (a *Archive) Close(ctx context.Context) error {
	// One file without a log beside it, which can be copied.
	_, err := a.pool.ExecContext(ctx, "PRAGMA journal_mode = DELETE")
	if err := errors.Join(err, a.pool.Close()); err != nil {
		return fmt.Errorf("complete %s: %w", a.path, err)
	}
	if there, err := fileExists(a.path); there || err != nil {
		return errors.Join(fmt.Errorf("somebody else has made %s meanwhile", a.path), err)
	}
	return os.Rename(a.draft, a.path)
}

// Discard removes what there is of the file.
func (a *Archive) Discard() error {
	err := a.pool.Close()
	for _, end := range []string{"", "-wal", "-shm"} {
		if gone := os.Remove(a.draft + end); gone != nil && !os.IsNotExist(gone) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
