package pathmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorkingDirectory(t *testing.T) {
	worker, err := NewWorker(map[string]string{"Media": "/mnt/media", "Other": "/mnt/other", "All": "/"})
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"$Media/x":      "/mnt/media/x",
		"$Media":        "/mnt/media",
		"file:$Media/x": "/mnt/media/x", // a directory to change to, not an ffmpeg URL
		"$All":          "/",
		"$Other/x":      "", // not among the job's paths
		"$Nobody":       "",
		"/home/user":    "", // another machine's
		"":              "",
	} {
		if got, err := worker.WorkingDirectory(dir, []string{"Media", "All", "Nobody"}); err != nil || got != want {
			t.Errorf("%q became %q, error %v; want %q", dir, got, err, want)
		}
	}
}

func TestMissing(t *testing.T) {
	worker, err := NewWorker(map[string]string{"Media": "/mnt/media"})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Z", "Media", "A", "Z"}
	if diff := cmp.Diff([]string{"A", "Z"}, worker.Missing(names)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Z", "Media", "A", "Z"}, names); diff != "" {
		t.Errorf("the job's names changed: %s", diff)
	}
	if missing := worker.Missing([]string{"Media"}); len(missing) != 0 {
		t.Errorf("missing %q", missing)
	}
}

func TestArgsLeavesTheJobAlone(t *testing.T) {
	worker, err := NewWorker(map[string]string{"Media": "/mnt/media"})
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"$Media/x"}
	mapped, err := worker.Args(args, []string{"Media"})
	if err != nil || args[0] != "$Media/x" || mapped[0] != "/mnt/media/x" {
		t.Errorf("args %q, mapped %q, error %v", args, mapped, err)
	}
	if none, err := worker.Args(nil, nil); err != nil || none == nil {
		t.Errorf("Args(nil) = %#v, %v", none, err)
	}
}
