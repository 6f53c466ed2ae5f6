package ffargs

import "testing"

func TestProgramOf(t *testing.T) {
	for name, want := range map[string]Program{
		"ffmpeg": FFmpeg, "jellyfin-ffmpeg": FFmpeg, "FFmpeg7": FFmpeg, "Plex Transcoder": FFmpeg, "ffprobe": FFprobe, "jellyfin-ffprobe": FFprobe,
		"mkvmerge": Other, "": Other,
	} {
		if got := ProgramOf(name); got != want {
			t.Errorf("%q is taken for %d, want %d", name, got, want)
		}
	}
}

func TestHardware(t *testing.T) {
	for name, want := range map[string]string{
		"hevc_nvenc": "nvenc", "nvenc": "nvenc", "nvenc_h264": "nvenc", "av1_vaapi": "vaapi", "h264_v4l2m2m": "v4l2m2m",
		"libx264": "", "pcm_s16le": "", "dvd_subtitle": "", "": "",
	} {
		if got := Hardware(name); got != want {
			t.Errorf("%q is for %q, want %q", name, got, want)
		}
	}
}

func TestSimple(t *testing.T) {
	for name, want := range map[string]bool{"h264_nvenc": true, "4xm": true, "": false, "a b": false, "A": false, "x,y": false} {
		if got := Simple(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
