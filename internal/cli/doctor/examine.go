package doctor

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/dropin"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
	"github.com/dffmpeg/dffmpeg/transport"
)

// window is how far back a worker that is offline is told of.
const window = 7 * 24 * time.Hour

// subject is what is examined.
type subject struct {
	cfg        *config.Client
	env        config.Environment
	command    command
	limit      time.Duration // of all checks together
	transports transport.Registry
	version    string // ours
	here       machine
	http       *http.Client // nil for what jobs use
}

// thisMachine implements machine.
type thisMachine struct{}

// Local implements machine.
func (thisMachine) Local(name string, settings config.Fallback) (string, error) {
	return dropin.Local(name, settings)
}

// InPath implements machine.
func (thisMachine) InPath(name string) (string, bool, error) { return dropin.InPath(name) }

// examine runs all checks. It returns within the limit, whatever does not answer.
func examine(ctx context.Context, s *subject) Report {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if s.http == nil {
		s.http = signedhttp.NewHTTPClient()
	}
	defer s.http.CloseIdleConnections()
	var (
		side     sync.WaitGroup
		local    []Finding
		remote   []Finding
		verdicts []Verdict
		paths    = make(chan *pathmap.Client, 1)
	)
	side.Go(func() { local = s.machine(ctx, paths) })
	side.Go(func() { remote, verdicts = s.cluster(ctx, paths) })
	side.Wait()
	return newReport(append(local, remote...), verdicts)
}

// machine looks at this machine. It hands over the paths, nil when their directories
// do not answer.
func (s *subject) machine(ctx context.Context, hand chan<- *pathmap.Client) []Finding {
	limit := min(fileLimit, s.limit/2)
	// Links in the paths are followed.
	paths, _ := within(ctx, limit, func() *pathmap.Client {
		paths, err := pathmap.NewClient(s.cfg.Paths)
		if err != nil {
			return nil // a loop of links, which looking at the directories finds, too
		}
		return paths
	})
	hand <- paths
	findings := configuration(s.cfg, s.env)
	groups := make([][]Finding, 4)
	var looks sync.WaitGroup
	looks.Go(func() {
		groups[0] = bounded(ctx, limit, checkKeyFile, func() []Finding {
			return []Finding{keyFile(s.cfg, s.env, os.Geteuid(), os.Stat)}
		})
	})
	looks.Go(func() { groups[1] = directories(ctx, s.cfg.Paths, limit, os.Stat) })
	looks.Go(func() {
		groups[2] = bounded(ctx, limit, checkFallback, func() []Finding { return fallback(s.cfg.Fallback, s.command.program, s.here) })
	})
	looks.Go(func() {
		groups[3] = bounded(ctx, limit, checkDropIn, func() []Finding { return []Finding{dropIn(s.command.program, s.here)} })
	})
	looks.Wait()
	findings = slices.Concat(append([][]Finding{findings}, groups...)...)
	if s.command.general {
		return findings
	}
	return append(findings, bounded(ctx, limit, checkCommand, func() []Finding {
		if paths == nil {
			return because(checkPaths, checkCommand)
		}
		return []Finding{s.command.judge(paths, s.command.job(paths, nil))}
	})...)
}

// bounded runs a check that asks file systems.
func bounded(ctx context.Context, limit time.Duration, check string, look func() []Finding) []Finding {
	findings, done := within(ctx, limit, look)
	if !done {
		return []Finding{warning(check, "a file system does not answer", "see what is mounted on this machine, and whether it is reachable")}
	}
	return findings
}

// cluster looks at what is elsewhere, in the order in which a job comes there.
func (s *subject) cluster(ctx context.Context, paths <-chan *pathmap.Client) ([]Finding, []Verdict) {
	address := s.cfg.Coordinator.URL()
	step, cancel := context.WithTimeout(ctx, s.limit/2)
	defer cancel()
	anybody := signedhttp.New(signedhttp.Options{BaseURL: address, HTTP: s.http, UserAgent: s.agent()})
	r := travel(step, address, anybody)
	findings := r.judge(time.Now(), s.at())
	if of := failed(findings); of != "" {
		return append(findings, because(of, behindConnection()...)...), nil
	}
	coordinator, health := judgeCoordinator(r, s.at())
	if health == nil {
		return append(append(findings, coordinator), because(checkCoordinator, behindConnection()[1:]...)...), nil
	}
	skew := measure(r.sent, r.received, r.header)
	if coordinator.Status != OK {
		findings = append(findings, coordinator, judgeVersion(health, s.version), judgeClock(skew, false))
		return append(findings, because(checkCoordinator, behindCoordinator()...)...), nil
	}

	var side sync.WaitGroup
	var deep dffmpeg.HealthAnswer
	var deepErr error
	side.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, s.limit/2)
		defer cancel()
		deep, deepErr = client.New("", anybody, nil, slog.New(slog.DiscardHandler)).Health(ctx, true)
	})
	visit := s.enter(ctx, skew)
	side.Wait()
	coordinator = judgeDeep(coordinator, &deep, deepErr)
	clock := judgeClock(skew, visit.err == nil && !visit.corrected)
	findings = append(findings, coordinator, judgeVersion(health, s.version), clock, visit.finding)
	if visit.finding.Status != OK {
		return append(findings, because(checkKey, behindKey()...)...), nil
	}
	behind, verdicts := s.inside(ctx, visit, health, deep.Transports, paths)
	return append(findings, behind...), verdicts
}

// at is where its settings are.
func (s *subject) at() place { return place{s.cfg.File, s.env} }

// agent names us to the coordinator.
func (s *subject) agent() string { return "dffmpeg-doctor/" + s.version }

// visit is how an identity was let in.
type visit struct {
	caller    *signedhttp.Caller
	api       *client.Client
	workers   []dffmpeg.Worker
	corrected bool // by the coordinator's clock
	err       error
	finding   Finding
}

// enter sends a signed request that every identity may send, once more by the
// coordinator's clock when ours may be why it was refused: so the key can be judged
// all the same.
func (s *subject) enter(ctx context.Context, skew skew) visit {
	key, err := httpauth.ParseKey(s.cfg.HMACKey)
	if err != nil {
		return visit{err: err, finding: problem(checkKey, err.Error(), "correct "+s.at().key(s.cfg.HMACKeyFile))}
	}
	signer, err := httpauth.NewSigner(s.cfg.ClientID, key, s.cfg.Coordinator.URL().Path)
	if err != nil {
		return visit{err: err, finding: problem(checkKey, err.Error(), "correct "+s.at().identity())}
	}
	v := s.visit(ctx, signer)
	if refusal(v.err) == httpauth.DetailSignature && skew.beyond() {
		if again := s.visit(ctx, clock{signer, skew.ahead}); again.err == nil {
			v = again
			v.corrected = true
		}
	}
	v.finding = judgeKey(v.err, s.cfg, s.at(), skew, v.corrected)
	return v
}

func (s *subject) visit(ctx context.Context, signer signedhttp.Signer) visit {
	ctx, cancel := context.WithTimeout(ctx, s.limit/2)
	defer cancel()
	caller := signedhttp.New(signedhttp.Options{BaseURL: s.cfg.Coordinator.URL(), Signer: signer, HTTP: s.http, UserAgent: s.agent()})
	// It submits nothing, and so listens to nothing.
	v := visit{caller: caller, api: client.New(s.cfg.ClientID, caller, nil, slog.New(slog.DiscardHandler))}
	v.workers, v.err = v.api.Workers(ctx, window)
	return v
}

// inside looks at what is seen only by those who are let in.
func (s *subject) inside(ctx context.Context, v visit, health *dffmpeg.HealthAnswer, theirs map[string]dffmpeg.ComponentHealth, paths <-chan *pathmap.Client) ([]Finding, []Verdict) {
	var (
		side               sync.WaitGroup
		role               Finding
		transports, others []Finding
		ours               = offersStreams(health)
	)
	side.Go(func() {
		_, err := v.api.Jobs(ctx, 0)
		role = judgeRole(err, s.cfg.ClientID, len(health.Features) > 0)
	})
	side.Go(func() { transports = s.transportsFrom(ctx, theirs) })
	side.Go(func() { others = append(others, s.streams(ctx, v.caller, ours)) })
	side.Wait()
	// By itself, so that it measures the way and nothing of ours.
	times := latencies(ctx, s.limit/mostOf, func(ctx context.Context) error {
		return v.caller.Call(ctx, http.MethodGet, "/workers", nil, nil, nil)
	})
	workers, verdicts := s.workers(ctx, v, <-paths, health)
	findings := append([]Finding{role, judgeLatency(times)}, transports...)
	return append(append(findings, others...), workers), verdicts
}

// transportsFrom tries the transports.
func (s *subject) transportsFrom(ctx context.Context, theirs map[string]dffmpeg.ComponentHealth) []Finding {
	findings := judgeTransports(ctx, s.cfg.Transports.Enabled, theirs, s.at(), func(ctx context.Context, name string) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, s.limit/3)
		defer cancel()
		return s.transports.Reach(ctx, name, s.cfg.Transports.Settings(name))
	})
	if p := s.cfg.HTTPPolling; p.CoordinatorURL != "" || p.ClientID != "" || !p.HMACKey.IsZero() {
		findings = append(findings, skipped(checkTransport, "%s has an address or identity of its own, which is not tried", config.HTTPPollingName))
	}
	return findings
}

// streams tries a WebSocket.
func (s *subject) streams(ctx context.Context, caller *signedhttp.Caller, offered bool) Finding {
	if !offered {
		return skipped(checkStreams, "the coordinator has none: output comes as lines, and there is no input")
	}
	ctx, cancel := context.WithTimeout(ctx, s.limit/3)
	defer cancel()
	conn, err := stdio.Connect(caller, streamsPath, nil)(ctx)
	if err == nil {
		conn.Close()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer")
	}
	return judgeStreams(err)
}

// workers looks for who could take the command.
func (s *subject) workers(ctx context.Context, v visit, paths *pathmap.Client, health *dffmpeg.HealthAnswer) (Finding, []Verdict) {
	if paths == nil && !s.command.general {
		return because(checkPaths, checkWorkers)[0], nil
	}
	job := s.command.job(paths, slices.Sorted(maps.Keys(s.cfg.Paths)))
	if offersStreams(health) {
		job.Stdio = dffmpeg.StdioOffered
	}
	if s.command.asks(job) {
		job.Demand.Worker = health.QueryWorker
	}
	job.Demand.Require = s.cfg.Job.Require
	if len(job.Demand.Needs) > 0 {
		s.learn(ctx, v, job.BinaryName)
	}
	finding, verdicts := judgeWorkers(job, s.command.general, v.workers)
	if s.command.general {
		finding = judgeQueries(finding, verdicts, health.QueryWorker)
	}
	return finding, verdicts
}

// learn asks what a program of the workers can do, once for each different one. What is
// not told counts as not known.
func (s *subject) learn(ctx context.Context, v visit, binary string) {
	ctx, cancel := context.WithTimeout(ctx, s.limit/3)
	defer cancel()
	known := make(map[string]dffmpeg.Profile)
	for i := range v.workers {
		w := &v.workers[i]
		id := w.Offer.Programs[binary].Profile
		if id == "" || w.Status != dffmpeg.WorkerOnline {
			continue
		}
		if _, asked := known[id]; !asked {
			programs, err := v.api.WorkerPrograms(ctx, w.ID)
			if err != nil {
				return
			}
			known[id] = programs[binary].Abilities
		}
		w.Profiles = map[string]dffmpeg.Profile{binary: known[id]}
	}
}
