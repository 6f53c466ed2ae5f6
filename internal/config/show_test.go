package config

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// marker is in every secret of the test files, and nowhere else.
const marker = "S3CRETMARKER"

// golden compares text with a file of testdata.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// shower is a configuration.
type shower interface{ Show(io.Writer) error }

// load reads a component's configuration.
func load(t *testing.T, component Component, path string, env Environment) (shower, error) {
	t.Helper()
	switch component {
	case CoordinatorComponent:
		return LoadCoordinator(path, env, engines())
	case WorkerComponent:
		return LoadWorker(path, env)
	default:
		return LoadClient(path, env)
	}
}

// shown returns what Show writes, with dir in place of the test's directory.
func shown(t *testing.T, c shower, dir string) string {
	t.Helper()
	var b strings.Builder
	if err := c.Show(&b); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}

func TestGoodFiles(t *testing.T) {
	dir, err := filepath.Abs("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	for _, component := range []Component{CoordinatorComponent, WorkerComponent, ClientComponent} {
		t.Run(string(component), func(t *testing.T) {
			c, err := load(t, component, filepath.Join(dir, component.FileName()), Environment{})
			if err != nil {
				t.Fatal(err)
			}
			text := shown(t, c, dir)
			if strings.Contains(text, marker) {
				t.Error("Show tells a secret")
			}
			golden(t, filepath.Join("testdata/good", string(component)+".golden"), text)
		})
	}
}

// What Show writes is a configuration again, apart from the secrets and from
// what depends on the file's place.
func TestShowCanBeRead(t *testing.T) {
	for _, component := range []Component{CoordinatorComponent, WorkerComponent, ClientComponent} {
		t.Run(string(component), func(t *testing.T) {
			first, err := load(t, component, filepath.Join("testdata/good", component.FileName()), Environment{})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), component.FileName())
			text := shown(t, first, "/nowhere")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			second, err := load(t, component, path, Environment{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text, shown(t, second, "/nowhere")); diff != "" {
				t.Errorf("after a round trip (-first +second):\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	for component, c := range map[Component]shower{
		CoordinatorComponent: DefaultCoordinator(engines()), WorkerComponent: DefaultWorker(), ClientComponent: DefaultClient(),
	} {
		golden(t, "testdata/defaults/"+string(component)+".golden", shown(t, c, "/nowhere"))
	}
}
