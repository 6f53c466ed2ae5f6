// Package dropin is the program that stands where others expect ffmpeg, ffprobe
// or another binary. It is in two binaries: a small one that starts fast and
// knows HTTP only, and the one that knows every transport, which the small one
// becomes when it has to.
package dropin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/logging"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
	"github.com/dffmpeg/dffmpeg/internal/umask"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what the small binary is called, and what the other one is called when
// it is to go on for it: then the first argument is the binary's name.
const Name = "dffmpeg_proxy"

// full is the binary that knows every transport.
const full = "dffmpeg"

// Program is one run of the drop-in.
type Program struct {
	Binary     string // what the caller expects
	Args       []string
	Version    string
	Transports transport.Registry
	// Small says that another binary knows more transports.
	Small bool
}

// Run runs the program in this process's surroundings, and returns the exit code.
func (p Program) Run() int {
	// A reader of our output that goes away is the program's to notice: the
	// write fails and the job is canceled, instead of us dying silently.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)

	cfg, err := config.LoadClient("", config.ProcessEnvironment())
	if err != nil {
		return complain(err)
	}
	if cfg.Fallback.Here(p.Binary) {
		path, err := Local(p.Binary, cfg.Fallback)
		if err == nil {
			err = p.become(path)
		}
		return complain(err)
	}
	session, err := p.connect(cfg)
	if err != nil {
		return complain(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // a directory that was removed: the worker uses its own
	}
	invocation := proxy.Invocation{
		Binary: p.Binary, Args: p.Args, Dir: dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
		Environment: config.ProcessEnvironment().Only(cfg.Environment),
		Umask:       umask.Current(),
		Terms:       session.Terms,
		Fallback:    p.fallback(cfg.Fallback),
	}
	if p.Small {
		invocation.OtherTransports = func() int { return complain(p.becomeFull()) }
	}
	return proxy.New(session.Client, session.Paths, session.Heartbeat).Run(context.Background(), invocation)
}

func complain(err error) int {
	fmt.Fprintf(os.Stderr, "dffmpeg: %v\n", err)
	return 1
}

func (p Program) connect(cfg *config.Client) (*peer.Session, error) {
	if p.Small {
		known := slices.DeleteFunc(slices.Clone(cfg.Transports.Enabled), func(name string) bool {
			return !slices.Contains(p.Transports.Names(), name)
		})
		if len(known) == 0 {
			return nil, p.becomeFull()
		}
		cfg.Transports.Enabled = known
	}
	// Silent but for what the configuration asks for: the output is the
	// program's.
	level := max(cfg.Level(), slog.LevelWarn)
	if cfg.LogLevel == "debug" {
		level = slog.LevelDebug
	}
	return peer.NewSession(cfg, p.Transports, Name+"/"+p.Version, logging.New(os.Stderr, level, cfg.LogFormat))
}

// becomeFull replaces this process by the binary that knows every transport,
// beside this one or in the PATH. It returns only with an error.
func (p Program) becomeFull() error {
	path, err := beside()
	if err != nil {
		path, err = exec.LookPath(full)
	}
	if err != nil {
		return fmt.Errorf("the coordinator or the configuration wants another transport than http_polling, for which %s needs the program %s beside it: %w", Name, full, err)
	}
	err = syscall.Exec(path, append([]string{Name, p.Binary}, p.Args...), os.Environ()) //nolint:gosec // our own program
	return fmt.Errorf("start %s: %w", path, err)
}

// beside returns the full binary in this one's directory.
func beside() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	if own, err = filepath.EvalSymlinks(own); err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(own), full)
	info, err := os.Stat(path)
	if err == nil && info.Mode()&0o111 == 0 {
		err = errors.New(path + " is no program")
	}
	return path, err
}
