package show

import (
	"bytes"
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
		if !strings.HasSuffix(lines[i], "  "+want) {
			t.Errorf("line %d of the list ends not with %s:\n%s", i, want, &list)
		}
	}
	one.Reset()
	if err := Job(&one, &dffmpeg.Job{}); err != nil || strings.Contains(one.String(), "Warning") {
		t.Errorf("a job without warnings, error %v:\n%s", err, &one)
	}
}
