package testservices

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Kill ends a service with SIGKILL: name is as dev/services has it. It must be
// one that dev/services has started.
func Kill(t testing.TB, name string) { t.Helper(); control(t, "kill", name) }

// Start starts a service again, with its data and at its address, and returns
// when it answers.
func Start(t testing.TB, name string) { t.Helper(); control(t, "up", name) }

func control(t testing.TB, command, name string) {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), filepath.Join(root, "dev", "services"), command, name).CombinedOutput(); err != nil {
		t.Fatalf("dev/services %s %s: %v\n%s", command, name, err, output)
	}
}

// repository returns the directory that has go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
}
