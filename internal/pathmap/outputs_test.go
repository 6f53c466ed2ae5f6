package pathmap

import (
	"slices"
	"strings"
	"testing"
)

func TestRelativeOutputs(t *testing.T) {
	for command, want := range map[string][]string{
		"-i /m/a.mkv out.mkv":                              {"out.mkv"},
		"-y -i a -c copy file:dir/out.mkv":                 {"dir/out.mkv"},
		"-i a one.mkv -map 0 ../two.mkv":                   {"one.mkv", "../two.mkv"},
		"-i a -f hls out.m3u8":                             {"out.m3u8"},
		"-i a -f image2 %03d.jpg":                          {"%03d.jpg"},
		"-i a -f null none -f mpegts b.ts":                 {"b.ts"}, // each format is for one file
		"-i a /m/out.mkv":                                  nil,
		"-i a -f null -":                                   nil,
		"-i a -f null whatever":                            nil,
		"-i a -f tee [f=mpegts]a.ts|b.mkv":                 nil,
		"-i a pipe:1":                                      nil,
		"-i a http://127.0.0.1:8096/x":                     nil,
		"-i a -f rtsp out":                                 nil,
		"-i a $Media/out.mkv":                              nil,
		"-i a -hls_segment_filename seg%d.ts /m/x.m3u8":    nil, // the value of an option
		"-i a -unheard-of out.mkv":                         nil, // perhaps such a value, too
		"-dump_attachment:t  -i a":                         nil,
		"-version":                                         nil,
		"-hide_banner -h filter=scale":                     nil,
		"-f lavfi -i testsrc -metadata title=x -y out.mkv": {"out.mkv"},
		"": nil,
	} {
		if got := RelativeOutputs(strings.Split(command, " ")); !slices.Equal(got, want) {
			t.Errorf("%s: outputs %q, want %q", command, got, want)
		}
	}
}
