package programs

import (
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// table returns the names in one of ffmpeg's tables: a legend, a line of hyphens as wide
// as the flags are, and rows of flags, name (or several with commas) and description.
// Flags may be blanks.
func table(text string) map[string]bool {
	names := make(map[string]bool)
	width := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if flags := strings.TrimSpace(line); width == 0 {
			if flags != "" && strings.Trim(flags, "-") == "" {
				width = len(flags)
			}
			continue
		}
		if len(line) < width+2 {
			continue
		}
		if fields := strings.Fields(line[width+1:]); len(fields) > 0 {
			for name := range strings.SplitSeq(fields[0], ",") {
				add(names, name)
			}
		}
	}
	return names
}

// filters returns the names in the table of filters: the word before the one that says
// what goes in and out ("V->V"). That table has no line of hyphens.
func filters(text string) map[string]bool {
	names := make(map[string]bool)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for i, field := range fields[:min(len(fields), 3)] {
			if i > 0 && strings.Contains(field, "->") {
				add(names, fields[i-1])
				break
			}
		}
	}
	return names
}

func add(names map[string]bool, name string) {
	if ffargs.Simple(name) {
		names[name] = true
	}
}
