package sqlite

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// probingProcess names the database whose lock this test binary, run again, is
// to look for: a process does not see its own locks.
const probingProcess = "DFFMPEG_TEST_SQLITE_LOCK"

// The bytes that every connection to a database in WAL mode keeps locked
// against those who would be its only one (SHARED_FIRST and SHARED_SIZE of
// SQLite's os.h).
const (
	sharedFirst = 0x40000000 + 2
	sharedSize  = 510
)

// probeLock is the other process: it returns an error unless somebody holds the
// lock of a connection.
func probeLock(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: sharedFirst, Len: sharedSize}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		return err
	}
	if lock.Type == syscall.F_UNLCK {
		return errors.New("nobody holds the lock of a connection")
	}
	return nil
}

// TestOneFileForBoth: opening a file that this process has open already leaves
// it locked. Without the lock the next program to close the file, be it an older
// sqlite3 that only reads, removes the log that is still written to.
func TestOneFileForBoth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dffmpeg.db")
	state, err := Open(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	identities, err := OpenIdentities(t.Context(), at(path), options())
	if err != nil {
		t.Fatal(err)
	}
	defer identities.Close()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), probingProcess+"="+path)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("the other process: %v: %s", err, output)
	}
}
