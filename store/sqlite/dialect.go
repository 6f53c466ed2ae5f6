package sqlite

import (
	"context"
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// lockTimeout is how long a write waits for another process that writes.
// Writes take milliseconds.
const lockTimeout = 10 * time.Second

// errLocked is the error for a write that waited too long for another process.
var errLocked = errors.New("another process has kept the database locked")

// dialect describes the engine to the generic SQL.
func dialect() sqlstore.Dialect {
	const waiting = " INDEXED BY dffmpeg_jobs_queue"
	return sqlstore.Dialect{
		Rebind: func(query string) string { return query },
		// Without statistics the planner takes the index of the status, which finds all
		// that wait.
		Queues: sqlstore.SkippingQueues(waiting), Waiting: waiting,
		Held: " INDEXED BY dffmpeg_jobs_held",
		Duplicate: func(err error) bool {
			c := code(err)
			return c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || c == sqlite3.SQLITE_CONSTRAINT_UNIQUE
		},
		// Transactions lock the file before they read, so none collides.
		Collided: func(error) bool { return false },
		Explain:  explain,
		// SQLite's texts name tables and columns at most.
		Cause: func(err error) error { return err },
	}
}

// code returns the extended result code of an error.
func code(err error) int {
	var engine *sqlite.Error
	if errors.As(err, &engine) {
		return engine.Code()
	}
	return sqlite3.SQLITE_OK
}

// primary returns the result code of an error without its extension.
func primary(err error) int { return code(err) & 0xff }

// explain says what is wrong with the file. Result codes are SQLite's:
// https://sqlite.org/rescode.html.
func explain(err error) string {
	if errors.Is(err, errLocked) {
		return "The database is locked by another process; try again"
	}
	switch primary(err) {
	case sqlite3.SQLITE_FULL:
		return "The database's disk is full; nothing was stored"
	case sqlite3.SQLITE_READONLY:
		return "The database cannot be written: it is read-only"
	case sqlite3.SQLITE_IOERR:
		return "The database's disk does not work"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "The database's file is damaged"
	default:
		return ""
	}
}

// whenFree does something that locks the file, again and again while another
// process holds the lock, until ctx ends or lockTimeout has passed. SQLite's
// own wait looks less and less often, ten times a second in the end; against a
// process that writes all the time that may find no gap for seconds. So the
// connections that write have a short busyTimeout, and the wait is here.
func whenFree(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(lockTimeout)
	for {
		err := do()
		if primary(err) != sqlite3.SQLITE_BUSY {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return errors.Join(errLocked, err)
		}
	}
}
