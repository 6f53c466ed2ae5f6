// Package e2e tests the whole system as its users meet it: the built binaries,
// real processes, real ffmpeg, on loopback.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binaries is where TestMain put the programs under test. Tests only read it.
var binaries string

func TestMain(m *testing.M) {
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the programs under test:", err)
		os.Exit(1)
	}
	binaries = dir
	// One for all workers of this run, so that each build of ffmpeg is asked once.
	if err := os.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(dir) // a temporary directory; what is left does no harm
	os.Exit(code)
}

// build makes both binaries, as they are shipped, with the names they answer to.
func build() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "dffmpeg-e2e-")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", dir+"/", "../cmd/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	links := map[string]string{
		"dffmpeg-coordinator": "dffmpeg", "dffmpeg-worker": "dffmpeg",
		"dffmpeg-client": "dffmpeg", "dffmpeg-admin": "dffmpeg",
		"ffmpeg": "dffmpeg_proxy", "ffprobe": "dffmpeg_proxy",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}
