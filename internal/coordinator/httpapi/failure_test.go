package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// away is a state whose engine does not answer.
type away struct{ store.State }

func gone() error {
	return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The database does not answer; try again").
		WithCause(errors.New("dial tcp: connection refused"))
}

func (away) Job(context.Context, string) (dffmpeg.Job, error) { return dffmpeg.Job{}, gone() }

func (away) Submit(context.Context, dffmpeg.Job) (store.Change, error) {
	return store.Change{}, gone()
}

func (away) Accept(context.Context, string, store.By) (store.Change, error) {
	return store.Change{}, gone()
}

func (away) Finish(context.Context, string, store.By, store.Result) (store.Change, error) {
	return store.Change{}, gone()
}

func (away) AppendLogs(context.Context, string, store.By, int64, []dffmpeg.LogEntry) (store.Change, error) {
	return store.Change{}, gone()
}

func (away) ListWorkers(context.Context, time.Duration) ([]dffmpeg.Worker, error) {
	return nil, gone()
}

// TestStoreAway: while the store is away, a 0.4 worker's final report and its
// output break the connection, which is what makes it try again; everybody
// else is answered 503.
func TestStoreAway(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	c.engine.State = away{c.engine.State}
	server := httptest.NewServer(c.router)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	entry := []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "x"}}
	for _, try := range []struct {
		name, identity, target string
		body                   any
		broken                 bool
	}{
		{"final report of 0.4", holder, "/jobs/" + job.ID + "/status", dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted}, true},
		{"output of 0.4", holder, "/jobs/" + job.ID + "/logs", dffmpeg.LogsRequest{Logs: entry}, true},
		{"final report of ours", holder, "/jobs/" + job.ID + "/status", dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted, Attempt: 1}, false},
		{"output of ours", holder, "/jobs/" + job.ID + "/logs", dffmpeg.LogsRequest{Logs: entry, Attempt: 1}, false},
		{"accept", holder, "/jobs/" + job.ID + "/accept", nil, false},
		{"submit", requester, "/jobs/submit", submission(), false},
		{"cancel", requester, "/jobs/" + job.ID + "/cancel", nil, false},
	} {
		t.Run(try.name, func(t *testing.T) {
			body := encode(t, try.body)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+try.target, bytes.NewReader(body))
			must(t, err)
			request.Header.Set("Content-Type", "application/json")
			must(t, c.signers[try.identity].Sign(request, body, time.Now()))
			response, err := client.Do(request)
			if try.broken {
				if err == nil {
					response.Body.Close()
					t.Errorf("the connection was not closed: status %d", response.StatusCode)
				}
				return
			}
			must(t, err)
			defer response.Body.Close()
			if response.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", response.StatusCode)
			}
		})
	}
	if log := c.log.String(); !strings.Contains(log, "connection refused") {
		t.Errorf("the log does not have the cause:\n%s", log)
	}
	a := c.want(http.StatusServiceUnavailable, requester, http.MethodGet, "/workers", nil)
	if strings.Contains(string(a.body), "dial tcp") {
		t.Errorf("the cause was shown: %s", a.body)
	}
	c.want(http.StatusServiceUnavailable, nobody, http.MethodGet, "/status", nil)
}

// explosive is a state that panics.
type explosive struct{ store.State }

func (explosive) Loads(context.Context) ([]store.Held, error) { panic("boom") }

// TestPanic: a handler that panics costs its request and nothing else; the log
// has the stack.
func TestPanic(t *testing.T) {
	c := newCluster(t)
	c.engine.State = explosive{c.engine.State}
	a := c.want(http.StatusInternalServerError, nobody, http.MethodGet, "/status/data", nil)
	if strings.Contains(string(a.body), "boom") {
		t.Errorf("the panic was shown: %s", a.body)
	}
	if log := c.log.String(); !strings.Contains(log, "boom") || !strings.Contains(log, "failure_test.go") {
		t.Errorf("the log has neither panic nor stack:\n%s", log)
	}
	c.want(http.StatusOK, nobody, http.MethodGet, "/health", nil)
}

// TestUnknownError: an error that is not for callers is not shown to them.
func TestUnknownError(t *testing.T) {
	c := newCluster(t)
	c.reconcile = func(dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error) {
		return nil, errors.New("hidden")
	}
	a := c.want(http.StatusInternalServerError, holder, http.MethodPost, "/worker/register", registration(holder))
	if strings.Contains(string(a.body), "hidden") || !strings.Contains(c.log.String(), "hidden") {
		t.Errorf("answer %s\nlog %s", a.body, c.log)
	}
}

// TestSettings: what cannot work fails at start, with what to change.
func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*Deps){
		"max_body_bytes":                 func(d *Deps) { d.Settings.MaxBodyBytes = 0 },
		"default_job_heartbeat_interval": func(d *Deps) { d.Settings.HeartbeatInterval = time.Millisecond },
	} {
		deps := newCluster(t).deps
		change(&deps)
		if handler, err := New(deps); err == nil || handler != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: handler %v, error %v", name, handler, err)
		}
	}
}
