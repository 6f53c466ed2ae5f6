package demand

import "strings"

// certainMuxer reports whether the value of -f before an output is certainly the name of
// a muxer, and not of a device, which are listed elsewhere.
func certainMuxer(format string) bool {
	switch format {
	case "alsa", "audiotoolbox", "caca", "decklink", "fbdev", "opengl", "oss", "pulse", "sdl", "sdl2", "sndio", "v4l2", "video4linux2", "xv", "lavfi":
		return false
	}
	return format != ""
}

// holds reports whether an output's format may hold streams of a kind. ffmpeg chooses
// none of those that it does not hold.
func (f *file) holds(kind byte) bool {
	only := onlyKind(f.format)
	if f.format == "" {
		only = onlyKindOf(strings.ToLower(f.name[strings.LastIndexByte(f.name, '.')+1:]))
	}
	return only == 0 || only == kind
}

// onlyKind returns the kind of streams that a format is for, 0 when there are several or
// it is not known.
func onlyKind(format string) byte {
	switch format {
	case "image2", "image2pipe", "mjpeg", "mpjpeg", "webp", "gif", "apng", "rawvideo", "yuv4mpegpipe":
		return video
	case "wav", "adts", "ac3", "eac3", "s16le", "chromaprint":
		return audio
	}
	return 0
}

// onlyKindOf does the same for the extension of a file's name.
func onlyKindOf(extension string) byte {
	switch extension {
	case "jpg", "jpeg", "png", "webp", "bmp", "gif", "apng", "tif", "tiff", "jp2", "jxl", "ppm", "pgm", "tga":
		return video
	case "wav", "aac", "ac3", "eac3":
		return audio
	}
	return 0
}
