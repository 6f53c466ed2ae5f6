package pathmap

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// golden is a table of arguments and what becomes of them.
type golden struct {
	Roots map[string]string `json:"roots"`
	Links map[string]string `json:"links"` // symbolic links of the client's file system
	Names []string          `json:"names"` // the job's paths
	Cases []struct {
		Why      string `json:"why"`
		Arg      string `json:"arg"`
		Want     string `json:"want"`
		Unmapped bool   `json:"unmapped"`
		Refused  bool   `json:"refused"`
	} `json:"cases"`
}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) == 0 {
		t.Fatal("no cases")
	}
	return g
}

// links is a file system that consists of symbolic links.
func links(targets map[string]string) resolver {
	return resolver{readlink: func(name string) (string, error) {
		if target, ok := targets[name]; ok {
			return target, nil
		}
		return "", syscall.EINVAL
	}}
}

func TestClientGolden(t *testing.T) {
	g := readGolden(t, "testdata/client.json")
	client, err := newClient(g.Roots, links(g.Links))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Cases {
		t.Run(c.Why, func(t *testing.T) {
			mapped, names := mapV1(client, []string{c.Arg})
			if mapped[0] != c.Want {
				t.Errorf("%q became %q, want %q", c.Arg, mapped[0], c.Want)
			}
			if got, want := len(names) > 0, c.Want != c.Arg; got != want {
				t.Errorf("names are %q for %q", names, c.Want)
			}
			if len(names) > 0 && !strings.Contains(c.Want, "$"+names[0]) {
				t.Errorf("names are %q for %q", names, c.Want)
			}
			if got := slices.Equal(unmapped(client, []string{"-i", c.Arg}), []int{1}); got != c.Unmapped {
				t.Errorf("%q listed as unmapped: %t", c.Arg, got)
			}
			if dir, dirNames := client.MapWorkingDirectory(c.Arg); dir != c.Want || !slices.Equal(dirNames, names) {
				t.Errorf("as a working directory it became %q with %q", dir, dirNames)
			}
		})
	}
}

func TestWorkerGolden(t *testing.T) {
	g := readGolden(t, "testdata/worker.json")
	worker, err := NewWorker(g.Roots)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Cases {
		t.Run(c.Why, func(t *testing.T) {
			mapped, err := worker.Args([]string{"-y", c.Arg}, g.Names)
			if c.Refused {
				var escape *EscapeError
				if !errors.As(err, &escape) || escape.Arg != c.Arg || !strings.Contains(err.Error(), "argument 1") {
					t.Errorf("got %q, error %v; want an EscapeError for argument 1", mapped, err)
				}
				if _, err := worker.WorkingDirectory(c.Arg, g.Names); !errors.As(err, &escape) {
					t.Errorf("as a working directory: error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if mapped[0] != "-y" || mapped[1] != c.Want {
				t.Errorf("%q became %q, want %q", c.Arg, mapped, c.Want)
			}
		})
	}
}
