package show

import (
	"io"
	"maps"
	"slices"

	"github.com/dffmpeg/dffmpeg"
)

// Logs writes output as it was: stdout's lines to out, stderr's to err.
func Logs(out, err io.Writer, lines []dffmpeg.LogEntry) error {
	for i := range lines {
		to := out
		if lines[i].Stream == dffmpeg.Stderr {
			to = err
		}
		if _, e := io.WriteString(to, lines[i].Text()); e != nil {
			return e
		}
	}
	return nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
