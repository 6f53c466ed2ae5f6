package demand

import (
	"strings"
	"testing"
)

func TestIsQuery(t *testing.T) {
	for line, want := range map[string]bool{
		"ffmpeg -encoders": true, "ffmpeg -hide_banner -init_hw_device vaapi=va:/dev/dri/renderD128": true, "ffmpeg": true, "ffprobe -version": true,
		"ffprobe": true, "ffprobe -sections": true, "ffprobe -show_versions": true, "ffprobe -hide_banner -show_pixel_formats -of json": true, "ffmpeg -v error -": false,
		"ffprobe -show_versions a": false, "ffmpeg -filter_complex testsrc2[v] -map [v] -noshortest out.mkv": false, "ffmpeg -filter_complex testsrc2[v] -map [v] -unheard out.mkv": false,
		"ffmpeg -metadata -version out": false, "ffmpeg --": true, "ffprobe -unheard a.mkv": false,
		"ffmpeg -i a": false, "ffmpeg -f lavfi -i nullsrc -f null -": false, "ffprobe a": false, "mkvmerge -version": false,
	} {
		words := strings.Fields(line)
		if got := IsQuery(words[0], words[1:]); got != want {
			t.Errorf("%s: %t, want %t", line, got, want)
		}
	}
}
