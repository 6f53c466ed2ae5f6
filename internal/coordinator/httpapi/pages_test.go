package httpapi

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/outbox"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// TestHealth: the status of the answer follows the coordinator's condition.
func TestHealth(t *testing.T) {
	c := newCluster(t)
	for condition, status := range map[dffmpeg.HealthStatus]int{
		dffmpeg.HealthOnline:    http.StatusOK,
		dffmpeg.HealthShutdown:  http.StatusServiceUnavailable,
		dffmpeg.HealthUnhealthy: http.StatusInternalServerError,
	} {
		c.condition.Status = condition
		got := decode[dffmpeg.HealthAnswer](t, c.want(status, nobody, http.MethodGet, "/health?deep=1", nil))
		if got.Status != condition || got.Version != "test" || !slices.Contains(got.Features, dffmpeg.FeatureAck) {
			t.Errorf("health is %+v, want %s", got, condition)
		}
		if len(got.Databases) != 4 || len(got.Transports) != 1 {
			t.Errorf("deep health shows databases %v and transports %v", got.Databases, got.Transports)
		}
	}
}

// TestMetrics: every allowed binary and every known worker shows, also with
// nothing to count.
func TestMetrics(t *testing.T) {
	c := newCluster(t)
	c.assigned()
	c.online(otherWorker)
	got := decode[dffmpeg.MetricsAnswer](t, c.want(http.StatusOK, nobody, http.MethodGet, "/metrics", nil))
	one := dffmpeg.JobCounts{Current: 1, Last1m: 1, Last5m: 1}
	want := dffmpeg.MetricsAnswer{
		Total:     one,
		PerBinary: map[string]dffmpeg.JobCounts{"ffmpeg": one, "ffprobe": {}},
		PerWorker: map[string]dffmpeg.JobCounts{holder: one, otherWorker: {}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics differ (-want +got):\n%s", diff)
	}
}

// TestStatusData: workers with their load, and everybody's jobs without their
// arguments: the page needs no signature.
func TestStatusData(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	a := c.want(http.StatusOK, nobody, http.MethodGet, "/status/data?window=60", nil)
	got := decode[dffmpeg.DashboardAnswer](t, a)
	if len(got.Workers) != 1 || got.WorkerLoad[holder] != 1 || len(got.Jobs) != 1 || got.Jobs[0].JobID != job.ID {
		t.Errorf("the data is %s", a.body)
	}
	if strings.Contains(string(a.body), "arguments") || strings.Contains(string(a.body), "-version") {
		t.Errorf("arguments are shown: %s", a.body)
	}
}

// TestStatusPage: it holds the data when it arrives.
func TestStatusPage(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	a := c.want(http.StatusOK, nobody, http.MethodGet, "/status", nil)
	for _, part := range []string{job.ID, holder, requester, "assigned"} {
		if !strings.Contains(string(a.body), part) {
			t.Errorf("the page does not show %q", part)
		}
	}
	root := c.want(http.StatusTemporaryRedirect, nobody, http.MethodGet, "/", nil)
	if got := root.header.Get("Location"); got != "/status" {
		t.Errorf("/ redirects to %q", got)
	}
}

// TestDocument: everything that is mounted is described, with what may be sent.
func TestDocument(t *testing.T) {
	c := newCluster(t)
	a := c.want(http.StatusOK, nobody, http.MethodGet, "/openapi.json", nil)
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ OperationID, Summary string }
		Components struct {
			Schemas map[string]struct {
				Properties           map[string]json.RawMessage
				AdditionalProperties *bool
			}
		}
	}
	must(t, json.Unmarshal(a.body, &doc))
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	ids := make(map[string]bool)
	for _, mounted := range c.router.mounted {
		method, path, _ := strings.Cut(mounted, " ")
		if strings.HasPrefix(path, "/docs") || path == "/openapi.json" {
			continue
		}
		op, known := doc.Paths[path][strings.ToLower(method)]
		if !known || op.Summary == "" || ids[op.OperationID] {
			t.Errorf("%s is not described, or not by an ID of its own: %+v", mounted, op)
		}
		ids[op.OperationID] = true
	}
	if text := string(a.body); strings.Contains(text, `["array","null"]`) {
		t.Error("a list is said to be null at times; none ever is")
	}
	for _, name := range []string{"FieldError", "SubmitRequest", "RegisterRequest", "Job", "MessagesAnswer"} {
		schema, known := doc.Components.Schemas[name]
		if !known {
			t.Errorf("no schema %s", name)
		}
		if _, found := schema.Properties["$schema"]; found {
			t.Errorf("%s has a $schema", name)
		}
		if schema.AdditionalProperties != nil && !*schema.AdditionalProperties {
			t.Errorf("%s is closed to members of newer peers", name)
		}
	}
}

// TestDocumentationDisabled: without dev_mode neither document nor page exist.
func TestDocumentationDisabled(t *testing.T) {
	c := newCluster(t, func(d *Deps) { d.Settings.Documentation = false })
	for _, path := range []string{"/docs", "/docs/", "/openapi.json"} {
		c.want(http.StatusNotFound, nobody, http.MethodGet, path, nil)
	}
}

// TestUsers: an identity's life over HTTP; its key shows in the three answers
// that are for it, and works.
func TestUsers(t *testing.T) {
	c := newCluster(t)
	added := decode[dffmpeg.UserKeyAnswer](t, c.want(http.StatusCreated, administer, http.MethodPost, "/admin/users",
		dffmpeg.AddUserRequest{ClientID: "fresh", Role: dffmpeg.RoleClient}))
	for _, path := range []string{"/admin/users", "/admin/users/fresh"} {
		if a := c.want(http.StatusOK, administer, http.MethodGet, path, nil); strings.Contains(string(a.body), "hmac_key") {
			t.Errorf("%s shows a key: %s", path, a.body)
		}
	}
	shown := decode[dffmpeg.UserKeyAnswer](t, c.want(http.StatusOK, administer, http.MethodGet, "/admin/users/fresh/key", nil))
	if shown.HMACKey != added.HMACKey {
		t.Errorf("the key shown is not the one made")
	}
	c.signers["fresh"] = c.keyed("fresh", added.HMACKey)
	c.want(http.StatusOK, "fresh", http.MethodGet, "/jobs", nil)

	rotated := decode[dffmpeg.UserKeyAnswer](t, c.want(http.StatusOK, administer, http.MethodPost, "/admin/users/fresh/rotate-key", nil))
	c.want(http.StatusUnauthorized, "fresh", http.MethodGet, "/jobs", nil)
	c.signers["fresh"] = c.keyed("fresh", rotated.HMACKey)
	c.want(http.StatusOK, administer, http.MethodPut, "/admin/users/fresh/role", dffmpeg.RoleRequest{Role: dffmpeg.RoleWorker})
	c.want(http.StatusForbidden, "fresh", http.MethodGet, "/jobs", nil)
	c.want(http.StatusOK, administer, http.MethodPut, "/admin/users/fresh/scope", dffmpeg.ScopeRequest{AllowedCIDRs: []string{"10.0.0.0/8"}})
	if got := c.want(http.StatusUnauthorized, "fresh", http.MethodGet, "/workers", nil).detail(t); got != "Client IP not allowed" {
		t.Errorf("outside its scope: %q", got)
	}
	c.want(http.StatusOK, administer, http.MethodDelete, "/admin/users/fresh", nil)
	c.want(http.StatusNotFound, administer, http.MethodGet, "/admin/users/fresh", nil)
	for _, key := range []string{added.HMACKey, rotated.HMACKey} {
		if strings.Contains(c.log.String(), key) {
			t.Error("a key is in the log")
		}
	}
}

// TestJanitor: each action reaches the janitor.
func TestJanitor(t *testing.T) {
	c := newCluster(t)
	actions := []dffmpeg.JanitorAction{dffmpeg.JanitorRunAll, dffmpeg.JanitorCleanJobs, dffmpeg.JanitorCleanWorkers}
	for _, action := range actions {
		got := decode[dffmpeg.JanitorAnswer](t, c.want(http.StatusAccepted, administer, http.MethodPost, "/admin/janitor", dffmpeg.JanitorRequest{Action: action}))
		if want := (dffmpeg.JanitorAnswer{Message: "Action accepted", Action: action}); got != want {
			t.Errorf("answer %+v, want %+v", got, want)
		}
	}
	if diff := cmp.Diff(actions, c.triggered); diff != "" {
		t.Errorf("what the janitor was asked differs (-want +got):\n%s", diff)
	}
}

// TestCollidingRoutes: a base path that collides with the API's own paths
// fails at start and names the setting.
func TestCollidingRoutes(t *testing.T) {
	deps := newCluster(t).deps
	deps.Transports = transport.NewSet(httppoll.NewServer(
		httppoll.ServerSettings{BasePath: "/jobs"}, outbox.Mailbox(deps.State), slog.New(slog.NewTextHandler(io.Discard, nil))))
	if _, err := New(deps); err == nil || !strings.Contains(err.Error(), "base_path") {
		t.Errorf("error %v", err)
	}
}
