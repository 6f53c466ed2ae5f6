package pathmap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

func TestArgumentsThatMustNotRun(t *testing.T) {
	worker, err := NewWorker(map[string]string{"Media": "/mnt/a|b", "Other": "/other"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		arg  dffmpeg.Argument
		want string
	}{
		"upwards":           {dffmpeg.Argument{{Name: "Media", Rest: "/x/../../y"}}, "leads upwards"},
		"upwards in a list": {dffmpeg.Argument{{Content: dffmpeg.Argument{{Name: "Media", Rest: "/.."}}}}, "leads upwards"},
		"beside the root":   {dffmpeg.Argument{{Name: "Media", Rest: "x"}}, "must begin with '/'"},
		"not the job's":     {dffmpeg.Argument{{Name: "Other", Rest: "/x"}}, "$Other/x"},
		"not ours":          {dffmpeg.Argument{{Name: "Nobody"}}, "$Nobody"},
		"cannot be said":    {dffmpeg.Argument{{Name: "Media", Context: dffmpeg.PathConcat}}, "/mnt/a|b"},
		"unknown context":   {dffmpeg.Argument{{Name: "Media", Context: "of tomorrow"}}, "of tomorrow"},
	} {
		got, err := worker.Arguments([]dffmpeg.Argument{dffmpeg.Text("-i"), tt.arg}, []string{"Media", "Nobody"}, noFile)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "argument 1") {
			t.Errorf("%s: got %q, error %v; want …%s…", name, got, err, tt.want)
		}
		var escape *EscapeError
		if got, want := errors.As(err, &escape), strings.HasPrefix(name, "upwards"); got != want {
			t.Errorf("%s: is an EscapeError: %t", name, got)
		}
	}
	full := errors.New("disk full")
	_, err = worker.Arguments([]dffmpeg.Argument{{{Content: dffmpeg.Text("x")}}}, nil, func(string) (string, error) { return "", full })
	if !errors.Is(err, full) {
		t.Errorf("a list that cannot be written: %v", err)
	}
}

func TestTextsArriveAsTheyAre(t *testing.T) {
	client, worker := machines(t)
	args := []string{
		"-i", "/srv/media/a", "$Media/b", "file:$Media", "$Media", "-metadata", "title=/srv/media/x", "-vf", "drawtext=text=/srv/media/x",
		"-filter_complex", "[unfinished subtitles=/srv/media/x", "-init_hw_device", "vaapi=va:/dev/dri/renderD128", "-x264-params", "a=/srv/media/x",
		"-vf", "subtitles=/srv/media/a=b", "http://host/srv/media/x", "-vf", "subtitles=f=/srv/media/x:/srv/media/y", "-/srv", "-vf", "movie=/dev/video0",
	}
	_, segments, names, _ := client.MapCommand(args, "")
	arrived, err := worker.Arguments(segments, names, noFile)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string(nil), args...)
	want[1] = "/mnt/nas/a"
	if diff := cmp.Diff(want, arrived); diff != "" {
		t.Error(diff)
	}
}

func TestUnusualPlaces(t *testing.T) {
	client, worker := machines(t)
	for typed, want := range map[string]string{
		"drawtext=/text=/srv/media/x:x=1":                       "drawtext=/text=/mnt/nas/x:x=1", // the text is in the file
		"sws_flags=lanczos;[0:v]ass=/srv/media/x:fontsdir=/in/": "sws_flags=lanczos;[0:v]ass=/mnt/nas/x:fontsdir=/mnt/nas",
		"movie=file\\\\:/srv/media/x [a];[a]null":               "movie=file\\\\:/mnt/nas/x[a];[a]null",
		"sendcmd=0 foo bar:/srv/media/x":                        "sendcmd=0 foo bar:/mnt/nas/x",
	} {
		_, segments, names, _ := client.MapCommand([]string{"-vf", typed}, "")
		arrived, err := worker.Arguments(segments, names, noFile)
		if err != nil {
			t.Fatal(err)
		}
		if len(arrived) != 2 || arrived[1] != want {
			t.Errorf("%s became %q, want %q", typed, arrived, want)
		}
	}
	for typed, want := range map[string]string{
		"subfile,,start,1,end,2,,:/srv/media/x": "subfile,,start,1,end,2,,:/mnt/nas/x",
		"async:file:/srv/media/x":               "async:file:/mnt/nas/x",
		"concat:file:/srv/media/x|y|/in/z":      "concat:file:/mnt/nas/x|y|/mnt/nas/z",
	} {
		_, segments, names, _ := client.MapCommand([]string{"-i", typed}, "")
		arrived, err := worker.Arguments(segments, names, noFile)
		if err != nil {
			t.Fatal(err)
		}
		if len(arrived) != 2 || arrived[1] != want {
			t.Errorf("%s became %q, want %q", typed, arrived, want)
		}
	}
}

func TestReadList(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, ok := readList(write("good", "file 'ü'\n")); !ok || text != "file 'ü'\n" {
		t.Errorf("a list was read as %q, %t", text, ok)
	}
	for name, file := range map[string]string{
		"a pipe": pipe, "a directory": dir, "missing": filepath.Join(dir, "missing"), "binary": write("zero", "file a\x00"),
		"not UTF-8": write("latin", "file \xff"), "too large": write("large", strings.Repeat("#", maxList+1)),
	} {
		if _, ok := readList(file); ok {
			t.Errorf("a list was read that is %s", name)
		}
	}
}

func TestListsThatAreNotRead(t *testing.T) {
	client, _ := machines(t)
	client.readList = func(name string) (string, bool) {
		t.Errorf("%s was read", name)
		return "", false
	}
	for _, args := range [][]string{
		{"-f", "concat", "-i", "-"},
		{"-f", "concat", "-i", "pipe:0"},
		{"-f", "concat", "-i", "http://host/list"},
		{"-f", "concat", "-i", "/dev/stdin"},
		{"-f", "matroska", "-i", "/in/list"},
		{"-f", "concat", "-i", "", "-i", "/in/list"},
	} {
		client.MapCommand(args, "/in")
	}
	client.MapCommand([]string{"-f", "concat", "-i", "list"}, "")
}
