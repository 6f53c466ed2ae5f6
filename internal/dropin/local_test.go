package dropin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLocal: the drop-in never takes itself for the program.
func TestLocal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs, empty := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(path string, mode os.FileMode) string {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(target, path string) string {
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mine := link(self, filepath.Join(ours, "ffmpeg")) // this program
	byName := link(write(filepath.Join(ours, Name), 0o755), filepath.Join(ours, "ffprobe"))
	real := write(filepath.Join(theirs, "ffmpeg"), 0o755)
	plain := write(filepath.Join(theirs, "plain"), 0o644)
	for name, tt := range map[string]struct {
		binary, path string
		binaries     map[string]string
		want, fails  string
	}{
		"the first in PATH that is another": {"ffmpeg", ours + ":" + theirs, nil, real, ""},
		"ourselves only":                    {"ffmpeg", ours, nil, "", "no other ffmpeg in PATH"},
		"the small program's name":          {"ffprobe", ours + ":" + theirs, nil, "", "no other ffprobe in PATH"},
		"named":                             {"x", empty, map[string]string{"x": real}, real, ""},
		"named and missing":                 {"x", theirs, map[string]string{"x": empty + "/x"}, "", "fallback.binaries.x of the client's configuration: "},
		"named and no program":              {"x", theirs, map[string]string{"x": plain}, "", "permission denied"},
		"named and ourselves":               {"x", theirs, map[string]string{"x": mine}, "", "is the drop-in itself"},
		"named and ourselves, by name":      {"x", theirs, map[string]string{"x": byName}, "", "is the drop-in itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", tt.path)
			got, err := Local(tt.binary, config.Fallback{Binaries: tt.binaries})
			if got != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("found %q, %v; want %q, %q", got, err, tt.want, tt.fails)
			}
		})
	}
	for path, want := range map[string]bool{ours + ":" + theirs: true, theirs + ":" + ours: false} {
		t.Setenv("PATH", path)
		if _, is, err := InPath("ffmpeg"); err != nil || is != want {
			t.Errorf("in %s the drop-in comes first: %t (%v), want %t", path, is, err, want)
		}
	}
}
