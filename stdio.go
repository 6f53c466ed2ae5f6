package dffmpeg

import "strings"

// NamesStandardStream reports whether an argument may make ffmpeg read or write one
// of its standard streams: "-", "pipe:" or "fd:" (ffmpeg-protocols), by itself or
// within another (`cache:pipe:0`, an output of tee), or as a descriptor's file.
func NamesStandardStream(arg string) bool {
	switch arg {
	case "-", "/dev/stdin", "/dev/stdout", "/dev/fd/0", "/dev/fd/1", "/proc/self/fd/0", "/proc/self/fd/1":
		return true
	}
	for _, protocol := range []string{"pipe:", "fd:"} {
		for from := 0; ; {
			at := strings.Index(arg[from:], protocol)
			if at < 0 {
				break
			}
			at += from
			if at == 0 || strings.IndexByte(":|='],", arg[at-1]) >= 0 {
				return true
			}
			from = at + len(protocol)
		}
	}
	return false
}
