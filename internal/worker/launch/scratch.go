package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

const (
	// mostNamed is how many files in a scratch directory are told by name.
	mostNamed = 5
	// mostCounted bounds how many are looked at.
	mostCounted = 1000
)

// scratch is where a job runs whose working directory this machine does not have.
// It is the job's own, and removed with what is in it. The zero value is none.
type scratch struct{ dir string }

// newScratch makes a scratch directory; owner nil is the worker's own account.
func newScratch(owner *executor.Account) (scratch, error) {
	dir, err := os.MkdirTemp("", "dffmpeg-job-")
	if err == nil && owner != nil {
		if err = os.Chown(dir, int(owner.UID), int(owner.GID)); err != nil {
			_ = os.Remove(dir) // it is empty
		}
	}
	if err != nil {
		return scratch{}, fmt.Errorf("scratch directory: %w", err)
	}
	return scratch{dir}, nil
}

// remove removes it, and returns a warning about the files in it, which nobody
// will find; "" when there are none.
func (s scratch) remove() string {
	if s.dir == "" {
		return ""
	}
	names, count := s.files()
	_ = os.RemoveAll(s.dir) // what cannot be removed is the system's to tidy
	switch {
	case count == 0:
		return ""
	case count > len(names):
		more := fmt.Sprint(count - len(names))
		if count == mostCounted {
			more += " or more"
		}
		names = append(names, more+" others")
	}
	return "Files that the program wrote to its working directory are lost, as that was a scratch directory of the worker: " + strings.Join(names, ", ")
}

// files returns the names of some files in it, and how many there are.
func (s scratch) files() (names []string, count int) {
	root, err := os.OpenRoot(s.dir) // links do not lead out of it
	if err != nil {
		return nil, 0
	}
	defer func() { _ = root.Close() }() // it was only read
	enough := errors.New("enough")
	_ = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return nil //nolint:nilerr // what cannot be read is not counted
		case count == mostCounted:
			return enough
		case len(names) < mostNamed:
			names = append(names, name)
		}
		count++
		return nil
	})
	return names, count
}
