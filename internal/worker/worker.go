// Package worker runs jobs: it registers with the coordinator, listens for
// requests, runs processes, and reports their output and outcome. What may run,
// and where its paths lead, is this machine's own configuration; the
// coordinator can only ask.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Settings are the worker's own choices.
type Settings struct {
	ID                   string
	InstanceID           string // differs between runs
	Version              string
	Binaries             []string      // names offered
	Offer                dffmpeg.Offer // how many jobs it takes, and of what sort
	RegistrationInterval time.Duration
	Jitter               time.Duration
	LogBatchSize         int           // lines per report
	LogBatchDelay        time.Duration // how long a report waits to fill up
	Draining             bool          // finish running jobs before an orderly end
	MinDrainTime         time.Duration // how long to refuse what was on its way
	StopGrace            time.Duration // between asking a process to end and forcing it
}

// PathSource says which roots are usable now.
type PathSource interface {
	// Available checks mounts and returns the names of usable roots, sorted.
	Available(ctx context.Context) []string
}

// Connector makes this end of the transport that the coordinator chose.
type Connector interface {
	// Names lists the transports that can be connected, best first.
	Names() []string
	// Connect returns a client that listens as told. It does not connect yet. By
	// fetch it gets what the transport may lose.
	Connect(name string, subscription transport.Subscription, fetch transport.Fetch) (transport.Client, error)
}

// Worker is one worker. Make one with New, then Run it.
type Worker struct {
	settings    Settings
	coordinator *coordinator
	connector   Connector
	paths       PathSource
	programs    Programs
	runner      *runner
	logger      *slog.Logger

	draining  chan struct{} // closed by Drain
	drainOnce sync.Once
	again     chan struct{} // holds a token when a registration is due at once
	answers   chan dffmpeg.RegisterAnswer

	transports *preferences
	listening  atomic.Pointer[listening] // nil until it listens
	registered time.Time                 // when it last registered; for registrations alone
	overtaken  atomic.Pointer[time.Time] // when a registration last followed soon upon another
	inventory  *inventory

	mu       sync.Mutex
	attempts map[string]*attempt // by job ID
	idle     chan struct{}       // holds a token when the last attempt ended
}

// New returns a worker. It starts nothing.
func New(settings Settings, caller caller, connector Connector, paths PathSource, programs Programs, launcher Launcher, logger *slog.Logger) *Worker {
	c := &coordinator{caller: caller, workerID: settings.ID}
	return &Worker{
		settings:    settings,
		coordinator: c,
		connector:   connector,
		paths:       paths,
		programs:    programs,
		runner:      &runner{coordinator: c, launcher: launcher, settings: settings, logger: logger},
		logger:      logger,
		draining:    make(chan struct{}),
		again:       make(chan struct{}, 1),
		answers:     make(chan dffmpeg.RegisterAnswer, 1),
		transports:  newPreferences(connector.Names(), time.Now),
		inventory:   newInventory(),
		attempts:    make(map[string]*attempt),
		idle:        make(chan struct{}, 1),
	}
}

// Drain begins an orderly end: no new jobs, running ones finish (or are
// stopped, when Settings.Draining is false), then Run returns. It may be
// called more than once.
func (w *Worker) Drain() { w.drainOnce.Do(func() { close(w.draining) }) }

// farewell bounds what is said to the coordinator after the end was decided.
const farewell = 5 * time.Second

// Run works until it has drained, or ctx ends: then running jobs are stopped at
// once. It returns when everything it started has ended; nil after an orderly
// end.
func (w *Worker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Reports outlive ctx a little, so that stopped jobs can be reported.
	reporting, stopReporting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReporting()
	// Registrations end first, so that none follows the deregistration.
	registering, stopRegistering := context.WithCancel(ctx)
	defer stopRegistering()

	var loops, registrations, jobs sync.WaitGroup
	registrations.Go(func() { w.registrations(registering) })
	loops.Go(func() { w.actions(ctx, reporting, &jobs) })
	loops.Go(func() { w.looks(ctx) })

	select {
	case <-ctx.Done():
	case <-w.draining:
		w.drain(ctx)
	}
	stopRegistering()
	registrations.Wait()
	cancel()
	loops.Wait()
	w.stopAll(stopShutdown)
	waitFor(&jobs, farewell, stopReporting)
	w.deregister(reporting)
	return nil
}

// drain waits until nothing runs any more and what was on its way has been
// refused, or until ctx ends.
func (w *Worker) drain(ctx context.Context) {
	w.logger.Info("draining: no new jobs", "running", len(w.running()))
	signal(w.again)
	if !w.settings.Draining {
		w.stopAll(stopShutdown)
	}
	enough := time.After(w.settings.MinDrainTime)
	for {
		select {
		case <-ctx.Done():
			return
		case <-enough:
			enough = nil
		case <-w.idle:
		}
		if enough == nil && len(w.running()) == 0 {
			return
		}
	}
}

func (w *Worker) isDraining() bool {
	select {
	case <-w.draining:
		return true
	default:
		return false
	}
}

// deregister says good-bye; a coordinator that is away finds out by itself.
func (w *Worker) deregister(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := w.coordinator.deregister(ctx); err != nil {
		w.logger.Warn("could not deregister", "error", err)
		return
	}
	w.logger.Info("deregistered")
}

// waitFor waits for group, calls overdue when it takes longer than limit, and
// waits for the rest.
func waitFor(group *sync.WaitGroup, limit time.Duration, overdue func()) {
	timer := time.AfterFunc(limit, overdue)
	defer timer.Stop()
	group.Wait()
}

// running lists the attempts that run now.
func (w *Worker) running() []dffmpeg.AttemptRef {
	w.mu.Lock()
	defer w.mu.Unlock()
	refs := make([]dffmpeg.AttemptRef, 0, len(w.attempts))
	for _, a := range w.attempts {
		refs = append(refs, a.ref)
	}
	return refs
}

func (w *Worker) attempt(jobID string) *attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attempts[jobID]
}

func (w *Worker) stopAll(reason stopReason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.attempts {
		a.stop(reason)
	}
}
