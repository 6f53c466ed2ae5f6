// Command dffmpeg_proxy stands where a program expects ffmpeg, ffprobe or
// another binary: the name it is called by is the binary that runs on a worker.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/logging"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/proxy"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// version is set when a release is built.
var version = "0.5.0-dev"

// name is what the binary itself is called; under it, it runs nothing.
const name = "dffmpeg_proxy"

func main() { os.Exit(run()) }

func run() int {
	binary := filepath.Base(os.Args[0])
	if binary == name {
		return explain()
	}
	// A reader of our output that goes away is the program's to notice: the
	// write fails and the job is canceled, instead of us dying silently.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	session, err := connect()
	if err != nil {
		fmt.Fprintf(os.Stderr, "dffmpeg: %v\n", err)
		return 1
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "" // a directory that was removed: the worker uses its own
	}
	return proxy.New(session.Client, session.Paths, session.Heartbeat).Run(context.Background(), proxy.Invocation{
		Binary: binary, Args: os.Args[1:], Dir: dir, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	})
}

func connect() (*peer.Session, error) {
	cfg, err := config.LoadClient("", config.ProcessEnvironment())
	if err != nil {
		return nil, err
	}
	registry, err := transport.NewRegistry(httppoll.Plugin())
	if err != nil {
		return nil, err
	}
	// Silent but for what the configuration asks for: the output is the
	// program's.
	level := max(cfg.Level(), slog.LevelWarn)
	if cfg.LogLevel == "debug" {
		level = slog.LevelDebug
	}
	return peer.NewSession(cfg, registry, "dffmpeg_proxy/"+version, logging.New(os.Stderr, level, cfg.LogFormat))
}

// explain says what to do with this binary, for whoever runs it by its own name.
func explain() int {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(name, version)
		return 0
	}
	fmt.Fprintf(os.Stderr, `%s runs programs on dffmpeg workers under the name it is called by.
Link it to that name and use the link in place of the program:

  ln -s %s /usr/local/bin/ffmpeg
  ln -s %s /usr/local/bin/ffprobe

It reads dffmpeg-client.yaml; check that with: dffmpeg config check client
`, name, name, name)
	return 2
}
