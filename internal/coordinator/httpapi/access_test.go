package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
)

// rule is a row of the table of who may do what.
type rule struct {
	allowed string // letters of callers
	body    any
	query   string
}

// callers are everybody who may try, each by a letter.
func callers() map[string]string {
	return map[string]string{
		"n": nobody,
		"c": requester, // of the job in question
		"o": otherClient,
		"w": holder, // of the job in question
		"x": otherWorker,
		"a": administer,
		"r": accounts.ClusterID,
	}
}

// rules is the whole table: who may call each operation about a job that the
// requester submitted and the holder was assigned, or about the holder itself.
func rules() map[string]rule {
	const (
		everyone   = "ncowxar"
		identities = "cowxa"
	)
	return map[string]rule{
		"POST /worker/register":                {allowed: "w", body: registration(holder)},
		"POST /worker/{worker_id}/verify":      {allowed: "w", body: dffmpeg.VerifyRequest{RegistrationToken: token}},
		"POST /worker/{worker_id}/ack":         {allowed: "w", body: dffmpeg.AcknowledgeRequest{MessageIDs: []string{"x"}}},
		"GET /worker/{worker_id}/mail":         {allowed: "w"},
		"POST /worker/deregister":              {allowed: "w", body: dffmpeg.DeregisterRequest{WorkerID: holder}},
		"GET /workers":                         {allowed: identities},
		"GET /workers/{worker_id}":             {allowed: identities},
		"GET /workers/{worker_id}/programs":    {allowed: identities},
		"POST /workers/{worker_id}/pause":      {allowed: "a", body: dffmpeg.PauseRequest{}},
		"POST /workers/{worker_id}/resume":     {allowed: "a"},
		"POST /jobs/submit":                    {allowed: "coa", body: submission()},
		"GET /jobs":                            {allowed: "coa"},
		"GET /jobs/{job_id}/status":            {allowed: "cwa"},
		"POST /jobs/{job_id}/accept":           {allowed: "w"},
		"POST /jobs/{job_id}/reject":           {allowed: "w"},
		"POST /jobs/{job_id}/status":           {allowed: "w", body: dffmpeg.FinishRequest{Status: dffmpeg.JobFailed}},
		"POST /jobs/{job_id}/logs":             {allowed: "w", body: dffmpeg.LogsRequest{Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "x"}}}},
		"POST /jobs/{job_id}/worker_heartbeat": {allowed: "w"},
		"POST /jobs/{job_id}/client_heartbeat": {allowed: "ca"},
		"POST /jobs/{job_id}/cancel":           {allowed: "ca"},
		"GET /jobs/{job_id}/logs":              {allowed: "ca"},
		"GET /jobs/{job_id}/output":            {allowed: "ca", query: "?stream=stdout"},
		"POST /jobs/{job_id}/ack":              {allowed: "c", body: dffmpeg.AcknowledgeRequest{MessageIDs: []string{"x"}}},
		"GET /jobs/{job_id}/mail":              {allowed: "c"},
		"GET /poll/worker":                     {allowed: "wx", query: "?wait=0"}, // each its own
		"GET /poll/jobs/{job_id}":              {allowed: "c", query: "?wait=0"},

		"POST /admin/janitor":                      {allowed: "a", body: dffmpeg.JanitorRequest{Action: dffmpeg.JanitorRunAll}},
		"GET /admin/jobs":                          {allowed: "a"},
		"GET /admin/coordinators":                  {allowed: "a"},
		"GET /admin/users":                         {allowed: "a"},
		"POST /admin/users":                        {allowed: "a", body: dffmpeg.AddUserRequest{ClientID: "fresh", Role: dffmpeg.RoleClient}},
		"GET /admin/users/{client_id}":             {allowed: "a"},
		"GET /admin/users/{client_id}/key":         {allowed: "a"},
		"DELETE /admin/users/{client_id}":          {allowed: "a"},
		"POST /admin/users/{client_id}/rotate-key": {allowed: "a"},
		"PUT /admin/users/{client_id}/scope":       {allowed: "a", body: dffmpeg.ScopeRequest{AllowedCIDRs: []string{"10.0.0.0/8"}}},
		"PUT /admin/users/{client_id}/role":        {allowed: "a", body: dffmpeg.RoleRequest{Role: dffmpeg.RoleAdmin}},
		"PUT /admin/users/{client_id}/priorities":  {allowed: "a", body: dffmpeg.PrioritiesRequest{}},

		"POST /cluster/wake": {allowed: "r", body: dffmpeg.WakeRequest{From: "north", To: []dffmpeg.WakeUp{{Kind: dffmpeg.RecipientWorker, ID: holder}}}},

		"GET /health":                   {allowed: everyone},
		"GET /metrics":                  {allowed: everyone}, // from allowed addresses
		"GET /":                         {allowed: everyone}, // from allowed addresses
		"GET /status":                   {allowed: everyone},
		"GET /status/data":              {allowed: everyone},
		"GET /status/assets/style.css":  {allowed: everyone},
		"GET /status/assets/refresh.js": {allowed: everyone},
		"GET /openapi.json":             {allowed: everyone},
		"GET /docs":                     {allowed: everyone},
	}
}

// undecided are operations that the table leaves out: files of a page, and what
// TestStdioRoles and TestSubmitStreamsRefused look at.
func undecided() []string {
	return []string{"GET /docs/", "GET /jobs/stdio", "GET /jobs/{job_id}/stdio", "GET /cluster/jobs/{job_id}/stdio"}
}

// TestRoles tries every operation as everybody. What is refused changes
// nothing.
func TestRoles(t *testing.T) {
	table := rules()
	for _, operation := range newCluster(t).router.mounted {
		row, known := table[operation]
		if !known && !slices.Contains(undecided(), operation) {
			t.Errorf("%s is in no row of the table: who may call it?", operation)
		}
		delete(table, operation)
		if !known {
			continue
		}
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			for _, allowed := range []bool{false, true} { // those who change nothing first
				for letter, identity := range callers() {
					if strings.Contains(row.allowed, letter) == allowed {
						c.reset()
						c.try(operation, row, identity, allowed)
					}
				}
			}
		})
	}
	for operation := range table {
		t.Errorf("%s is in the table, but not mounted", operation)
	}
}

// try calls an operation with a valid request.
func (c *cluster) try(operation string, row rule, identity string, allowed bool) {
	t := c.tb
	t.Helper()
	job := c.assigned()
	// A token to verify.
	c.want(http.StatusOK, holder, http.MethodPost, "/worker/register", registration(holder))
	before := c.stored()

	method, path, _ := strings.Cut(operation, " ")
	target := strings.NewReplacer("{job_id}", job.ID, "{worker_id}", holder, "{client_id}", spare).Replace(path)
	a := c.do(identity, method, target+row.query, row.body)
	switch {
	case allowed && a.status >= http.StatusBadRequest:
		t.Errorf("%s as %q: status %d, but it is allowed: %s", operation, identity, a.status, a.body)
	case allowed:
		return
	case identity == nobody && a.status != http.StatusUnauthorized,
		identity != nobody && a.status != http.StatusForbidden:
		t.Errorf("%s as %q: status %d, but it is forbidden: %s", operation, identity, a.status, a.body)
	}
	if diff := cmp.Diff(before, c.stored(), comparable()); diff != "" {
		t.Errorf("%s as %q was refused and changed something (-before +after):\n%s", operation, identity, diff)
	}
}

// TestWrongRoleSaysWhatToDo: the answer names the role needed, the one held,
// and the command that changes it.
func TestWrongRoleSaysWhatToDo(t *testing.T) {
	c := newCluster(t)
	got := c.want(http.StatusForbidden, requester, http.MethodPost, "/worker/register", registration(requester)).detail(t)
	for _, part := range []string{"role worker", "jellyfin has the role client", "dffmpeg admin user set-role jellyfin"} {
		if !strings.Contains(got, part) {
			t.Errorf("the detail does not say %q: %s", part, got)
		}
	}
	got = c.want(http.StatusForbidden, otherWorker, http.MethodPost, "/jobs/submit", submission()).detail(t)
	if !strings.Contains(got, "role client or admin") {
		t.Errorf("the detail does not name the roles: %s", got)
	}
}

// TestZeroAccess: an endpoint made without a rule lets nobody in.
func TestZeroAccess(t *testing.T) {
	c := newCluster(t)
	a := &api{Deps: c.deps}
	for _, identity := range []string{nobody, requester, holder, administer} {
		r := c.request(identity, http.MethodGet, "/workers", nil)
		if _, err := a.admit(r, access{}, nil); err == nil {
			t.Errorf("%q was let in", identity)
		}
	}
}

// TestEverybodysJobs: an admin sees all jobs when asking for them; others see
// their own only.
func TestEverybodysJobs(t *testing.T) {
	c := newCluster(t)
	c.assigned()
	c.want(http.StatusOK, otherClient, http.MethodPost, "/jobs/submit", submission())
	for _, ask := range []struct {
		identity, target string
		jobs             int
	}{
		{requester, "/jobs", 1},
		{requester, "/jobs?all=false", 1},
		{administer, "/jobs", 0},
		{administer, "/jobs?all=true", 2},
		{administer, "/admin/jobs", 2},
		{administer, "/admin/jobs?requester=plex", 1},
	} {
		jobs := decode[[]dffmpeg.Job](t, c.want(http.StatusOK, ask.identity, http.MethodGet, ask.target, nil))
		if len(jobs) != ask.jobs {
			t.Errorf("%s sees %d jobs at %s, want %d", ask.identity, len(jobs), ask.target, ask.jobs)
		}
	}
	c.want(http.StatusForbidden, requester, http.MethodGet, "/jobs?all=true", nil)
}

// TestAddresses: pages and counts are for allowed addresses; the address behind
// a trusted proxy counts, and nobody else's claim does.
func TestAddresses(t *testing.T) {
	c := newCluster(t, func(d *Deps) {
		d.Settings.DashboardFrom = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		d.Settings.MetricsFrom = d.Settings.DashboardFrom
	})
	for _, path := range []string{"/", "/status", "/status/data", "/status/assets/style.css", "/metrics"} {
		for _, try := range []struct {
			peer, forwarded string
			allowed         bool
		}{
			{peer: "10.1.2.3:4", allowed: true},
			{peer: "203.0.113.9:4"},
			{peer: "203.0.113.9:4", forwarded: "10.1.2.3"}, // no proxy of ours
			{peer: "192.0.2.1:4", forwarded: "10.1.2.3", allowed: true},
			{peer: "192.0.2.1:4", forwarded: "10.1.2.3, 203.0.113.9"},
		} {
			r := c.request(nobody, http.MethodGet, path, nil)
			r.RemoteAddr = try.peer
			if try.forwarded != "" {
				r.Header.Set("X-Forwarded-For", try.forwarded)
			}
			a := c.serve(r)
			if allowed := a.status < http.StatusBadRequest; allowed != try.allowed {
				t.Errorf("%s from %s for %q: status %d", path, try.peer, try.forwarded, a.status)
			}
			if !try.allowed && a.detail(t) != "Client IP not allowed" {
				t.Errorf("%s: detail %q", path, a.detail(t))
			}
		}
	}
}

// TestDashboardDisabled: then its paths do not exist.
func TestDashboardDisabled(t *testing.T) {
	c := newCluster(t, func(d *Deps) { d.Settings.Dashboard = false })
	for _, path := range []string{"/", "/status", "/status/data"} {
		if got := c.want(http.StatusNotFound, nobody, http.MethodGet, path, nil).detail(t); got != "Not Found" {
			t.Errorf("%s: detail %q", path, got)
		}
	}
}
