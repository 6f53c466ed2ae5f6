package umask

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurrent compares with what a child, which inherits it, says.
func TestCurrent(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "umask").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "status")
	if err := os.WriteFile(file, []byte("Name:\tx\nUmask:\t"+string(out)), 0o600); err != nil {
		t.Fatal(err)
	}
	want := read(file)
	if want == nil {
		t.Fatalf("a shell says %q", out)
	}
	for name, read := range map[string]func() *int{"process": Current, "thread": OfThread} {
		if got := read(); got == nil || *got != *want {
			t.Errorf("umask of the %s %v, want %04o", name, got, *want)
		}
	}
}

func TestWhatTheKernelSays(t *testing.T) {
	for text, want := range map[string]int{
		"Name:\ta\nUmask:\t0022\nState:\tR\n": 0o22, "Umask:\t0777\n": 0o777, "Umask:\t0000\n": 0, "Name:\ta\n": -1, "Umask:\tx\n": -1, "": -1,
	} {
		file := filepath.Join(t.TempDir(), "status")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := read(file); (got != nil) != (want >= 0) || got != nil && *got != want {
			t.Errorf("%q: umask %v, want %04o", strings.TrimSpace(text), got, want)
		}
	}
	if read("/nonexistent/status") != nil {
		t.Error("a file that does not exist tells a umask")
	}
}

func BenchmarkCurrent(b *testing.B) {
	for b.Loop() {
		Current()
	}
}
