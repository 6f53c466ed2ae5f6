package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// local runs the real program, whatever the drop-in is called.
func local(t *testing.T, dir, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/usr/bin/"+name, args...)
	cmd.Dir = dir
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	runErr := cmd.Run()
	var exit *exec.ExitError
	if runErr != nil && !errors.As(runErr, &exit) {
		t.Fatalf("%s: %v (the tests need ffmpeg: make test installs it)", name, runErr)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// makeClip writes a clip of so many seconds.
func makeClip(t *testing.T, path string, seconds int) {
	t.Helper()
	length := strconv.Itoa(seconds)
	_, stderr, code := local(t, filepath.Dir(path), "ffmpeg", "-nostdin", "-v", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration="+length,
		"-f", "lavfi", "-i", "sine=frequency=440:duration="+length,
		"-c:v", "mpeg4", "-c:a", "aac", path)
	if code != 0 {
		t.Fatalf("make %s: exit code %d: %s", path, code, stderr)
	}
}

// duration returns a file's length in seconds, as the real ffprobe reads it.
func duration(t *testing.T, path string) float64 {
	t.Helper()
	stdout, stderr, code := local(t, filepath.Dir(path), "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path)
	if code != 0 {
		t.Fatalf("ffprobe %s: %s", path, stderr)
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(stdout), 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// processesWith returns the PIDs of processes that have word in their command
// line.
func processesWith(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil && bytes.Contains(content, []byte(word)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}
