package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
)

// TestStdioRoles: those who may are asked to speak WebSocket, which these requests
// do not.
func TestStdioRoles(t *testing.T) {
	c := newCluster(t)
	offering := submission()
	offering.Features = []string{dffmpeg.FeatureStdio}
	streams, plain := c.assignedAs(offering), c.assigned()
	for _, tt := range []struct {
		who, target string
		want        int
	}{
		{requester, "/jobs/" + streams.ID + "/stdio", http.StatusUpgradeRequired},
		{holder, "/jobs/" + streams.ID + "/stdio?attempt=1", http.StatusUpgradeRequired},
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
		{accounts.ClusterID, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusUpgradeRequired},
		{accounts.ClusterID, "/cluster/jobs/" + streams.ID + "/stdio?side=nobody", http.StatusUnprocessableEntity},
		{requester, "/cluster/jobs/" + streams.ID + "/stdio?side=requester", http.StatusForbidden},
		{holder, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusForbidden},
		{administer, "/cluster/jobs/" + streams.ID + "/stdio?side=worker", http.StatusForbidden},
	} {
		status := tt.want
		if status == http.StatusUpgradeRequired {
			status = http.StatusBadRequest
		}
		a := c.want(status, tt.who, http.MethodGet, tt.target, nil)
		if got := strings.Contains(string(a.body), "WebSocket"); got != (tt.want == http.StatusUpgradeRequired) {
			t.Errorf("%s as %q: %s", tt.target, tt.who, a.body)
		}
	}
}
