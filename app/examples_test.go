package app

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// names are those that the program is called by.
func names() []string {
	return []string{"dffmpeg", "dffmpeg-coordinator", "dffmpeg-worker", "dffmpeg-client", "dffmpeg-admin"}
}

// TestExamplesWork: what every command's help gives as an example is a command line that
// is understood, under each name that the command is reached by.
func TestExamplesWork(t *testing.T) {
	p := newProgram(t)
	shell := newShell(t)
	for _, name := range names() {
		each(p.tree(name), func(cmd *cobra.Command) {
			if cmd.Example == "" {
				return
			}
			t.Run(cmd.CommandPath(), func(t *testing.T) {
				var reached []string
				for _, words := range shell.run(t, cmd.Example) {
					command, err := p.understood(words)
					if err != nil {
						t.Errorf("%q: %v", words, err)
					}
					reached = append(reached, command)
				}
				if cmd.HasParent() && !slices.Contains(reached, cmd.Name()) {
					t.Errorf("the examples are of %q:\n%s", reached, cmd.Example)
				}
			})
		})
	}
}

// TestExamplesAreNamed as the program is.
func TestExamplesAreNamed(t *testing.T) {
	p := newProgram(t)
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"dffmpeg", "client", "worker", "resume"}, "  dffmpeg client worker resume b1\n"},
		{[]string{"dffmpeg-client", "worker", "resume"}, "  dffmpeg-client worker resume b1\n"},
		{[]string{"dffmpeg", "client", "doctor"}, "  dffmpeg doctor\n"},
		{[]string{"dffmpeg-client", "doctor"}, "  dffmpeg-client doctor\n"},
		{[]string{"dffmpeg-client", "submit"}, "  dffmpeg-client job attach JOB_ID\n"},
		{[]string{"dffmpeg-admin", "db", "migrate"}, "  dffmpeg-admin db backup before.db && dffmpeg-admin db migrate\n"},
		{[]string{"dffmpeg-worker"}, "  dffmpeg-worker -c "},
	} {
		if help := p.succeed(append(tt.words, "--help")...); !strings.Contains(help, tt.want) {
			t.Errorf("the help of %q does not have %q:\n%s", tt.words, tt.want, help)
		}
	}
}

// tree returns the commands of a name, in an empty home.
func (p *program) tree(name string) *cobra.Command {
	root := p.app.root(name, &surroundings{app: p.app, process: p.process(io.Discard, io.Discard, name), signals: make(chan os.Signal)})
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	return root
}

// understood returns the name of the command that words lead to, and what is wrong with
// them. The command itself is not run: what reads its own options gets as far as to the
// configuration, which there is none of.
func (p *program) understood(words []string) (string, error) {
	root := p.tree(words[0])
	command := ""
	each(root, func(cmd *cobra.Command) {
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			command = cmd.Name()
			switch {
			case cmd.HasSubCommands():
				return errors.New("it only shows its help")
			case cmd.DisableFlagParsing:
				if err := run(cmd, args); err == nil || !strings.Contains(err.Error(), "no client configuration found") {
					return err
				}
			}
			return nil
		}
	})
	root.SetArgs(words[1:])
	err := root.ExecuteContext(context.Background())
	return command, err
}

// shell reads examples as a shell does, with programs that only note how they are called.
type shell struct{ dir, calls string }

func newShell(t *testing.T) *shell {
	t.Helper()
	s := &shell{dir: t.TempDir()}
	s.calls = filepath.Join(s.dir, "calls")
	note := "#!/bin/sh\n{ echo \"${0##*/}\"; for word; do echo \"$word\"; done; echo; } >> " + s.calls + "\n"
	for _, name := range append(names(), "jq") {
		text := note
		if name == "jq" {
			text = "#!/bin/sh\n"
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o700); err != nil { //nolint:gosec // it is run
			t.Fatal(err)
		}
	}
	return s
}

// run returns the calls that an example makes of our program.
func (s *shell) run(t *testing.T, example string) [][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-e", "-c", example) //nolint:gosec // from our own help
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + s.dir + ":" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, example)
	}
	text, err := os.ReadFile(s.calls)
	if err != nil {
		t.Fatalf("the example makes no call: %v\n%s", err, example)
	}
	if err := os.Remove(s.calls); err != nil {
		t.Fatal(err)
	}
	var calls [][]string
	for call := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n\n"), "\n\n") {
		calls = append(calls, strings.Split(call, "\n"))
	}
	return calls
}
