package clientcmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/pathmap"
)

// screen is what a command wrote.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{}, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until the screen shows text.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(s.String(), text) {
		select {
		case <-s.changed:
		case <-deadline:
			t.Fatalf("the screen shows %q, want %q", s.String(), text)
		}
	}
}

// terminal is where commands are typed.
type terminal struct {
	t        *testing.T
	env      Env
	out, err *screen
	signals  chan os.Signal
	ctx      context.Context
}

// newTerminal returns a terminal whose commands talk to c, as a configuration
// with a root and a heartbeat interval of 7 s says. The working directory is
// in that root.
func newTerminal(t *testing.T, c *coordinator) *terminal {
	t.Helper()
	paths, err := pathmap.NewClient(map[string]string{"Media": "/nonexistent/media"})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	term := &terminal{t: t, out: newScreen(), err: newScreen(), signals: make(chan os.Signal, 1), ctx: ctx}
	term.env = Env{
		Out: term.out, Err: term.err, Signals: term.signals,
		Connect: func() (*Session, error) { return &Session{Client: c.client, Paths: paths, Heartbeat: 7}, nil },
		Getwd:   func() (string, error) { return "/nonexistent/media/films", nil },
	}
	return term
}

// execute runs a command to its end.
func (term *terminal) execute(words ...string) error {
	root := &cobra.Command{Use: "dffmpeg", SilenceUsage: true, SilenceErrors: true, TraverseChildren: true}
	root.AddCommand(Commands(term.env)...)
	root.SetArgs(words)
	root.SetOut(term.out)
	root.SetErr(term.err)
	return root.ExecuteContext(term.ctx)
}

// begin runs a command while the test goes on; the function returned waits for
// its end.
func (term *terminal) begin(words ...string) func() error {
	term.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- term.execute(words...) }()
	return func() error { return <-ended }
}

// wantOutput checks what a command wrote.
func (term *terminal) wantOutput(stdout, stderr string) {
	term.t.Helper()
	if got := term.out.String(); got != stdout {
		term.t.Errorf("stdout is\n%q, want\n%q", got, stdout)
	}
	if got := term.err.String(); got != stderr {
		term.t.Errorf("stderr is\n%q, want\n%q", got, stderr)
	}
}

// wantExit checks how a command ended.
func wantExit(t *testing.T, err error, code int) {
	t.Helper()
	var exit *ExitError
	switch {
	case err == nil && code == 0:
	case errors.As(err, &exit) && exit.Code == code && code != 0:
	default:
		t.Errorf("the command ended with %v, want exit code %d", err, code)
	}
}

// wantError checks that a command failed, with an error to be printed.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the command ended with %v, want an error that says %q", err, want)
	}
}
