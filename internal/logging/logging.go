// Package logging makes the loggers of the programs.
package logging

import (
	"io"
	"log/slog"
)

// New returns a logger that writes to w from level on, as text or JSON.
func New(w io.Writer, level slog.Level, format string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
