package proxy

import (
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/pathmap"
)

// TestWarnings: what is said of a command line, by its parts.
func TestWarnings(t *testing.T) {
	paths, err := pathmap.NewClient(map[string]string{"Media": "/nonexistent/media"})
	if err != nil {
		t.Fatal(err)
	}
	const unmapped, relative = "lies below none of the client's paths; on a worker", "is lost with the worker's scratch directory"
	for name, c := range map[string]struct {
		binary, dir, args string
		want              []string
	}{
		"all is mapped":               {"ffmpeg", "/nonexistent/media", "-i /nonexistent/media/a out.mkv", nil},
		"devices":                     {"ffmpeg", "/nonexistent/media", "-init_hw_device vaapi=va:/dev/dri/renderD128 -f null /dev/null", nil},
		"an input and a subtitle":     {"ffmpeg", "/nonexistent/media", "-i /films/a.mkv -vf subtitles=/fonts/a.srt out.mkv", []string{"/films/a.mkv " + unmapped, "/fonts/a.srt " + unmapped}},
		"the same twice":              {"ffmpeg", "/nonexistent/media", "-i /films/a.mkv -i /films/a.mkv out.mkv", []string{"/films/a.mkv " + unmapped}},
		"a directory, and an output":  {"ffmpeg", "/srv", "-i /nonexistent/media/a out.mkv", []string{"The working directory /srv lies below none of the client's paths; what is written to it (out.mkv) " + relative}},
		"both":                        {"ffmpeg", "/srv", "-i /films/a.mkv out.mkv", []string{relative, "/films/a.mkv " + unmapped}},
		"a directory without outputs": {"ffmpeg", "/srv", "-i /nonexistent/media/a /nonexistent/media/b.mkv", nil},
		"a directory that is unknown": {"ffmpeg", "", "-i /nonexistent/media/a out.mkv", nil},
		"what ffprobe reads":          {"ffprobe", "/srv", "-show_streams in.mkv", nil},
		"another program":             {"tool", "/srv", "out.mkv", nil},
	} {
		request := New(nil, paths, 0).Request(Invocation{Binary: c.binary, Args: strings.Fields(c.args), Dir: c.dir})
		if len(request.Warnings) != len(c.want) {
			t.Errorf("%s: warnings %q, want %d", name, request.Warnings, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(request.Warnings[i], want) {
				t.Errorf("%s: warning %q, want …%s…", name, request.Warnings[i], want)
			}
		}
	}
}
