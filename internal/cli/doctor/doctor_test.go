package doctor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// execute runs the command with a configuration, and returns what it printed and its
// exit code.
func execute(t *testing.T, load func() (*config.Client, error), signals chan os.Signal, words ...string) (string, int) {
	t.Helper()
	registry, err := transport.NewRegistry(httppoll.Plugin())
	must(t, err)
	var out bytes.Buffer
	cmd := Command(Env{
		Out: &out, Load: load, Transports: registry, Version: "1", Signals: signals,
		Getwd: func() (string, error) { return "/", nil },
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(words)
	cmd.SetErr(&out)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = cmd.ExecuteContext(ctx)
	var exit *clientcmd.ExitError
	switch {
	case errors.As(err, &exit):
		return out.String(), exit.Code
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), 0
}

func TestConfigurationThatCannotBeRead(t *testing.T) {
	bad := func() (*config.Client, error) { return nil, errors.New("c.yaml:1: unknown key\nc.yaml:2: another") }
	out, code := execute(t, bad, nil)
	if code != 1 || !strings.Contains(out, "FAIL  configuration  c.yaml:1: unknown key\n                     c.yaml:2: another\n") || strings.Count(out, "skip") != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	out, code = execute(t, bad, nil, "--json", "--", "ffmpeg")
	if code != 1 || !strings.Contains(out, `"check": "command"`) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestNoConfiguration is what happens to somebody who just begins.
func TestNoConfiguration(t *testing.T) {
	none := func() (*config.Client, error) {
		return nil, &config.NotFoundError{Component: config.ClientComponent, Looked: []string{"/etc/dffmpeg/client.yaml"}}
	}
	if out, code := execute(t, none, nil); code != 1 || !strings.Contains(out, "/etc/dffmpeg/client.yaml\n") || !strings.Contains(out, "-> write one") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

func TestWrongCommandLine(t *testing.T) {
	if out, code := execute(t, nil, nil, "--timeout", "-1s"); code != 2 || !strings.Contains(out, "--timeout must be more than 0") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestFileSystemAway: the configuration lies where nothing answers.
func TestFileSystemAway(t *testing.T) {
	away := make(chan struct{})
	defer close(away)
	load := func() (*config.Client, error) {
		<-away
		return nil, nil //nolint:nilnil // nobody waits for it any more
	}
	if out, code := execute(t, load, nil, "--timeout", "50ms"); code != 1 || !strings.Contains(out, "does not answer within 50ms") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestInterrupted: Ctrl-C ends it, whatever it waits for.
func TestInterrupted(t *testing.T) {
	listener := listen(t)
	signals, silent := make(chan os.Signal, 1), make(chan struct{})
	go func() { // once it has connected
		defer close(silent)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		signals <- os.Interrupt
		_, _ = io.Copy(io.Discard, conn) // until it gives up
	}()
	defer func() {
		_ = listener.Close()
		<-silent
	}()
	s := patient(t, "http://"+listener.Addr().String(), httpauth.NewKey().Text())
	out, code := execute(t, func() (*config.Client, error) { return s.cfg, nil }, signals, "--timeout", "1h")
	if code != 130 || out != "" {
		t.Errorf("exit code %d: %s", code, out)
	}
}
