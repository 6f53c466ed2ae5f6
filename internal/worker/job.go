package worker

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// stopReason says why an attempt is stopped before its process ended by itself.
type stopReason int

const (
	notStopped   stopReason = iota
	stopAsked               // the coordinator asked; the outcome is "canceled"
	stopOrphaned            // the attempt is no longer ours; nobody wants a report
	stopShutdown            // this worker ends; the outcome is "failed", with that reason
	stopDead                // the requester is dead; the outcome is "canceled", at once
)

// attempt is one job on this worker, from the request to the final report. Its
// methods may be called by several goroutines at once.
type attempt struct {
	ref     dffmpeg.AttemptRef
	request dffmpeg.JobRequest

	stopping chan struct{} // closed by the first stop

	mu     sync.Mutex
	reason stopReason
}

func newAttempt(request dffmpeg.JobRequest) *attempt {
	return &attempt{
		ref:      dffmpeg.AttemptRef{JobID: request.JobID, Attempt: request.Attempt},
		request:  request,
		stopping: make(chan struct{}),
	}
}

// stop asks the attempt to end; the first reason stands, but for an orphan,
// which nobody wants to hear of whatever else happens to it.
func (a *attempt) stop(reason stopReason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reason == notStopped {
		close(a.stopping)
		a.reason = reason
	}
	if reason == stopOrphaned {
		a.reason = reason
	}
}

func (a *attempt) stopReason() stopReason {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.reason
}

// outcome is how an attempt's process ended.
type outcome struct {
	exitCode int
	started  bool
	problem  string // why it could not be started
	warnings []string
}

// report returns what the coordinator is told, and false when nothing is.
func (a *attempt) report(o outcome) (dffmpeg.FinishRequest, bool) {
	request := dffmpeg.FinishRequest{Status: dffmpeg.JobFailed, Reason: o.problem, Warnings: dffmpeg.Warnings(o.warnings)}
	if o.started {
		request.ExitCode = &o.exitCode
	}
	switch a.stopReason() {
	case stopOrphaned:
		return request, false
	case stopAsked, stopDead:
		request.Status = dffmpeg.JobCanceled
	case stopShutdown:
		request.Reason = "The worker was stopped while it ran the job"
	case notStopped:
		if o.started && o.exitCode == 0 {
			request.Status = dffmpeg.JobCompleted
		}
	}
	return request, true
}

// runner takes attempts from the request to the final report.
type runner struct {
	coordinator *coordinator
	launcher    Launcher
	settings    Settings
	logger      *slog.Logger
}

// run executes one attempt. It returns when the process has ended, its output
// and its outcome have been reported, or ctx has ended: then what is
// unreported is lost.
func (r *runner) run(ctx context.Context, a *attempt) {
	logger := r.logger.With("job", a.ref.JobID, "attempt", a.ref.Attempt)
	streams, drain := r.connect(ctx, a, logger) // while we accept
	defer drain()
	var sent time.Time
	err := reportBackoff().retry(ctx, func(ctx context.Context) error {
		sent = time.Now()
		return r.coordinator.accept(ctx, a.ref)
	})
	if err != nil {
		logger.Warn("the coordinator did not let us have the job", "error", err)
		streams.leave()
		return
	}
	out, rest := r.execute(ctx, a, newLease(&a.request, r.settings.StopGrace, sent), streams, logger)
	for _, warning := range out.warnings {
		logger.Warn("job warning", "warning", warning)
	}
	request, wanted := a.report(out)
	request.Logs, request.Batch = rest.lines, rest.number
	if !wanted {
		logger.Info("attempt stopped; it was no longer ours")
		return
	}
	err = reportBackoff().retry(ctx, func(ctx context.Context) error { return r.coordinator.finish(ctx, a.ref, request) })
	if err != nil {
		logger.Warn("the outcome was not accepted", "status", string(request.Status), "error", err)
		return
	}
	logger.Info("job ended", "status", string(request.Status), "exit_code", out.exitCode, "reason", request.Reason)
}

// execute runs the process with its output and heartbeats, and returns when
// all its output has been reported but for the rest, which goes with the
// outcome.
func (r *runner) execute(ctx context.Context, a *attempt, lease *lease, streams *streams, logger *slog.Logger) (outcome, outputBatch) {
	var heart sync.WaitGroup
	beating, stopBeating := context.WithCancel(ctx)
	heart.Go(func() { r.heartbeats(beating, a, lease, logger) })
	defer heart.Wait()
	defer stopBeating()

	queue, rest := newOutputQueue(), make(chan outputBatch, 1)
	go func() { rest <- r.reportOutput(ctx, a, queue, logger) }()
	out := r.process(ctx, a, streams, queue, logger)
	queue.close()
	return out, <-rest
}

// process runs the process until it has ended and its output is in the queue.
func (r *runner) process(ctx context.Context, a *attempt, streams *streams, queue *outputQueue, logger *slog.Logger) outcome {
	if !streams.meet(ctx, a.stopping) {
		streams.leave()
		return outcome{}
	}
	process, err := r.launcher.Launch(ctx, a.request, streams.of(func(line dffmpeg.LogEntry) error {
		return queue.put(ctx, line)
	}))
	if err != nil {
		streams.leave()
		logger.Warn("job could not be started", "error", err)
		return outcome{problem: err.Error()}
	}
	logger.Info("job started", "binary", a.request.BinaryName)
	defer streams.pass(process)()
	exited := make(chan outcome, 1)
	go func() {
		code := process.Wait()
		exited <- outcome{started: true, exitCode: code, warnings: process.Warnings()}
	}()
	select {
	case ended := <-exited:
		return ended
	case <-a.stopping:
		grace := r.settings.StopGrace
		if a.stopReason() == stopDead {
			grace = 0
		}
		process.Stop(grace)
	case <-ctx.Done():
		process.Stop(0)
	}
	return <-exited
}

// outputBatch is output that is reported at once.
type outputBatch struct {
	number int64 // within the attempt, from 1
	lines  []dffmpeg.LogEntry
}

// reportOutput sends output in numbered batches until the queue is closed and
// empty, and returns what is to go with the outcome. An attempt whose output
// the coordinator refuses is no longer ours.
func (r *runner) reportOutput(ctx context.Context, a *attempt, queue *outputQueue, logger *slog.Logger) outputBatch {
	for number := int64(1); ; number++ {
		lines, last, err := queue.next(ctx, r.settings.LogBatchSize, r.settings.LogBatchDelay)
		if err != nil || len(lines) == 0 {
			return outputBatch{}
		}
		batch := outputBatch{number, lines}
		if last && r.coordinator.finalLogs.Load() {
			return batch
		}
		err = reportBackoff().retry(ctx, func(ctx context.Context) error {
			return r.coordinator.logs(ctx, a.ref, batch)
		})
		if err != nil && ctx.Err() == nil {
			logger.Warn("output was not accepted", "error", err)
			if orphaned(err) {
				a.stop(stopOrphaned)
			}
		}
	}
}

// heartbeats reports regularly that the attempt runs, until ctx is done. A
// coordinator that is away is no reason to stop, unless it lent us the job for a time;
// one that says that the attempt is over is.
func (r *runner) heartbeats(ctx context.Context, a *attempt, lease *lease, logger *slog.Logger) {
	interval := time.Duration(max(1, a.request.HeartbeatInterval)) * time.Second
	for pause := interval; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(jittered(pause, interval/10), lease.left())):
		}
		pause = interval
		ended, err := lease.renew(ctx, func(ctx context.Context) (bool, error) { return r.coordinator.heartbeat(ctx, a.ref) })
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && lease.left() == 0:
			logger.Warn("the coordinator cannot be reached, and others may be given the job now; stopping it", "error", err)
			a.stop(stopOrphaned)
			return
		case ended, err != nil && orphaned(err):
			logger.Warn("the job is over for the coordinator; stopping it", "error", err)
			a.stop(stopOrphaned)
			return
		case err != nil:
			logger.Warn("heartbeat failed; trying again", "error", err)
			pause = min(interval, time.Second)
		}
	}
}

// orphaned reports whether an error says that the attempt is not ours.
func orphaned(err error) bool {
	code := dffmpeg.CodeOf(err)
	return code == dffmpeg.CodeForbidden || code == dffmpeg.CodeNotFound
}

// Process is a running process of a job.
type Process interface {
	// Signal sends a signal to it and all its descendants.
	Signal(sig syscall.Signal)
	// Wait returns its exit code once it has ended and its output was passed on.
	Wait() int
	// Warnings returns, when Wait has returned, what looks like a mistake; see
	// dffmpeg.Warnings.
	Warnings() []string
	// Stop ends it and all its descendants: asked first, forced after grace.
	Stop(grace time.Duration)
}

// Streams are where a process's standard streams come from and go to. All may make
// it wait.
type Streams struct {
	// Lines is given output as lines.
	Lines func(dffmpeg.LogEntry) error
	// Stdin is what it reads; nil for an empty input. Stdout and Stderr are given
	// output as bytes, and closed after the last; nil when lines are all that is
	// wanted. Then Lines is given stderr as well, and stdout is not.
	Stdin          io.ReadCloser
	Stdout, Stderr io.WriteCloser
}

// Launcher starts the process that a request asks for. Its errors are sentences for
// the requester.
type Launcher interface {
	Launch(ctx context.Context, request dffmpeg.JobRequest, streams Streams) (Process, error)
}
