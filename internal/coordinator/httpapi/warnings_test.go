package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// TestWarnings: whatever peers send as warnings, the job goes on, and its record
// has what is bounded; a job without any looks as in 0.4.
func TestWarnings(t *testing.T) {
	c := newCluster(t)
	c.online(holder)
	request := submission()
	request.Warnings = []string{"the client's", strings.Repeat("x", 10_000), "the client's", "nul\x00"}
	for i := range 100 {
		request.Warnings = append(request.Warnings, fmt.Sprint(i))
	}
	mask := 0o77
	request.Umask = &mask
	submitted := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request))
	if n := len(submitted.Warnings); n != 16 || submitted.Warnings[0] != "the client's" || len(submitted.Warnings[1]) != 512 {
		t.Errorf("%d warnings: %.80q", n, submitted.Warnings)
	}
	answer := c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+submitted.ID+"/status", nil)
	if bytes.Contains(answer.body, []byte("umask")) {
		t.Errorf("the record shows the umask: %s", answer.body)
	}

	plain := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", submission()))
	job, err := c.deps.State.Claim(t.Context(), plain.Job, holder)
	must(t, err)
	if answer := c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+plain.ID+"/status", nil); bytes.Contains(answer.body, []byte("warning")) {
		t.Errorf("a job without warnings is %s", answer.body)
	}
	for range 2 { // the second is the same report again
		c.report(holder, "status", job.Job, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted, Warnings: []string{"the worker's"}}, http.StatusOK, "")
	}
	shown := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+plain.ID+"/status", nil))
	if diff := cmp.Diff([]string{"the worker's"}, shown.Warnings); diff != "" {
		t.Error(diff)
	}
}
