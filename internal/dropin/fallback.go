package dropin

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
)

// fallback returns how to run the program on this machine, nil when it is not to.
func (p Program) fallback(settings config.Fallback) *proxy.Fallback {
	if settings.When != config.FallbackUnavailable {
		return nil
	}
	return &proxy.Fallback{After: settings.After, Run: func(why string) int {
		path, err := Local(p.Binary, settings)
		if err != nil {
			return complain(fmt.Errorf("%s, and the program cannot run here: %w", why, err))
		}
		if !settings.Quiet {
			fmt.Fprintf(os.Stderr, "dffmpeg: %s; running %s here\n", why, path)
		}
		return complain(p.become(path))
	}}
}

// become replaces this process by the program, which then is what the caller
// started: its streams, signals and end are its own. It returns only with an error.
func (p Program) become(path string) error {
	signal.Reset() // what we ignore would be ignored by the program
	name := p.Binary
	if len(os.Args) > 0 && filepath.Base(os.Args[0]) == p.Binary {
		name = os.Args[0]
	}
	err := syscall.Exec(path, append([]string{name}, p.Args...), os.Environ()) //nolint:gosec // the user's own choice
	return fmt.Errorf("start %s: %w", path, err)
}
