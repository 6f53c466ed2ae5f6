package proxy

import (
	"slices"
	"strings"
)

// readsInput reports whether a program might read its standard input. What it
// does not read is left to the caller: a shell loop that reads a list of files
// must not lose lines to ffprobe.
//
// ffmpeg reads keys unless -nostdin is given (ffmpeg's manual, "Main options");
// ffprobe reads nothing by itself. Both read a file that is named "-", "pipe:",
// "fd:" (ffmpeg-protocols), or as a descriptor.
func readsInput(binary string, args []string) bool {
	switch {
	case slices.ContainsFunc(args, isInput):
		return true
	case binary == "ffprobe":
		return false
	case binary == "ffmpeg":
		return !slices.Contains(args, "-nostdin")
	default:
		return true
	}
}

// isInput reports whether an argument may name the standard input. One that names
// the standard output does no harm.
func isInput(arg string) bool {
	switch arg {
	case "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0":
		return true
	}
	for _, part := range strings.FieldsFunc(arg, func(r rune) bool { return r == '|' || r == '=' || r == '\'' }) {
		if strings.HasPrefix(part, "pipe:") || strings.HasPrefix(part, "fd:") || strings.Contains(part, ":pipe:") {
			return true
		}
	}
	return false
}
