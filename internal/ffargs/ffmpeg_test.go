package ffargs

import (
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run returns what a program prints, whatever it thinks of the arguments.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = t.TempDir() // -report writes a file
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// split returns the files that the real ffmpeg finds in a command line. It does not
// open them, as it is asked for its version first.
func split(t *testing.T, args []string) []string {
	t.Helper()
	out := run(t, "ffmpeg", append([]string{"-v", "debug", "-version", "unused"}, args...)...)
	if !strings.Contains(out, "Finished splitting the commandline") {
		t.Fatalf("ffmpeg does not take %q:\n%s", args, out)
	}
	var list []string
	for _, match := range regexp.MustCompile(`(?m)Reading option '([^']*)' \.\.\. matched as (input|output) url(?: with argument '(.*)')?\.$`).FindAllStringSubmatch(out, -1) {
		file := match[1]
		if match[2] == "input" {
			file = match[3]
		}
		list = append(list, match[2]+" "+file)
	}
	return list
}

// options returns the names of a program's own options in its help, without those
// that print something and end.
func options(t *testing.T, program string) []string {
	t.Helper()
	help, _, ok := strings.Cut(run(t, program, "-hide_banner", "-h", "full"), "AVOptions:")
	if !ok {
		t.Fatal("the help has no end")
	}
	help = regexp.MustCompile(`(?s)Print help .*?\n\n`).ReplaceAllString(help, "")
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^-([a-z_]+) `).FindAllStringSubmatch(help, -1) {
		names = append(names, match[1])
	}
	if len(names) < 20 {
		t.Fatalf("only %d options were found", len(names))
	}
	return names
}

// TestOptions: the real ffmpeg takes a value where this package says so, for all
// options in its help.
func TestOptions(t *testing.T) {
	var args []string
	for _, name := range options(t, "ffmpeg") {
		switch {
		case !isKnown(name):
			t.Errorf("-%s is not known", name)
		case name == "loglevel", name == "v", name == "max_alloc", name == "cpuflags", name == "cpucount": // looked at at once
		default:
			args = append(args, "-"+name, "1")
		}
		if isSwitch(name) {
			args = append(args, "-no"+name, "0", "-"+name+":v", "0")
		}
	}
	if diff := cmp.Diff(split(t, args), files(Words(args))); diff != "" {
		t.Errorf("-ffmpeg +words:\n%s", diff)
	}
}

// TestOptionsOfFFprobe: the same for ffprobe, which names an option that lacks its value.
func TestOptionsOfFFprobe(t *testing.T) {
	for _, name := range options(t, "ffprobe") {
		if slices.Contains([]string{"h", "help", "sources", "sinks"}, name) {
			continue
		}
		out := run(t, "ffprobe", "-v", "error", "-"+name)
		if takes := strings.Contains(out, "Missing argument"); takes == isFlag(name) || !isKnown(name) {
			t.Errorf("-%s is known: %t, a flag: %t; ffprobe says %.200q", name, isKnown(name), isFlag(name), out)
		}
	}
}

// TestLinesOfFFmpeg: the real ffmpeg finds the same files.
func TestLinesOfFFmpeg(t *testing.T) {
	for _, line := range []string{
		"-y -ss -1.5 -f lavfi -i a -c:v:0 x -f null out",
		"-i a -disposition:a:0 -default out.mkv -movflags -faststart out.mp4",
		"-i a -force_fps out -force_fps:v:0 out -copyinkf:a out -noshortest -nostart_at_zero out",
		"-i a -metadata -an -map -0:s out",
		"-autorotate 0 -i a -noautorotate -i b -autoscale:v 1 out -noautoscale out",
		"-fflags -bitexact -i a -flags -psnr out -sws_flags -bitexact out",
		"-i a -- -out -y -- - -c:v x -",
		"-i a -preset fast -crf 20 -x264-params ref=4:me=hex -b:v -1 out",
		"-vn -novn -i -a -report -hide_banner -stats out",
	} {
		args := strings.Fields(line)
		if diff := cmp.Diff(split(t, args), files(Words(args))); diff != "" {
			t.Errorf("%s: -ffmpeg +words:\n%s", line, diff)
		}
	}
}
