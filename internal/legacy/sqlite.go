package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// lockTimeout is how long a query waits while 0.4 writes.
const lockTimeout = 10 * time.Second

// OpenSQLite opens a file of 0.4 for reading. The file is not changed, and
// nothing is made beside it when 0.4 does not run.
func OpenSQLite(ctx context.Context, path string, tables Tables) (*Database, error) {
	where := "0.4 database " + path
	options := url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTimeout.Milliseconds())}}
	still, err := isStill(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if still {
		options.Set("immutable", "1")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: options.Encode()}
	pool, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	d := newDatabase(pool, where, tables, dialect{
		columns: "SELECT name FROM pragma_table_info(?)",
		quote:   quoted(`"`),
	})
	if _, err := d.list(ctx, "SELECT name FROM sqlite_master LIMIT 1"); err != nil {
		return nil, errors.Join(fmt.Errorf("%s cannot be read; is it a SQLite database, and may we write its directory? %w", where, err), pool.Close())
	}
	return d, nil
}

// Of a file's header: https://sqlite.org/fileformat2.html#the_database_header.
const (
	readVersionAt  = 19
	writeAheadLog  = 2
	smallestHeader = 100
)

// isStill reports whether nobody can have the file open: it is one with a
// write-ahead log, which exists as long as somebody has. Reading it in the
// ordinary way would make the log, perhaps with an owner whom 0.4 may not
// share it with. Whoever starts 0.4 while such a file is read may have to import
// again.
func isStill(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, errors.New("there is no such file")
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errors.New("it is not a file")
	}
	logged, err := hasLog(path)
	if err != nil || !logged {
		return false, err
	}
	_, err = os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// hasLog reports whether a file is a database with a write-ahead log.
func hasLog(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	header := make([]byte, smallestHeader)
	_, err = io.ReadFull(file, header)
	if closed := file.Close(); closed != nil {
		return false, closed
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, errors.New("it is not a SQLite database, or an empty one")
	}
	return header[readVersionAt] == writeAheadLog, err
}
