package doctor

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/peer"
)

// stepLimit bounds each step that waits for somebody else, so that all of them fit
// into the whole examination.
const stepLimit = 3 * time.Second

// examination is what is known so far.
type examination struct {
	env     Env
	cfg     *config.Client
	session *peer.Session
	command command
	health  *dffmpeg.HealthAnswer // nil until the coordinator has answered

	findings []Finding
}

// Examine looks at everything, until ctx ends; what could not be looked at by then
// is a problem or skipped. Args are a command line, none for any.
func Examine(ctx context.Context, env Env, args []string) Report {
	x := &examination{env: env, command: newCommand(args)}
	// Each needs what those before it found.
	steps := []func(ctx context.Context) (goOn bool){
		x.configuration, x.paths, x.fallback, x.resolve, x.connect, x.encrypt, x.coordinator, x.identify, x.streams, x.transports, x.workers,
	}
	for i, step := range steps {
		if !step(ctx) {
			if i < len(steps)-1 {
				x.add("rest", Skipped, "what comes after that can be looked at when it is mended", "")
			}
			break
		}
	}
	return newReport(x.findings)
}

// add notes a finding.
func (x *examination) add(check string, status Status, found, advice string, details ...string) {
	x.findings = append(x.findings, Finding{Check: check, Status: status, Found: found, Advice: advice, Details: details})
}

// bounded returns the context of one step.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, stepLimit)
}
