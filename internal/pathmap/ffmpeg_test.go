package pathmap

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oddNames are what ffmpeg's quoting is about.
func oddNames() []string {
	return []string{"It's [x], y; z", `a: b\c=d`, " sp ace "}
}

// TestRealFFmpegFindsTheFiles runs mapped command lines, in which the worker's
// directories and the files have odd names. Every output must be made.
func TestRealFFmpegFindsTheFiles(t *testing.T) {
	for _, name := range oddNames() {
		t.Run(name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(root, 0o700); err != nil {
				t.Fatal(err)
			}
			picture(t, filepath.Join(root, name+".png"))
			typed := "/media/" + name
			in := func(scheme string, context func(string) string) string { return context(scheme + typed + ".png") }
			filter := func(s string) string { return backslashes(backslashes(s, ":="), "[],;") }
			parameter := func(s string) string { return backslashes(s, ":") }
			tee := func(s string) string { return backslashes(s, "|") }
			output := func(n int) string { return fmt.Sprintf("%s-%d.mkv", typed, n) }
			for _, args := range [][]string{
				{"-f", "lavfi", "-i", "movie=" + in("", filter) + ",null", output(0)},
				{"-i", typed + ".png", "-vf", "null[a];movie='" + strings.ReplaceAll(backslashes(typed+".png", ":="), "'", `'\''`) + "':seek_point=0[b];[a][b]overlay", output(1)},
				{"-i", typed + ".png", "-filter_complex", "[0]null[a];movie=filename=" + in("", filter) + ",null[b];[a][b]overlay", output(2)},
				{"-i", typed + ".png", "-vf", "metadata=mode=print:file=" + filter(typed+".txt") + ":direct=1", output(3)},
				{"-i", "file:" + typed + ".png", "-c:v", "libx264", "-x264-params", "pass=1:stats=" + parameter(typed+".log"), output(4)},
				{"-i", typed + ".png", "-map", "0", "-c:v", "png", "-f", "tee", "[f=matroska]" + tee(output(5)) + "|" + tee(output(6))},
				{"-f", "image2pipe", "-c:v", "png", "-i", "concat:" + typed + ".png|" + typed + ".png", output(7)},
				{"-f", "concat", "-safe", "0", "-i", "list", output(8)},
			} {
				runOnWorker(t, root, args, "file "+backslashes(typed+".png", spaces)+"\n")
			}
			want := []string{".txt", ".log", "-0.mkv", "-1.mkv", "-2.mkv", "-3.mkv", "-4.mkv", "-5.mkv", "-6.mkv", "-7.mkv", "-8.mkv"}
			for _, suffix := range want {
				if _, err := os.Stat(filepath.Join(root, name+suffix)); err != nil {
					t.Errorf("there is no output %s%s: %v", name, suffix, err)
				}
			}
		})
	}
}

// runOnWorker maps a command line below /media to root, and runs it.
func runOnWorker(t *testing.T, root string, args []string, list string) {
	t.Helper()
	client, err := newClient(map[string]string{"Media": "/media"}, links(nil))
	if err != nil {
		t.Fatal(err)
	}
	client.readList = func(string) (string, bool) { return list, true }
	worker, err := NewWorker(map[string]string{"Media": root})
	if err != nil {
		t.Fatal(err)
	}
	_, segments, names, _ := client.MapCommand(args, "/media")
	if segments == nil {
		t.Errorf("nothing within %q was mapped", args)
		return
	}
	mapped, err := worker.Arguments(segments, names, func(text string) (string, error) {
		file := filepath.Join(t.TempDir(), "list")
		return file, os.WriteFile(file, []byte(text), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(mapped, "\n"); strings.Contains(text, "/media/") {
		t.Errorf("a path of the client is left in %q", mapped)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, mapped...)...)
	cmd.Dir = t.TempDir()
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Errorf("%q was mapped to %q: %v\n%s", args, mapped, err, said.String())
	}
}

func picture(t *testing.T, file string) {
	t.Helper()
	var data bytes.Buffer
	if err := png.Encode(&data, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFilterOptionsExist asks the real ffmpeg about the filters that it has.
func TestFilterOptionsExist(t *testing.T) {
	for filter, options := range map[string]string{
		"subtitles": "filename f fontsdir", "ass": "filename f fontsdir", "movie": "filename", "amovie": "filename", "deshake": "filename",
		"signature": "filename", "cellauto": "filename f", "life": "filename f", "removelogo": "filename f", "sendcmd": "filename f", "asendcmd": "filename f",
		"lut1d": "file", "lut3d": "file", "metadata": "file", "ametadata": "file", "ladspa": "file f", "drawtext": "fontfile textfile",
		"showcqt": "fontfile axisfile", "flite": "textfile", "vidstabdetect": "result", "vidstabtransform": "input", "psnr": "stats_file f", "ssim": "stats_file f",
		"arnndn": "model m", "sofalizer": "sofa", "sr": "model", "derain": "model", "dnn_processing": "model", "dnn_detect": "model labels",
		"libplacebo": "custom_shader_path", "program_opencl": "source", "openclsrc": "source", "xfade_opencl": "source", "find_rect": "object",
		"cover_rect": "cover", "curves": "psfile plot", "firequalizer": "dumpfile",
	} {
		help, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-h", "filter="+filter).Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(help), "Unknown filter") {
			continue // not in this build
		}
		for _, option := range strings.Fields(options) {
			if !isFile(filter, option) {
				t.Errorf("%s of %s is not listed", option, filter)
			}
			if !isStringOption(string(help), option) {
				t.Errorf("ffmpeg's %s has no text option %s", filter, option)
			}
		}
		for n, option := range byPosition(string(help)) {
			if known := positional(filter, n); known != "" && known != option {
				t.Errorf("option %d of %s is %s, not %s", n, filter, option, known)
			}
		}
	}
}

func isStringOption(help, option string) bool {
	for line := range strings.Lines(help) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == option && words[1] == "<string>" {
			return true
		}
	}
	return false
}

// byPosition returns a filter's options as its help lists them; of two names for
// one, which have the same description, the first.
func byPosition(help string) []string {
	var options []string
	said := ""
	for line := range strings.Lines(help) {
		words := strings.Fields(line)
		if len(words) < 3 || !strings.HasPrefix(words[1], "<") {
			continue
		}
		if description := strings.Join(words[1:], " "); description != said {
			options, said = append(options, words[0]), description
		}
	}
	return options
}
