package clientcmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

func TestTerms(t *testing.T) {
	backoff := 0
	words := strings.Fields("--priority=-5 --require gpu=new --require site= --prefer a=b=c --need encoder:x --no-need filter:y " +
		"--use nvenc=2 --max-attempts 3 --retry-on lost --retry-on 69 --backoff 0 --queue-timeout 60 -- --priority 7")
	got, err := parseSubmission(words, true)
	if err != nil {
		t.Fatal(err)
	}
	want := submission{
		binary: "ffmpeg", args: []string{"--priority", "7"},
		terms: dffmpeg.JobTerms{
			Priority: new(-5), Require: map[string]string{"gpu": "new", "site": ""}, Prefer: map[string]string{"a": "b=c"},
			Needs: []string{"encoder:x"}, Lift: []string{"filter:y"}, Uses: map[string]int{"nvenc": 2},
			MaxAttempts: 3, RetryOn: []string{"lost", "69"}, Backoff: &backoff, QueueTimeout: 60,
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(submission{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, wrong := range []string{
		"--priority", "--priority x", "--priority 101", "--require gpu", "--require =x", "--need x264", "--use nvenc", "--use nvenc=-1",
		"--max-attempts 0", "--max-attempts 21", "--backoff -1", "--queue-timeout x",
	} {
		if _, err := parseSubmission(strings.Fields(wrong), true); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// TestConfiguredTerms hold where the command line says nothing else.
func TestConfiguredTerms(t *testing.T) {
	configured := dffmpeg.JobTerms{Priority: new(20), Require: map[string]string{"gpu": "new", "site": "a"}}
	if diff := cmp.Diff(configured, withTerms(configured, dffmpeg.JobTerms{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := withTerms(configured, dffmpeg.JobTerms{Priority: new(-5), Require: map[string]string{"site": "b"}, Prefer: map[string]string{"x": "y"}, MaxAttempts: 2})
	want := dffmpeg.JobTerms{Priority: new(-5), Require: map[string]string{"gpu": "new", "site": "b"}, Prefer: map[string]string{"x": "y"}, MaxAttempts: 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if configured.Require["site"] != "a" {
		t.Error("the configuration was changed")
	}
}
