package pathmap

import (
	"encoding/json"
	"flag"
	"os"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

var update = flag.Bool("update", false, "write what becomes of the commands into testdata/commands.json; read it before you commit it")

// commands is a table of command lines that media servers and people run. Of
// each argument that changes it has every form; the others must arrive byte
// for byte.
type commands struct {
	Client map[string]string `json:"client"`
	Worker map[string]string `json:"worker"`
	Cases  []commandCase     `json:"cases"`
}

type commandCase struct {
	Who   string            `json:"who"`
	Dir   string            `json:"dir"`
	Files map[string]string `json:"files"` // list files of the client
	Args  []string          `json:"args"`
	Paths []string          `json:"paths"`
	// Changes by the argument as it was typed.
	Changes map[string]change `json:"changes"`
	// Segments says whether the second form is sent at all.
	Segments bool     `json:"segments"`
	Unmapped []string `json:"unmapped"`
}

type change struct {
	V1   string           `json:"v1,omitempty"` // if it is not what was typed
	Sent dffmpeg.Argument `json:"sent"`
	Runs string           `json:"runs"`
	File string           `json:"file,omitempty"` // text of the list that is made
}

func TestRealCommandLines(t *testing.T) {
	const golden = "testdata/commands.json"
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var table commands
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	worker, err := NewWorker(table.Worker)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range table.Cases {
		t.Run(c.Who, func(t *testing.T) {
			client, err := newClient(table.Client, links(nil))
			if err != nil {
				t.Fatal(err)
			}
			client.readList = func(name string) (string, bool) {
				text, ok := c.Files[path.Clean(name)]
				return text, ok
			}
			got := run(t, client, worker, c)
			if *update {
				table.Cases[i] = got
				return
			}
			if diff := cmp.Diff(c, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if *update {
		text, err := json.MarshalIndent(table, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// run sends a command to the worker and returns the case as it went.
func run(t *testing.T, client *Client, worker *Worker, c commandCase) commandCase {
	t.Helper()
	v1, segments, paths, _ := client.MapCommand(c.Args, c.Dir)
	got := commandCase{Who: c.Who, Dir: c.Dir, Files: c.Files, Args: c.Args, Paths: paths, Segments: segments != nil, Changes: map[string]change{}, Unmapped: []string{}}
	for i, e := range client.Explain(c.Args, c.Dir) {
		file := ""
		runs, err := worker.Arguments([]dffmpeg.Argument{e.Sent}, paths, func(text string) (string, error) {
			file = text
			return "/scratch/list", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if segments == nil { // then version 1 must do the same
			if old, err := worker.Args(v1[i:i+1], paths); err != nil || old[0] != runs[0] {
				t.Errorf("version 1 of %q runs %q, the second form %q; error %v", e.Typed, old, runs, err)
			}
		} else if diff := cmp.Diff(e.Sent, segments[i]); diff != "" {
			t.Errorf("%q is explained as something else than is sent: %s", e.Typed, diff)
		}
		got.Unmapped = append(got.Unmapped, e.Unmapped...)
		if v1[i] != e.V1 {
			t.Errorf("%q is explained as %q in version 1, and sent as %q", e.Typed, e.V1, v1[i])
		}
		if len(e.Sent.Names()) == 0 {
			if runs[0] != e.Typed || e.V1 != e.Typed {
				t.Errorf("%q was changed to %q and %q", e.Typed, e.V1, runs[0])
			}
			continue
		}
		change := change{Sent: e.Sent, Runs: runs[0], File: file}
		if e.V1 != e.Typed {
			change.V1 = e.V1
		}
		got.Changes[e.Typed] = change
	}
	return got
}
