package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/worker"
)

func TestWhatIsLeftInAScratchDirectory(t *testing.T) {
	const lost = "are lost, as that was a scratch directory of the worker: "
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "not the job's"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fill func(dir string) error
		want string
	}{
		"nothing":           {func(string) error { return nil }, ""},
		"empty directories": {func(dir string) error { return os.MkdirAll(filepath.Join(dir, "a/b"), 0o700) }, ""},
		"some":              {touch("a.mkv", "sub/b.ts"), lost + "a.mkv, sub/b.ts"},
		"many":              {touch("1", "2", "3", "4", "5", "6", "7"), lost + "1, 2, 3, 4, 5, 2 others"},
		"a link elsewhere":  {func(dir string) error { return os.Symlink(outside, filepath.Join(dir, "link")) }, lost + "link"},
		"very many": {func(dir string) error {
			for i := range mostCounted + 10 {
				if err := touch(fmt.Sprintf("%05d", i))(dir); err != nil {
					return err
				}
			}
			return nil
		}, lost + "00000, 00001, 00002, 00003, 00004, 995 or more others"},
	} {
		s, err := newScratch(nil)
		if err == nil {
			err = c.fill(s.dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.remove(); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: warning %q, want …%q", name, got, c.want)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("%s: %s is still there: %v", name, s.dir, err)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "not the job's")); err != nil {
		t.Error(err)
	}
}

// touch makes empty files.
func touch(names ...string) func(dir string) error {
	return func(dir string) error {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestLostFilesAreReported: with the process's end, and only of a scratch
// directory.
func TestLostFilesAreReported(t *testing.T) {
	l, media := launcher(t)
	work := "$Media"
	for name, c := range map[string]struct {
		dir  *string
		want int
	}{"scratch": {nil, 1}, "mapped": {&work, 0}} {
		var out collected
		p, err := l.Launch(t.Context(), dffmpeg.JobRequest{
			BinaryName: "sh", Arguments: []string{"-c", "touch made"}, WorkingDirectory: c.dir, Paths: []string{"Media"},
		}, worker.Streams{Lines: out.add})
		if err != nil {
			t.Fatal(err)
		}
		p.Wait()
		if got := p.Warnings(); len(got) != c.want {
			t.Errorf("%s: warnings %q, want %d", name, got, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(media, "made")); err != nil {
		t.Errorf("the file in the mapped directory: %v", err)
	}
}
