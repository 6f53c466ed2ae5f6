package dropin

import (
	"fmt"
	"os"
	"os/exec"
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
		path, err := p.local(settings)
		if err != nil {
			return complain(fmt.Errorf("%s, and the program cannot run here: %w", why, err))
		}
		if !settings.Quiet {
			fmt.Fprintf(os.Stderr, "dffmpeg: %s; running %s here\n", why, path)
		}
		return complain(p.become(path))
	}}
}

// local finds the program on this machine. What is in PATH may be ourselves, under
// the program's name.
func (p Program) local(settings config.Fallback) (string, error) {
	if path := settings.Binaries[p.Binary]; path != "" {
		return path, nil
	}
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	ownFile, err := os.Stat(own)
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, p.Binary))
		if err != nil || !filepath.IsAbs(path) {
			continue
		}
		target, err := filepath.EvalSymlinks(path)
		if err != nil || filepath.Base(target) == Name {
			continue
		}
		if file, err := os.Stat(target); err == nil && !os.SameFile(file, ownFile) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no other %s in PATH; name it in fallback.binaries of the client's configuration", p.Binary)
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
