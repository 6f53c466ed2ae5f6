package doctor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
)

// judgeCoordinator says whether what answered is a coordinator, and returns what it
// says of itself.
func judgeCoordinator(r *route, at place) (Finding, *dffmpeg.HealthAnswer) {
	if r.err != nil && r.status == 0 {
		advice := "see the coordinator's log, and what is between: it took the connection"
		if r.scheme == "http" {
			advice = "see that these are right: " + at.address("coordinator.scheme and port") + "; and the coordinator's log"
		}
		return problem(checkCoordinator, "connected, but: "+reason(r.err), advice), nil
	}
	var health dffmpeg.HealthAnswer
	if r.err == nil && json.Unmarshal(r.body, &health) == nil {
		switch health.Status {
		case dffmpeg.HealthOnline:
			return ok(checkCoordinator, "online"), &health
		case dffmpeg.HealthShutdown:
			return problem(checkCoordinator, "it is shutting down", "wait for it to come back, or for a balancer to choose another"), &health
		case dffmpeg.HealthUnhealthy:
			return problem(checkCoordinator, "it is not well", "see the coordinator's log, and: dffmpeg status"), &health
		}
	}
	found := fmt.Sprintf("what answers is no dffmpeg coordinator: %d %s", r.status, http.StatusText(r.status))
	if media := r.header.Get("Content-Type"); media != "" {
		found += " (" + media + ")"
	}
	switch body := strings.ToLower(string(r.body)); {
	case r.status >= 300 && r.status < 400:
		return problem(checkCoordinator, found+" to "+r.header.Get("Location"), "signed requests follow no redirections; put where that leads into "+at.address("coordinator.scheme, host, port and path_base")), nil
	case r.scheme == "http" && (strings.Contains(body, "https server") || strings.Contains(body, "https port")):
		return problem(checkCoordinator, found+": it wants HTTPS", "use https: "+at.address("coordinator.scheme")), nil
	case r.status == http.StatusBadGateway, r.status == http.StatusGatewayTimeout, r.status == http.StatusServiceUnavailable:
		return problem(checkCoordinator, found, "a proxy in between does not reach the coordinator: start it, or correct the proxy's configuration"), nil
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status == http.StatusProxyAuthRequired:
		return problem(checkCoordinator, found, "a proxy in between wants a login of its own: let the coordinator's paths through, which have signatures"), nil
	}
	return problem(checkCoordinator, found, "correct "+at.address("coordinator.host, port and path_base")), nil
}

// judgeDeep adds what a look at the coordinator's databases has brought.
func judgeDeep(shallow Finding, deep *dffmpeg.HealthAnswer, err error) Finding {
	switch {
	case shallow.Status != OK:
		return shallow
	case client.Unreachable(err):
		return warning(checkCoordinator, "online, and does not say in time how its database and brokers are", "see the coordinator's log, its database and brokers")
	case err != nil:
		return problem(checkCoordinator, err.Error(), "see the coordinator's log, and its database")
	case deep.Status != dffmpeg.HealthOnline:
		return problem(checkCoordinator, "its condition is "+string(deep.Status), "see the coordinator's log, and: dffmpeg status")
	case len(deep.Coordinators) > 1:
		return ok(checkCoordinator, "online, one of %d", len(deep.Coordinators))
	}
	return shallow
}

// needs are the features that matter to a client, and what is lacking without.
func needs() [][2]string {
	return [][2]string{
		{dffmpeg.FeatureStdio, "standard streams as bytes, with input and signals"},
		{dffmpeg.FeatureSegments, "paths within arguments"},
		{dffmpeg.FeatureAck, "acknowledged messages"},
	}
}

// judgeVersion compares the coordinator with us.
func judgeVersion(theirs *dffmpeg.HealthAnswer, ours string) Finding {
	var missing []string
	for _, need := range needs() {
		if !slices.Contains(theirs.Features, need[0]) {
			missing = append(missing, need[1])
		}
	}
	version := show.Text(theirs.Version)
	switch {
	case len(missing) > 0:
		return warning(checkVersion, fmt.Sprintf("the coordinator is of version %s, this is %s; without: %s", version, ours, strings.Join(missing, "; ")),
			"upgrade the coordinator")
	case theirs.Version != ours:
		return ok(checkVersion, "the coordinator's is %s, ours %s; it has all that we need", version, ours)
	}
	return ok(checkVersion, "%s", version)
}
