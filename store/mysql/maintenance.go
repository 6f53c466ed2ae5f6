package mysql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Inspect implements store.Engine.
func (engine) Inspect(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions) (store.Inspection, error) {
	var found store.Inspection
	place, err := look(ctx, part, decoder, options, func(tx *sql.Tx, schema sqlstore.Schema) error {
		var err error
		found, err = schema.Inspect(ctx, tx, part, dialect().WithTables(options.Tables), find())
		return err
	})
	found.Place = place
	return found, err
}

// Copy implements store.Engine.
func (engine) Copy(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions, into store.Archive) error {
	_, err := look(ctx, part, decoder, options, func(tx *sql.Tx, schema sqlstore.Schema) error {
		return schema.Copy(ctx, tx, part, dialect().WithTables(options.Tables), find(), into)
	})
	return err
}

// look reads a database as it is at one instant, while others write. It returns
// where that is.
func look(ctx context.Context, part store.Part, decoder store.Decoder, options store.OpenOptions, do func(*sql.Tx, sqlstore.Schema) error) (string, error) {
	settings := DefaultSettings()
	if err := decoder.Decode(&settings); err != nil {
		return "", err
	}
	place := settings.Database + " at " + settings.Address()
	schema, err := sqlstore.SchemaOf(part, migrations, options.Tables)
	if err != nil {
		return place, err
	}
	pool, err := connect(settings)
	if err != nil {
		return place, err
	}
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return place, errors.Join(explained(settings, err), pool.Close())
	}
	if err = do(tx, schema); err != nil {
		err = explained(settings, err)
	}
	return place, errors.Join(err, tx.Rollback(), pool.Close())
}
