package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/config"
)

// judgeTransports says by which transport a job's messages will come: the first one
// enabled here that the coordinator has and that is well there. reach connects to its
// broker; some is false for a transport without one.
func judgeTransports(ctx context.Context, enabled []string, theirs map[string]dffmpeg.ComponentHealth, at place,
	reach func(ctx context.Context, name string) (some bool, err error),
) []Finding {
	if theirs == nil {
		return []Finding{skipped(checkTransport, "the coordinator does not say which it has")}
	}
	names := show.List(slices.Sorted(maps.Keys(theirs)))
	enabledHere := at.of("transports.enabled_transports", "")
	var findings []Finding
	for _, name := range enabled {
		health, has := theirs[name]
		switch {
		case !has:
			findings = append(findings, warning(checkTransport, fmt.Sprintf("the coordinator does not have %s; it has %s", name, names),
				fmt.Sprintf("remove %s from %s, or enable it on the coordinator", name, enabledHere)))
			continue
		case health.Status != dffmpeg.HealthOnline:
			findings = append(findings, warning(checkTransport, fmt.Sprintf("the coordinator's %s is %s", name, component(health)),
				"see the broker, and the coordinator's log"))
			continue
		}
		some, err := reach(ctx, name)
		if err != nil {
			return append(findings, warning(checkTransport, fmt.Sprintf("%s, whose broker cannot be used from here: %s; messages are fetched by HTTP every few seconds instead", name, oneLine(err)),
				fmt.Sprintf("correct %s, or what is between; or remove it from enabled_transports", at.of("transports.transport_settings."+name, ""))))
		}
		if !some {
			return append(findings, ok(checkTransport, "%s", name))
		}
		return append(findings, ok(checkTransport, "%s; its broker is reached and takes our credentials", name))
	}
	// Which of the reasons above it is does not matter: jobs are refused.
	return append(findings, problem(checkTransport, "none of ours can be used: "+strings.Join(enabled, ", "),
		fmt.Sprintf("add %s as the last one to %s, and see that the coordinator has it", config.HTTPPollingName, enabledHere)))
}

func component(health dffmpeg.ComponentHealth) string {
	if health.Detail == nil || *health.Detail == "" {
		return string(health.Status)
	}
	return string(health.Status) + " (" + *health.Detail + ")"
}
