// Package reconcile compares what a worker says it runs with what the
// coordinator believes it runs, when the worker comes and when it leaves.
package reconcile

import (
	"context"
	"log/slog"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// State is the part of the store that reconciliation uses.
type State interface {
	Worker(ctx context.Context, id string) (dffmpeg.Worker, error)
	HeldBy(ctx context.Context, workerID string) ([]dffmpeg.Job, error)
	Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error)
	Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error)
}

// Reconciler settles differences. It may be used by several goroutines at once.
type Reconciler struct {
	state  State
	logger *slog.Logger
}

// New returns a reconciler.
func New(state State, logger *slog.Logger) *Reconciler {
	return &Reconciler{state: state, logger: logger}
}

// Reconcile is called before a registration is stored, so that whoever repeats one that
// failed repeats this as well. It returns the attempts that the worker runs but no
// longer holds, which it must stop. When the worker is a new instance, jobs
// that it had accepted and does not run died with the old one: they end at once,
// or are tried again, instead of after the heartbeat window. Offers stand: the new instance finds
// their messages unacknowledged.
//
// A worker that sends no instance ID (0.4) is left alone.
func (r *Reconciler) Reconcile(ctx context.Context, request dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error) {
	if request.InstanceID == "" {
		return nil, nil
	}
	restarted, err := r.restarted(ctx, request)
	if err != nil || !restarted && len(request.Running) == 0 {
		return nil, err
	}
	held, err := r.held(ctx, request.WorkerID)
	if err != nil {
		return nil, err
	}
	running := make(map[string]bool, len(request.Running))
	var stop []dffmpeg.AttemptRef
	for _, ref := range request.Running {
		running[ref.JobID] = true
		if job, ok := held[ref.JobID]; !ok || job.Attempt != ref.Attempt {
			stop = append(stop, ref)
		}
	}
	if !restarted {
		return stop, nil
	}
	for id, job := range held {
		if running[id] || job.Status == dffmpeg.JobAssigned {
			continue
		}
		if err := r.lose(ctx, job); err != nil {
			return nil, err
		}
	}
	return stop, nil
}

// restarted reports whether a worker is another instance than the one that was there
// before. One that hears what is sent to it has been here.
func (r *Reconciler) restarted(ctx context.Context, request dffmpeg.RegisterRequest) (bool, error) {
	if request.Hears {
		return false, nil
	}
	previous, err := r.state.Worker(ctx, request.WorkerID)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		return false, nil
	}
	return previous.InstanceID != request.InstanceID, err
}

// Left is called when a worker has taken its leave. Jobs that it was offered and has not
// accepted go to others at once: their offers were withdrawn with it. What it says it
// still runs it may yet report.
func (r *Reconciler) Left(ctx context.Context, workerID string) error {
	held, err := r.held(ctx, workerID)
	if err != nil {
		return err
	}
	for _, job := range held {
		if job.Status != dffmpeg.JobAssigned {
			continue
		}
		change, err := r.state.Requeue(ctx, job, "Worker "+workerID+" left before it had accepted the job")
		if err != nil && dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
			return err
		}
		if change.Outcome == store.Applied {
			r.logger.Info("worker left; its job is offered to others", "job", job.ID, "worker", workerID)
		}
	}
	return nil
}

// held returns the jobs in the hands of a worker.
func (r *Reconciler) held(ctx context.Context, workerID string) (map[string]dffmpeg.Job, error) {
	jobs, err := r.state.HeldBy(ctx, workerID)
	if err != nil {
		return nil, err
	}
	held := make(map[string]dffmpeg.Job, len(jobs))
	for _, job := range jobs {
		held[job.ID] = job
	}
	return held, nil
}

// loseTries is how often losing a job is tried that changes meanwhile, as by the last
// heartbeat of the instance before.
const loseTries = 5

// lose gives up an attempt that no longer runs anywhere.
func (r *Reconciler) lose(ctx context.Context, job dffmpeg.Job) error {
	worker, attempt := job.Worker(), job.Attempt
	for range loseTries {
		change, err := r.state.Lose(ctx, job, "Worker "+worker+" was restarted while it ran the job")
		switch {
		case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
			return nil
		case err != nil:
			return err
		case change.Outcome == store.Applied:
			r.logger.Warn("worker was restarted; its job is lost", "job", job.ID, "worker", worker, "status", string(change.Job.Status))
			return nil
		}
		job = change.Job
		if job.Attempt != attempt || !job.Status.HasWorker() {
			return nil // it ended
		}
	}
	return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "Job %s of the worker's run before keeps changing; try again", job.ID)
}
