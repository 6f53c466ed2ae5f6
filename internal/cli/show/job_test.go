package show

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// TestWarningsAreShown: in a job's own view as they are, in the list by number.
func TestWarningsAreShown(t *testing.T) {
	job := dffmpeg.Job{ID: "01", Warnings: []string{"first", "\x1b[2Jsecond"}}
	var one, list bytes.Buffer
	if err := Job(&one, &job); err != nil {
		t.Fatal(err)
	}
	if err := Jobs(&list, []dffmpeg.Job{job, {ID: "02"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Warning:            first\n", `Warning:            "\x1b[2Jsecond"` + "\n"} {
		if !strings.Contains(one.String(), want) {
			t.Errorf("the job's view lacks %q:\n%s", want, &one)
		}
	}
	lines := strings.Split(list.String(), "\n")
	for i, want := range []string{"WARNINGS", "2", "-"} {
		if !regexp.MustCompile("  " + want + ` +\S+ +\S+$`).MatchString(lines[i]) {
			t.Errorf("line %d of the list does not say %s:\n%s", i, want, &list)
		}
	}
	one.Reset()
	if err := Job(&one, &dffmpeg.Job{}); err != nil || strings.Contains(one.String(), "Warning") {
		t.Errorf("a job without warnings, error %v:\n%s", err, &one)
	}
}

// TestPositionAndReasonAreListed behind the columns that were there before.
func TestPositionAndReasonAreListed(t *testing.T) {
	why := "all 4 slots busy on worker b1, worker b2 is kept free for a job that needs 2 nvenc"
	var list bytes.Buffer
	err := Jobs(&list, []dffmpeg.Job{
		{ID: "01", Status: dffmpeg.JobPending, BinaryName: "ffmpeg", RequesterID: "jellyfin", Position: 37, Reason: why},
		{ID: "02", Status: dffmpeg.JobRunning, BinaryName: "ffmpeg", RequesterID: "jellyfin"},
	})
	want := `JOB ID  STATUS   BINARY  EXIT  WORKER  REQUESTER  CREATED  WARNINGS  POSITION  REASON
01      pending  ffmpeg  -     -       jellyfin   -        -         37        ` + why + `
02      running  ffmpeg  -     -       jellyfin   -        -         -         -
`
	if err != nil || list.String() != want {
		t.Errorf("error %v, printed\n%swant\n%s", err, &list, want)
	}
}
