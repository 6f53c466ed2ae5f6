package main

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// update rewrites the list of dependencies: go test ./cmd/dffmpeg_proxy -update
var update = flag.Bool("update", false, "accept the dependencies as they are")

// TestDependencies keeps the drop-in small: it starts for every ffprobe. What
// it links outside the standard library is listed; additions need a reason.
func TestDependencies(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	const list = "testdata/dependencies.txt"
	if *update {
		if err := os.WriteFile(list, []byte(strings.Join(got, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Fields(string(want)), got); diff != "" {
		t.Errorf("dependencies of the proxy (-listed +linked):\n%s", diff)
	}
	for _, path := range got {
		for _, heavy := range []string{"spf13/cobra", "modernc.org/", "danielgtaylor/huma", "/store"} {
			if strings.Contains(path, heavy) {
				t.Errorf("the proxy links %s", path)
			}
		}
	}
}
