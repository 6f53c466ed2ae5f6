package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// files are those that are made for a job: list files whose paths are this
// machine's. They are the job's own, out of its working directory. The zero
// value has none.
//
// With an owner, each file is the owner's, but the directory stays the worker's:
// whoever can write to it could put a link where a file is about to be made.
type files struct {
	owner *executor.Account // nil for the worker's own
	dir   string            // "" as long as there are none
	count int
}

// place makes a file of that text and returns its absolute path.
func (f *files) place(text string) (string, error) {
	if f.dir == "" {
		dir, err := os.MkdirTemp("", "dffmpeg-lists-")
		if err != nil {
			return "", fmt.Errorf("directory for list files: %w", err)
		}
		f.dir = dir
		if f.owner != nil {
			if err := os.Chmod(dir, 0o711); err != nil { // to be passed through
				return "", fmt.Errorf("directory for list files: %w", err)
			}
		}
	}
	f.count++
	name := filepath.Join(f.dir, strconv.Itoa(f.count)+".ffconcat")
	err := os.WriteFile(name, []byte(text), 0o600)
	if err == nil && f.owner != nil {
		err = os.Chown(name, int(f.owner.UID), int(f.owner.GID))
	}
	if err != nil {
		return "", fmt.Errorf("list file: %w", err)
	}
	return name, nil
}

// remove removes them.
func (f *files) remove() {
	if f.dir != "" {
		_ = os.RemoveAll(f.dir) // what cannot be removed is the system's to tidy
	}
}
