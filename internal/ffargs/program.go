package ffargs

import "strings"

// Program is a kind of programs whose command lines are known.
type Program int

// The kinds of programs.
const (
	Other Program = iota // of whose command lines nothing is known
	FFmpeg
	FFprobe
)

// ProgramOf tells what a binary is by its name, as all builds and brands of ffmpeg have
// that in theirs.
func ProgramOf(binary string) Program {
	switch name := strings.ToLower(binary); {
	case strings.Contains(name, "ffprobe"):
		return FFprobe
	case strings.Contains(name, "ffmpeg"), name == "plex transcoder":
		return FFmpeg
	default:
		return Other
	}
}

// Simple reports whether a name is written as those of ffmpeg's parts are.
func Simple(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// Hardware returns the family of hardware that an encoder is for, such as nvenc, "" for
// none. It is also the name of the resource that is counted.
func Hardware(encoder string) string {
	if encoder == "nvenc" || strings.HasPrefix(encoder, "nvenc_") { // until ffmpeg 4.4
		return "nvenc"
	}
	at := strings.LastIndexByte(encoder, '_')
	if at < 0 {
		return ""
	}
	switch family := encoder[at+1:]; family {
	case "nvenc", "vaapi", "qsv", "amf", "videotoolbox", "v4l2m2m", "rkmpp", "vulkan", "mf", "omx":
		return family
	}
	return ""
}
