package demand

import (
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/ffargs"
)

// IsQuery reports whether the arguments only ask what the program is or can do. Media
// servers ask for devices by opening one, without any file.
func IsQuery(binary string, args []string) bool {
	program := ffargs.ProgramOf(binary)
	if program == ffargs.Other {
		return false
	}
	words := ffargs.Words(args)
	return slices.ContainsFunc(words, func(w ffargs.Word) bool { return asks(w.Name()) }) || // everything after it is its own, or not looked at
		!slices.ContainsFunc(words, func(w ffargs.Word) bool { return w.File() || w.Input() || w.Unsure && fileLike(w.Text) })
}

// asks reports whether an option makes the program print something and end (ffmpeg's
// "Information options" and "Getting help", and ffprobe's -sections).
func asks(option string) bool {
	switch option {
	case "version", "buildconf", "formats", "muxers", "demuxers", "devices", "codecs", "decoders", "encoders", "bsfs", "protocols",
		"filters", "pix_fmts", "layouts", "sample_fmts", "dispositions", "colors", "hwaccels", "L", "license", "h", "?", "help", "sources", "sinks",
		"sections":
		return true
	}
	return false
}

// fileLike reports whether a word looks like a file, rather than like the value of an
// option of some codec or format.
func fileLike(word string) bool {
	switch {
	case word == "-", strings.HasPrefix(word, "pipe:"):
		return true
	case strings.Trim(word, "0123456789.+-:/kKMGiB") == "": // a number, time or ratio
		return false
	case strings.Contains(word, "/"):
		return true
	}
	at := strings.LastIndexByte(word, '.')
	extension := strings.ToLower(word[at+1:])
	return at >= 0 && len(extension) >= 2 && len(extension) <= 5 &&
		strings.Trim(extension, "abcdefghijklmnopqrstuvwxyz0123456789") == "" && strings.Trim(extension, "0123456789") != ""
}
