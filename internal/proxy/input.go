package proxy

import (
	"slices"

	"github.com/dffmpeg/dffmpeg"
)

// readsInput reports whether a program might read its standard input. What it
// does not read is left to the caller: a shell loop that reads a list of files
// must not lose lines to ffprobe.
//
// ffmpeg reads keys unless -nostdin is given (ffmpeg's manual, "Main options");
// ffprobe reads nothing by itself.
func readsInput(binary string, args []string) bool {
	switch {
	case slices.ContainsFunc(args, dffmpeg.NamesStandardStream):
		return true
	case binary == "ffprobe":
		return false
	case binary == "ffmpeg":
		return !slices.Contains(args, "-nostdin")
	default:
		return true
	}
}
