package pathmap

import (
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// RelativeOutputs returns the names of files, relative to the working directory,
// that an ffmpeg command line says it writes. It misses some rather than naming
// what is none: an output is an argument that is neither an option nor the value
// of one, whose format writes a file, and whose name has no protocol (but
// `file:`), is not `-`, and does not begin with `$`. So files that options name,
// outputs of tee, and outputs behind options that are not known are left out.
func RelativeOutputs(args []string) []string {
	var names []string
	for _, w := range ffargs.Words(args) {
		_, name := splitScheme(w.Text)
		if w.File() && writesFile(w.Format) && isRelative(name) {
			names = append(names, name)
		}
	}
	return names
}

// isRelative reports whether the name of an output is certainly that of a file in
// the working directory or below.
func isRelative(name string) bool {
	return name != "" && name != "-" && name[0] != '/' && name[0] != '$' && !strings.ContainsAny(name, ":\x00")
}

// writesFile reports whether an output of a format is a file: muxers that need
// none take any name for it (`ffmpeg -h muxer=NAME`; AVFMT_NOFILE), and tee has
// several in one.
func writesFile(format string) bool {
	switch format {
	case "null", "tee", "alsa", "audiotoolbox", "caca", "decklink", "fbdev", "opengl", "oss", "pulse", "sdl", "sdl2", "sndio", "v4l2", "video4linux2", "xv",
		"rtsp", "sap":
		return false
	}
	return true
}
