package pathmap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMapCommandListsNamesOnce(t *testing.T) {
	client, err := NewClient(map[string]string{"B": "/b-root", "A": "/a-root", "C": "/c-root"})
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-i", "/b-root/x", "-i", "/a-root/y", "/b-root/z"}
	before := append([]string(nil), args...)
	mapped, names := mapV1(client, args)
	if diff := cmp.Diff([]string{"-i", "$B/x", "-i", "$A/y", "$B/z"}, mapped); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A", "B"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, args); diff != "" {
		t.Errorf("the caller's arguments changed: %s", diff)
	}
}

// TestMapCommandNeverReturnsNil because lists on the wire may not be null.
func TestMapCommandNeverReturnsNil(t *testing.T) {
	client, err := NewClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	mapped, names := mapV1(client, nil)
	_, dirNames := client.MapWorkingDirectory("/")
	if mapped == nil || names == nil || dirNames == nil {
		t.Errorf("MapCommand(nil) = %#v, %#v; names of a directory %#v", mapped, names, dirNames)
	}
}

func TestClientWithTheWholeFileSystem(t *testing.T) {
	client, err := newClient(map[string]string{"All": "/", "Dev": "/dev/custom", "Shm": "/dev/shm"}, links(nil))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"/", "/a/b", "/dev/null", "/proc/1/x", "/sys", "/dev/shm/t.ts", "/dev/custom/x", "/deva"}
	mapped, _ := mapV1(client, args)
	want := []string{"$All", "$All/a/b", "/dev/null", "/proc/1/x", "/sys", "$Shm/t.ts", "$Dev/x", "$All/deva"}
	if diff := cmp.Diff(want, mapped); diff != "" {
		t.Error(diff)
	}
	if unmapped := unmapped(client, args); len(unmapped) != 0 {
		t.Errorf("devices are listed as unmapped: %v", unmapped)
	}
}

func TestTwoNamesForOneRoot(t *testing.T) {
	for range 20 { // whatever the order of the map
		client, err := NewClient(map[string]string{"B": "/m", "A": "/m/", "C": "/m"})
		if err != nil {
			t.Fatal(err)
		}
		if mapped, _ := mapV1(client, []string{"/m/x"}); mapped[0] != "$A/x" {
			t.Fatalf("mapped to %s, want $A/x every time", mapped[0])
		}
	}
}

func TestRootsAreChecked(t *testing.T) {
	roots := map[string]string{"": "/a", "Sla/sh": "/b", "Dol$lar": "/c", "Tab\t": "/d", "Relative": "media", "Empty": "", "Home": "~/x", "Good": "/e"}
	_, clientErr := NewClient(roots)
	_, workerErr := NewWorker(roots)
	for _, err := range []error{clientErr, workerErr} {
		if err == nil {
			t.Fatal("accepted")
		}
		for _, part := range []string{"must not be empty", `"Sla/sh"`, `"Dol$lar"`, `"Tab\t"`, `Relative: "media"`, `Empty: ""`, `Home: "~/x"`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not say %s:\n%v", part, err)
			}
		}
		if strings.Contains(err.Error(), "Good") {
			t.Errorf("the error blames a good root:\n%v", err)
		}
	}
	if _, err := newClient(map[string]string{"L": "/loop"}, links(map[string]string{"/loop": "loop"})); err == nil {
		t.Error("a root that is a loop of links was accepted")
	}
}

// TestRealFileSystem resolves links as the kernel does, and what does not
// exist yet.
func TestRealFileSystem(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"disk/films/2026", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"media": "disk", "disk/new": "films/2026", "disk/out": filepath.Join(dir, "outside"), "disk/dangling": "films/missing", "disk/loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	client, err := NewClient(map[string]string{"Media": filepath.Join(dir, "media") + "/", "Later": filepath.Join(dir, "not/yet")})
	if err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]string{
		"/media/films/a.mkv":      "$Media/films/a.mkv",
		"/disk/new/seg0.ts":       "$Media/films/2026/seg0.ts",
		"/disk/new/../b.mkv":      "$Media/films/b.mkv",
		"/media/to/be/made/c.mkv": "$Media/to/be/made/c.mkv",
		"/media/to/../c.mkv":      "$Media/c.mkv",
		"/media/dangling":         "$Media/films/missing",
		"/not/yet/d.mkv":          "$Later/d.mkv",
		"/media/out/e.mkv":        "",
		"/media/loop":             "",
		"/media/../outside":       "",
	} {
		if want == "" {
			want = dir + arg
		}
		if mapped, _ := mapV1(client, []string{dir + arg}); mapped[0] != want {
			t.Errorf("%s became %s, want %s", arg, mapped[0], want)
		}
	}
}

// TestAsksTheFileSystemOnlyAboutPaths counts the calls, because each costs a
// start of the proxy time.
func TestAsksTheFileSystemOnlyAboutPaths(t *testing.T) {
	var asked []string
	client, err := newClient(map[string]string{"M": "/m"}, resolver{readlink: func(name string) (string, error) {
		asked = append(asked, name)
		return "", os.ErrInvalid
	}})
	if err != nil {
		t.Fatal(err)
	}
	asked = nil
	mapV1(client, []string{
		"-i", "a.mkv", "", "pipe:1", "-", "concat:a|b", "subtitles=/m/x", "file:b", "http://x/m", "/dev/null", "/proc/self/fd/1", "/m/\x00", "/" + strings.Repeat("m/", maxPath),
	})
	if len(asked) != 0 {
		t.Errorf("asked about %q", asked)
	}
	mapV1(client, []string{"/m/a"})
	if diff := cmp.Diff([]string{"/m", "/m/a"}, asked); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkMapCommand(b *testing.B) {
	dir := b.TempDir()
	client, err := NewClient(map[string]string{"Media": dir, "Cache": "/var/cache"})
	if err != nil {
		b.Fatal(err)
	}
	args := []string{"-y", "-i", "file:" + dir + "/films/a.mkv", "-c:v", "libx264", "-f", "hls"}
	for i := range 40 {
		args = append(args, fmt.Sprintf("-metadata:s:%d", i), "language=eng")
	}
	args = append(args, dir+"/out/seg%d.ts")
	for b.Loop() {
		mapV1(client, args)
	}
}
