package doctor

import (
	"errors"
	"slices"

	"github.com/dffmpeg/dffmpeg"
)

// noJob is the ID of a job that cannot exist: one of 1970, and of no chance.
const noJob = "00000000000000000000000000"

// streamsPath is where its standard streams would be.
const streamsPath = "/jobs/" + noJob + "/stdio"

// offersStreams reports whether a coordinator has standard streams.
func offersStreams(health *dffmpeg.HealthAnswer) bool {
	return slices.Contains(health.Features, dffmpeg.FeatureStdio)
}

// judgeStreams says whether WebSockets, which carry standard streams, reach the
// coordinator: err is what became of one for a job that does not exist. When that is
// what the coordinator says, it does not matter what is between (protocol.md,
// Standard streams).
func judgeStreams(err error) Finding {
	const advice = "have it pass WebSockets for /jobs/…/stdio (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\")"
	var answer *dffmpeg.Error
	switch {
	case err == nil:
		return problem(checkStreams, "a WebSocket to a job that does not exist was accepted, and not by the coordinator", "see what proxy answers in its place")
	case !errors.As(err, &answer) || dffmpeg.CodeOf(err) == dffmpeg.CodeUnavailable:
		return problem(checkStreams, "WebSockets do not reach the coordinator: "+oneLine(err), "if there is a proxy in between, "+advice)
	case answer.Code == dffmpeg.CodeNotFound && answer.Detail == dffmpeg.DetailJobNotFound:
		return ok(checkStreams, "WebSockets reach the coordinator")
	case answer.Code == dffmpeg.CodeUpgradeRequired:
		return problem(checkStreams, "a proxy in between removes the headers that ask for a WebSocket", advice)
	}
	return problem(checkStreams, "a proxy in between answers to WebSockets itself: "+oneLine(err), advice)
}
