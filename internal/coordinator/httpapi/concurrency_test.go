package httpapi

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg"
)

// TestManyAtOnce: requests of all sorts do not disturb each other; the race
// detector watches.
func TestManyAtOnce(t *testing.T) {
	c := newCluster(t)
	c.online(holder)
	const submitters, each = 16, 5
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[string]bool)
	for range submitters {
		all.Go(func() {
			for range each {
				a := c.do(requester, http.MethodPost, "/jobs/submit", submission())
				job := decode[dffmpeg.Job](t, a)
				c.do(requester, http.MethodPost, "/jobs/submit", `{"arguments":null}`)
				c.do(holder, http.MethodPost, "/worker/register", registration(holder))
				c.do(nobody, http.MethodGet, "/status", nil)
				c.do(requester, http.MethodPost, "/jobs/"+job.ID+"/cancel", nil)
				mu.Lock()
				seen[job.ID] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != submitters*each {
		t.Errorf("%d jobs, want %d", len(seen), submitters*each)
	}
	for _, job := range decode[[]dffmpeg.Job](t, c.do(requester, http.MethodGet, "/jobs", nil)) {
		if !seen[job.ID] || job.Status != dffmpeg.JobCanceled {
			t.Errorf("job %s is %s", job.ID, job.Status)
		}
	}
	if strings.Contains(c.log.String(), "panic") {
		t.Errorf("a handler panicked:\n%s", c.log)
	}
}
