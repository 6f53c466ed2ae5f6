// Package config reads the configuration files of the three components:
// dffmpeg-coordinator.yaml, dffmpeg-worker.yaml and dffmpeg-client.yaml.
//
// Every key of 0.4 is taken, with its documented default. Reading is strict:
// an unknown key, a wrong type and an impossible value are all reported at
// once, with file, line, column and key path (see [Problems]), and nothing
// starts. No message contains a secret.
//
// Relative paths in a file are taken from the file's directory. Durations are
// numbers of seconds in the files and time.Duration here.
package config

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// Problems is every problem of a configuration, sorted by file and line. The
// Load functions return it as their error unless no file was found or it cannot
// be read.
type Problems = strictyaml.Problems

// Problem is one of them.
type Problem = strictyaml.Problem

// Join returns the problems of several checks as one error, nil when there are
// none: those of a Load and those that plug-ins find in their Settings.
func Join(errs ...error) error { return strictyaml.Join(errs...) }

// Source tells where a configuration came from.
type Source struct {
	// File is the path of the file, "" when there is none.
	File string `yaml:"-"`
	// Warnings are sentences about what works but should be looked at, such as
	// a key file that everybody may read.
	Warnings []string `yaml:"-"`
}

// Logging is what all components have in common about their log.
type Logging struct {
	LogLevel  string `yaml:"log_level,oneof=debug|info|warn|error"` // default info
	LogFormat string `yaml:"log_format,oneof=text|json"`            // default text
}

// Level returns the log level for slog.
func (l Logging) Level() slog.Level {
	switch l.LogLevel {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// defaultLogging returns the log's defaults.
func defaultLogging() Logging { return Logging{LogLevel: "info", LogFormat: "text"} }

// read parses a file. "" is an absent file: a mapping without keys.
func read(path string) (*strictyaml.Node, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readBounded(path, strictyaml.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return strictyaml.Parse(path, data)
}

// readBounded reads a file of at most limit bytes, of whatever kind: a pipe or
// device may say that its size is 0.
func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d bytes", limit)}
	}
	return data, err
}

// absolute returns path as an absolute one, for messages and for files named in
// it to be found from any working directory.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
