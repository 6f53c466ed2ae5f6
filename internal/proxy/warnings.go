package proxy

import (
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/pathmap"
)

// mostNamed is how many names a warning about several files tells.
const mostNamed = 5

// unmappedPaths warns of paths below no root: a worker may have its files
// elsewhere.
func unmappedPaths(paths []string) []string {
	list := make([]string, 0, len(paths))
	for _, path := range paths {
		list = append(list, path+" lies below none of the client's paths; on a worker it is another file, or none")
	}
	return list
}

// unmappedDirectory warns of relative outputs of ffmpeg in a working directory
// below no root, which no worker has.
func unmappedDirectory(inv Invocation) []string {
	if inv.Binary != "ffmpeg" {
		return nil
	}
	outputs := pathmap.RelativeOutputs(inv.Args)
	if len(outputs) == 0 {
		return nil
	}
	outputs = outputs[:min(len(outputs), mostNamed)]
	return []string{"The working directory " + inv.Dir + " lies below none of the client's paths; " +
		"what is written to it (" + strings.Join(outputs, ", ") + ") is lost with the worker's scratch directory"}
}
