package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// files are those that are made for a job: list files whose paths are this
// machine's. They are the job's own, out of its working directory. The zero
// value has none.
type files struct {
	dir   string // "" as long as there are none
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
	}
	f.count++
	name := filepath.Join(f.dir, strconv.Itoa(f.count)+".ffconcat")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
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
