package httpapi

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
)

// TestStdioRoles: with those who may a handshake begins, which a recorder cannot end.
func TestStdioRoles(t *testing.T) {
	c := newCluster(t)
	offering := submission()
	offering.Features = []string{dffmpeg.FeatureStdio}
	streams, plain := c.assignedAs(offering), c.assigned()
	for _, tt := range []struct {
		who, target string
		want        int
	}{
		{requester, "/jobs/" + streams.ID + "/stdio", http.StatusSwitchingProtocols},
		{holder, "/jobs/" + streams.ID + "/stdio?attempt=1", http.StatusSwitchingProtocols},
		{holder, "/jobs/" + streams.ID + "/stdio", http.StatusForbidden},
		{holder, "/jobs/" + streams.ID + "/stdio?attempt=2", http.StatusForbidden},
		{otherClient, "/jobs/" + streams.ID + "/stdio", http.StatusForbidden},
		{otherWorker, "/jobs/" + streams.ID + "/stdio?attempt=1", http.StatusForbidden},
		{administer, "/jobs/" + streams.ID + "/stdio", http.StatusForbidden},
		{accounts.ClusterID, "/jobs/" + streams.ID + "/stdio", http.StatusForbidden},
		{nobody, "/jobs/" + streams.ID + "/stdio", http.StatusUnauthorized},
		{requester, "/jobs/" + plain.ID + "/stdio", http.StatusBadRequest},
		{requester, "/jobs/01J0000000000000000000000C/stdio", http.StatusNotFound},
		{requester, "/jobs/" + streams.ID + "/stdio?attempt=x", http.StatusUnprocessableEntity},
		{accounts.ClusterID, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusSwitchingProtocols},
		{accounts.ClusterID, "/cluster/jobs/" + streams.ID + "/stdio?side=nobody", http.StatusUnprocessableEntity},
		{requester, "/cluster/jobs/" + streams.ID + "/stdio?side=requester", http.StatusForbidden},
		{holder, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusForbidden},
		{administer, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusForbidden},
	} {
		request := c.request(tt.who, http.MethodGet, tt.target, nil)
		request.Header["Connection"] = []string{"keep-alive, Upgrade"}
		request.Header["Upgrade"] = []string{"WebSocket"}
		request.Header["Sec-Websocket-Version"] = []string{"13"}
		request.Header["Sec-Websocket-Key"] = []string{"MDEyMzQ1Njc4OWFiY2RlZg=="}
		a, status := c.serve(request), tt.want
		if status == http.StatusSwitchingProtocols {
			status = http.StatusInternalServerError
		}
		if a.status != status {
			t.Errorf("%s as %q: status %d, want %d: %s", tt.target, tt.who, a.status, status, a.body)
		}
	}
}

// TestStdioWithoutUpgrade: what a proxy in between has stripped of its headers is told
// so before the job is looked up, by its signer alone.
func TestStdioWithoutUpgrade(t *testing.T) {
	c := newCluster(t)
	const target = "/jobs/00000000000000000000000000/stdio"
	for _, tt := range []struct {
		name, who string
		header    http.Header
		want      int
		code      dffmpeg.Code
	}{
		{"neither header", requester, nil, http.StatusUpgradeRequired, dffmpeg.CodeUpgradeRequired},
		{"no Connection", requester, http.Header{"Upgrade": {"websocket"}}, http.StatusUpgradeRequired, dffmpeg.CodeUpgradeRequired},
		{"no Upgrade", requester, http.Header{"Connection": {"upgrade"}}, http.StatusUpgradeRequired, dffmpeg.CodeUpgradeRequired},
		{"both", requester, http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"}}, http.StatusNotFound, dffmpeg.CodeNotFound},
		{"nobody", nobody, nil, http.StatusUnauthorized, dffmpeg.CodeUnauthenticated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request := c.request(tt.who, http.MethodGet, target, nil)
			for name, values := range tt.header {
				request.Header[name] = values
			}
			a := c.serve(request)
			var answer dffmpeg.ErrorAnswer
			if err := json.Unmarshal(a.body, &answer); err != nil || a.status != tt.want || answer.Code != tt.code {
				t.Errorf("status %d, want %d with code %s: %s", a.status, tt.want, tt.code, a.body)
			}
			if got := a.header.Get("Upgrade") != ""; got != (tt.want == http.StatusUpgradeRequired) {
				t.Errorf("headers %v", a.header)
			}
		})
	}
}
