package ffargs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	got := Words(strings.Fields("-y -ss -1.5 -f lavfi -i a -c:v:0 x --shortest -f null out -unheard value -- -out"))
	want := []Word{
		{Text: "-y", Option: true},
		{Text: "-ss", Option: true},
		{Text: "-1.5", Of: "ss"},
		{Text: "-f", Option: true},
		{Text: "lavfi", Of: "f"},
		{Text: "-i", Option: true},
		{Text: "a", Of: "i", Format: "lavfi"},
		{Text: "-c:v:0", Option: true},
		{Text: "x", Of: "c", Stream: "v:0"},
		{Text: "--shortest", Option: true},
		{Text: "-f", Option: true},
		{Text: "null", Of: "f"},
		{Text: "out", Format: "null"},
		{Text: "-unheard", Option: true},
		{Text: "value", Of: "unheard", Unsure: true},
		{Text: "--", Option: true},
		{Text: "-out"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for i, name := range map[int]string{0: "y", 7: "c", 9: "shortest", 12: "", 15: ""} {
		if got[i].Name() != name {
			t.Errorf("the name of %q is %q, want %q", got[i].Text, got[i].Name(), name)
		}
	}
	if !got[12].File() || !got[16].File() || got[6].File() || got[0].File() || got[15].File() {
		t.Error("only the outputs are files of their own")
	}
	if !got[6].Input() || got[12].Input() {
		t.Error("only the value of -i is an input")
	}
}

// files lists inputs and outputs as ffmpeg's own log does, in [split].
func files(words []Word) []string {
	var list []string
	for _, w := range words {
		switch {
		case w.Input():
			list = append(list, "input "+w.Text)
		case w.File():
			list = append(list, "output "+w.Text)
		}
	}
	return list
}

// TestWordsOfOthers: what the ffmpeg of the tests would not take.
func TestWordsOfOthers(t *testing.T) {
	for line, want := range map[string]string{
		"-autorotate -i a -autoscale out":       "input a, output out", // since 7
		"-display_hflip:v -i a out":             "input a, output out",
		"-i a -print_graphs out":                "input a, output out",
		"-unheard -i a -unheard -c:v x out":     "input a, output out",
		"-unheard -y out":                       "output out",
		"-/filter_complex -c out":               "output out",
		"-show_stream_groups -analyze_frames a": "output a", // ffprobe
		"-i a --":                               "input a",
		"-i":                                    "",
	} {
		if got := strings.Join(files(Words(strings.Fields(line))), ", "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}
