package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// migrationLock is the number of the lock that programs hold while they bring
// the schema up to date. It is theirs alone within a database; the number has
// no meaning.
const migrationLock = 0x64666d7065

func find() sqlstore.Find {
	return sqlstore.Find{
		Schema: "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'dffmpeg_schema'",
		Old:    "SELECT 1 WHERE FALSE", // 0.4 knew no PostgreSQL
	}
}

// migrate brings a part of the schema up to date: one transaction for all steps,
// with a lock, so several programs may start together. A schema that is up to
// date is only read.
func migrate(ctx context.Context, pool *sql.DB, schema sqlstore.Schema) error {
	m := sqlstore.Migration{Conn: pool, Rebind: rebind, Find: find()}
	version, err := schema.Current(ctx, pool, m.Rebind, m.Find)
	if err != nil || version == schema.Version() {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	m.Conn = tx
	if _, err = tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err == nil {
		err = schema.Migrate(ctx, m)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
