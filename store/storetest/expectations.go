package storetest

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// expectations is the table of what every operation does at every stage.
func expectations() []expectation {
	return append(append(claims(), reports()...), endings()...)
}

func claims() []expectation {
	claim := func(worker string) operation {
		return func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
			return w.Claim(ctx, w.job(job.ID), worker)
		}
	}
	return []expectation{
		{
			name: "Claim", do: claim(b2), otherwise: "refused",
			at: map[string]string{
				"new":      "applied → assigned · requester: assigned · b2: job_request",
				"returned": "applied → assigned · requester: assigned · b2: job_request",
			},
		},
		{name: "Claim for a worker nobody knows", do: claim("nobody"), otherwise: "refused"},
		{name: "Claim for a worker that is registering", do: claim("waiting"), otherwise: "refused"},
	}
}

// report makes an operation of a report by a worker.
func report(call func(w *world) func(context.Context, string, store.By) (store.Change, error), by store.By) operation {
	return func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		return call(w)(ctx, job.ID, by)
	}
}

func reports() []expectation {
	type call = func(context.Context, string, store.By) (store.Change, error)
	accept := func(w *world) call { return w.Accept }
	reject := func(w *world) call { return w.Reject }
	renew := func(w *world) call { return w.Renew }
	first, second, other := store.By{WorkerID: b1, Attempt: 1}, store.By{WorkerID: b1, Attempt: 2}, store.By{WorkerID: b2}
	nobody := store.By{WorkerID: "nobody", Attempt: 1}

	accepted := map[string]string{
		"new":       "refused · b1: canceled",
		"returned":  "refused · b1: canceled",
		"assigned":  "applied → running · requester: running, from b1",
		"running":   "applied",
		"canceling": "refused · b1: canceling",
	}
	rejected := map[string]string{"assigned": "applied → pending · requester: pending, from b1"}
	renewed := map[string]string{
		"new":       "refused · b1: canceled",
		"returned":  "refused · b1: canceled",
		"assigned":  "applied",
		"running":   "applied · requester: running, from b1",
		"canceling": "applied · b1: canceling",
	}
	return append([]expectation{
		{name: "Accept", do: report(accept, by1), at: accepted, otherwise: "finished · b1: canceled"},
		{
			name: "Accept with the attempt", do: report(accept, first), otherwise: "finished · b1: canceled",
			at: accepted,
		},
		{name: "Accept of an attempt that is not", do: report(accept, second), otherwise: "refused · b1: canceled"},
		{name: "Accept by another worker", do: report(accept, other), otherwise: "refused · b2: canceled"},
		{name: "Accept by nobody", do: report(accept, nobody), otherwise: "refused"},

		{name: "Reject", do: report(reject, by1), at: rejected, otherwise: "refused"},
		{name: "Reject with the attempt", do: report(reject, first), at: rejected, otherwise: "refused"},
		{name: "Reject of an attempt that is not", do: report(reject, second), otherwise: "refused"},
		{name: "Reject by another worker", do: report(reject, other), otherwise: "refused"},

		{name: "Renew", do: report(renew, by1), at: renewed, otherwise: "finished · b1: canceled"},
		{name: "Renew with the attempt", do: report(renew, first), at: renewed, otherwise: "finished · b1: canceled"},
		{name: "Renew of an attempt that is not", do: report(renew, second), otherwise: "refused · b1: canceled"},
		{name: "Renew by another worker", do: report(renew, other), otherwise: "refused · b2: canceled"},
		{name: "Renew by nobody", do: report(renew, nobody), otherwise: "refused"},
	}, finalReports(other)...)
}

func finalReports(other store.By) []expectation {
	finish := func(by store.By, status dffmpeg.JobStatus) operation {
		return func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
			return w.Finish(ctx, job.ID, by, store.Result{Status: status})
		}
	}
	output := func(by store.By) operation {
		return func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
			return w.AppendLogs(ctx, job.ID, by, 0, []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "frame=1"}})
		}
	}
	ends := func(status string) map[string]string {
		applied := "applied → " + status + " · requester: " + status + ", from b1"
		return map[string]string{
			"new": "refused", "returned": "refused", status: "repeated",
			"assigned": applied, "running": applied, "canceling": applied,
		}
	}
	invalid := func(status dffmpeg.JobStatus) expectation {
		return expectation{name: "Finish as " + string(status), do: finish(by1, status), otherwise: "error invalid"}
	}
	return []expectation{
		{name: "Finish as completed", do: finish(by1, dffmpeg.JobCompleted), at: ends("completed"), otherwise: "finished"},
		{name: "Finish as failed", do: finish(by1, dffmpeg.JobFailed), at: ends("failed"), otherwise: "finished"},
		{name: "Finish as canceled", do: finish(by1, dffmpeg.JobCanceled), at: ends("canceled"), otherwise: "finished"},
		invalid(dffmpeg.JobPending), invalid(dffmpeg.JobRunning), invalid(dffmpeg.JobCanceling), invalid("done"), invalid(""),
		{name: "Finish by another worker", do: finish(other, dffmpeg.JobCompleted), otherwise: "refused"},
		{
			name: "AppendLogs", do: output(by1), otherwise: "applied · requester: job_logs, from b1",
			at: map[string]string{"new": "refused", "returned": "refused"},
		},
		{name: "AppendLogs by another worker", do: output(other), otherwise: "refused"},
	}
}

func endings() []expectation {
	attend := func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		return w.Attend(ctx, job.ID, nil)
	}
	cancel := func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		return w.Cancel(ctx, job.ID, "admin", "enough")
	}
	requeue := func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		return w.Requeue(ctx, job, "lost")
	}
	outdated := func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		job.Version--
		job.Status = dffmpeg.JobRunning
		return w.Requeue(ctx, job, "lost")
	}
	conclude := func(status dffmpeg.JobStatus) operation {
		return func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
			return w.Conclude(ctx, job, status, "over")
		}
	}
	tooLate := func(ctx context.Context, w *world, job dffmpeg.Job) (store.Change, error) {
		job.Version--
		job.Status = dffmpeg.JobRunning
		return w.Conclude(ctx, job, dffmpeg.JobFailed, "over")
	}
	ended := func(status string) map[string]string {
		unclaimed := "applied → " + status + " · requester: " + status
		held := unclaimed + " · b1: canceled"
		return map[string]string{"new": unclaimed, "returned": unclaimed, "assigned": held, "running": held, "canceling": held}
	}
	canceling := "applied → canceling · requester: canceling, from admin · b1: canceling, from admin"
	stopping := "applied → canceling · requester: canceling · b1: canceling"
	canceled := "applied → canceled · requester: canceled, from admin"
	return []expectation{
		{name: "Attend", do: attend, otherwise: "applied", at: map[string]string{
			"completed": "finished · requester: completed", "failed": "finished · requester: failed",
			"canceled": "finished · requester: canceled", "given up": "finished · requester: failed",
		}},
		{name: "Cancel", do: cancel, otherwise: "finished", at: map[string]string{
			"new": canceled, "returned": canceled, "assigned": canceling, "running": canceling, "canceling": "repeated",
		}},
		{name: "Requeue", do: requeue, otherwise: "error invalid", at: map[string]string{
			"assigned": "applied → pending · requester: pending",
			"running":  "applied → pending · requester: pending · b1: canceled",
		}},
		{name: "Requeue of an outdated record", do: outdated, otherwise: "refused"},
		{name: "Conclude as failed", do: conclude(dffmpeg.JobFailed), at: ended("failed"), otherwise: "error invalid"},
		{name: "Conclude as canceled", do: conclude(dffmpeg.JobCanceled), at: ended("canceled"), otherwise: "error invalid"},
		{name: "Conclude as canceling", do: conclude(dffmpeg.JobCanceling), otherwise: "error invalid", at: map[string]string{
			"assigned": stopping, "running": stopping,
		}},
		{name: "Conclude as completed", do: conclude(dffmpeg.JobCompleted), otherwise: "error invalid"},
		{name: "Conclude as pending", do: conclude(dffmpeg.JobPending), otherwise: "error invalid"},
		{name: "Conclude of an outdated record", do: tooLate, otherwise: "refused"},
	}
}
