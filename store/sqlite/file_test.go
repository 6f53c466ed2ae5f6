package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestMakeFile: for its owner only, in any file system, and never in the place
// of another.
func TestMakeFile(t *testing.T) {
	for name, link := range map[string]func(from, to string) error{
		"links":    os.Link,
		"no links": func(string, string) error { return errors.ErrUnsupported },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "state.db")
		if err := makeFile(path, link); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v (%v), want 0600: it holds keys", name, info.Mode(), err)
		}
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := makeFile(path, link); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: over a file that exists: %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("%s: the file that existed holds %q (%v)", name, text, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%s: the directory holds %v (%v)", name, files, err)
		}
	}
}
