package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// prepareFile makes a new database readable by its owner only, before the
// engine makes it readable by all.
//
// It must not open a file that exists, not even to look: closing it again would
// drop every lock that this process holds on it, such as those of state and
// identities in one file. The next program to close the database would then
// take itself for the last one and remove the log that is still written to
// (https://sqlite.org/howtocorrupt.html, 2.2).
func prepareFile(path string) error {
	if there, err := fileExists(path); err != nil || there {
		return err
	}
	err := makeFile(path, os.Link)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("database %s: the directory %s does not exist; make it, or set database path", path, filepath.Dir(path))
	case err != nil && !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("database %s cannot be made: %w", path, err)
	}
	// Another program may have been first; a link to nothing is in the way.
	there, err := fileExists(path)
	if err == nil && !there {
		err = fmt.Errorf("database %s is a link to a file that does not exist; name the file itself", path)
	}
	return err
}

// makeFile makes an empty file, which is closed before it gets its name. Where
// files cannot be linked it has its name at once, which only matters if this
// process opens it at the same moment. A file that exists is an error.
func makeFile(path string, link func(from, to string) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".dffmpeg-*.db") // mode 0600
	if err != nil {
		return err
	}
	err = file.Close()
	if err == nil {
		err = link(file.Name(), path)
	}
	if removed := os.Remove(file.Name()); removed != nil {
		return removed
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return err
	}
	return file.Close()
}

// fileExists reports whether there is a file of that name; anything but an ordinary
// file is an error.
func fileExists(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("database: %w", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("database %s is not a file", path)
	}
	return true, nil
}
