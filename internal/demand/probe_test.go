package demand

import (
	"os/exec"
	"strings"
	"testing"
)

func TestReadsAll(t *testing.T) {
	for line, light := range map[string]bool{
		"ffprobe a.mkv": true,
		"ffprobe -show_entries stream=codec_name:format=duration:stream_tags=language -i a.mkv":     true,
		"ffprobe -show_frames -read_intervals %+#1 a.mkv":                                           true,
		"ffprobe -show_frames -read_intervals 10%+5,20%25 a.mkv":                                    true,
		"ffprobe -user_agent a/1.0 http://a/b":                                                      true,
		"ffprobe -show_frames -read_intervals % a.mkv":                                              false,
		"ffprobe -show_frames -read_intervals %+#1,10 a.mkv":                                        false,
		"ffprobe -show_entries frame a.mkv":                                                         false,
		"ffprobe -show_entries packet a.mkv":                                                        false,
		"ffprobe -show_entries packet=pts a.mkv":                                                    false,
		"ffprobe -show_entries stream=index:packet a.mkv":                                           false,
		"ffprobe -show_entries packet:stream=codec_name a.mkv":                                      false,
		"ffprobe -show_entries tags=title a.mkv":                                                    false, // those of frames, too
		"ffprobe -f lavfi -i amovie=a.mkv,ebur128=metadata=1 -show_entries frame_tags=lavfi.r128.M": false,
		"ffprobe -analyze_frames -show_streams a.mkv":                                               false,
		"ffprobe -unheard a.mkv":                                                                    false,
	} {
		words := strings.Fields(line)
		if got := Infer(words[0], words[1:]).Light; got != light {
			t.Errorf("%s is light: %t, want %t", line, got, light)
		}
	}
}

// film makes a short film with two streams of video and one of sound, in a working
// directory of its own that it returns.
func film(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -nostdin -f lavfi -i testsrc2=size=64x64:duration=0.1 -f lavfi -i sine=d=0.1 "+
		"-map 0 -map 0 -map 1 -c:v libx264 -c:a aac in.mkv")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// TestSections: the real ffprobe reads packets for those sections.
func TestSections(t *testing.T) {
	dir := film(t)
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-sections").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(out), "---\n")
	tried := make(map[string]bool)
	for row := range strings.Lines(table) {
		for name := range strings.SplitSeq(strings.Fields(row)[1], "/") {
			if tried[name] {
				continue
			}
			tried[name] = true
			args := []string{"-v", "debug", "-show_entries", "error:" + name, "in.mkv"}
			cmd := exec.CommandContext(t.Context(), "ffprobe", args...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, out)
			}
			if got, want := readsAll(args), strings.Contains(string(out), "Processing read interval"); got != want {
				t.Errorf("-show_entries %s: read is all: %t, want %t", name, got, want)
			}
		}
	}
	if len(tried) < 20 {
		t.Errorf("only %d sections were seen", len(tried))
	}
}
