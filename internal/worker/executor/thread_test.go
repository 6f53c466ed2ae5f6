package executor

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/umask"
)

// TestUmask: each process has its own, and the worker's other threads keep theirs.
func TestUmask(t *testing.T) {
	current := umask.Current()
	if current == nil {
		t.Fatal("the kernel does not tell the umask")
	}
	own := *current
	e, dir := running(t), t.TempDir()
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if mode := made(t, filepath.Join(dir, "ours")); mode != os.FileMode(0o666&^own) {
				t.Errorf("file %d of the worker itself has mode %o, its umask is %04o", i, mode, own)
				return
			}
		}
	})
	defer others.Wait()
	defer close(stop)
	for range 20 {
		for mask, want := range map[int]string{0o77: "600", 0o27: "640", 0: "666", 0o177: "600"} {
			var out bytes.Buffer
			p, err := e.Start(t.Context(), Spec{
				Path: "/bin/sh", Args: []string{"-c", "rm -f theirs; : >theirs && stat -c %a theirs"}, Dir: dir, Env: []string{"PATH=/usr/bin:/bin"},
				Stdout: &out, Stderr: io.Discard, Umask: &mask,
			})
			if err != nil {
				t.Fatal(err)
			}
			p.Wait()
			if got := strings.TrimSpace(out.String()); got != want || !p.Masked() {
				t.Fatalf("umask %04o: mode %s, want %s; masked %t", mask, got, want, p.Masked())
			}
		}
		var out bytes.Buffer
		p := shell(t, e, "umask", &out, io.Discard)
		p.Wait()
		if got := strings.TrimSpace(out.String()); got != octal(own) {
			t.Fatalf("a process without one has umask %s, want %s", got, octal(own))
		}
	}
}

// made makes a file and returns its mode.
func made(t *testing.T, name string) os.FileMode {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || os.Remove(name) != nil {
		t.Error("look at a file: ", err)
		return 0
	}
	return info.Mode().Perm()
}

// TestUmaskThatMayNotBeSet: a thread that is not alone touches nobody's umask, and
// says so, unless there is nothing to change.
func TestUmaskThatMayNotBeSet(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own := umask.OfThread()
	other := *own ^ 0o70
	for name, c := range map[string]struct {
		thread thread
		mask   *int
		masked bool
	}{
		"another":      {thread{mask: own}, &other, false},
		"the same":     {thread{mask: own}, own, true},
		"none":         {thread{mask: own}, nil, true},
		"when unknown": {thread{}, own, false},
	} {
		started := false
		masked, err := c.thread.with(c.mask, func() error {
			started = true
			if now := umask.OfThread(); *now != *own {
				t.Errorf("%s: umask %04o, was %04o", name, *now, *own)
			}
			return nil
		})
		if err != nil || !started || masked != c.masked {
			t.Errorf("%s: masked %t, want %t; started %t, error %v", name, masked, c.masked, started, err)
		}
	}
}

// octal writes a mask as a shell does.
func octal(mask int) string { return fmt.Sprintf("%04o", mask) }
