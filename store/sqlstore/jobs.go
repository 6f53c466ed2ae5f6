package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// State is the part of the store whose changes commit together.
type State struct{ *DB }

var _ store.State = (*State)(nil)

// Now implements store.State.
func (s *State) Now(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, s.unavailable(ctx, err)
	}
	return s.stamp(), nil
}

// decide is one of the functions of package transition, but for its record and
// the time.
type decide func(ctx context.Context, tx *txn, r transition.Record, now time.Time) (transition.Decision, error)

// pure makes a decide of a function that needs nothing but the record.
func pure(f func(r transition.Record, now time.Time) transition.Decision) decide {
	return func(_ context.Context, _ *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		return f(r, now), nil
	}
}

// change applies an operation to a job.
func (s *State) change(ctx context.Context, jobID string, decide decide) (store.Change, error) {
	var change store.Change
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		before, err := loadJob(ctx, tx, jobID, changing)
		if err != nil {
			return err
		}
		now := s.stamp()
		d, err := decide(ctx, tx, before.Record, now)
		if err != nil {
			return err
		}
		after := jobRow{Record: d.Record, counter: before.counter}
		p := &post{tx: tx, now: now, job: &after, chunks: d.Chunks}
		posted, err := p.deliver(ctx, d.Settle, d.Messages)
		if err != nil {
			return err
		}
		if d.Changed || after.counter != before.counter {
			if err := updateJob(ctx, tx, &before, &after); err != nil {
				return err
			}
		}
		change = store.Change{Outcome: d.Outcome, Job: after.Job, Messages: posted}
		return s.judge(ctx, tx, d.Judgements, now)
	})
	if err != nil {
		return store.Change{}, err
	}
	return change, nil
}

// Submit implements store.Jobs.
func (s *State) Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error) {
	var change store.Change
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		if first, err := submitted(ctx, tx, &job); err != nil || first != nil {
			if first != nil {
				change = store.Change{Outcome: store.Repeated, Job: first.Job}
			}
			return err
		}
		now, id := s.stamp(), job.ID
		if id == "" {
			id = s.ids.NewID(now)
		}
		// Looked up, because an insertion that fails ends the transaction of some
		// engines.
		switch _, err := loadJob(ctx, tx, id, reading); {
		case err == nil:
			return dffmpeg.Errorf(dffmpeg.CodeConflict, "A job with this ID exists")
		case dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound:
			return err
		}
		row := jobRow{Record: transition.Submit(job, id, now)}
		if err := insertJob(ctx, tx, &row); err != nil {
			if s.dialect.Duplicate(err) {
				return errChanged // another transaction was first; looking again finds its job
			}
			return err
		}
		// As a reader will find it: a copy, with metadata as JSON keeps it.
		stored, err := loadJob(ctx, tx, id, reading)
		change = store.Change{Outcome: store.Applied, Job: stored.Job}
		return err
	})
	if err != nil {
		return store.Change{}, err
	}
	return change, nil
}

// submitted returns the job that a submission repeats, nil when it is new.
func submitted(ctx context.Context, tx *txn, job *dffmpeg.Job) (*jobRow, error) {
	if job.IdempotencyKey == "" {
		return nil, nil //nolint:nilnil // new is not an error
	}
	row, err := scanJob(tx.row(ctx, "SELECT "+jobColumns+" FROM dffmpeg_jobs WHERE requester_id = ? AND idempotency_key = ?",
		job.RequesterID, job.IdempotencyKey))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil //nolint:nilnil // new is not an error
	case err != nil:
		return nil, err
	}
	return &row, nil
}

// Claim implements store.Jobs.
func (s *State) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(ctx context.Context, tx *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		w, err := loadWorker(ctx, tx, workerID, changing)
		switch {
		case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
			return transition.Claim(r, seen, nil, nil, now), nil
		case err != nil:
			return transition.Decision{}, err
		}
		worker := transition.OnTrial(w.Worker, now)
		load, err := loadOf(ctx, tx, &worker)
		if err != nil {
			return transition.Decision{}, err
		}
		return transition.Claim(r, seen, &worker, load, now), nil
	})
}

// loadOf counts what is in the hands of a worker whose row is locked: all claims for it
// write that row, so none is missed.
func loadOf(ctx context.Context, tx *txn, worker *dffmpeg.Worker) (*dffmpeg.JobLoad, error) {
	load := &dffmpeg.JobLoad{}
	if !worker.Counts() {
		return load, nil
	}
	held, err := list(ctx, tx, scanHeld, tx.db.heldQuery()+" AND worker_id = ?"+heldGroups, worker.ID)
	for i := range held {
		load.Add(held[i].Job(), held[i].Jobs)
	}
	return load, err
}

// Accept implements store.Jobs.
func (s *State) Accept(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, pure(func(r transition.Record, now time.Time) transition.Decision {
		return transition.Accept(r, by, now)
	}))
}

// Reject implements store.Jobs.
func (s *State) Reject(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, pure(func(r transition.Record, now time.Time) transition.Decision {
		return transition.Reject(r, by, now)
	}))
}

// Renew implements store.Jobs.
func (s *State) Renew(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, pure(func(r transition.Record, now time.Time) transition.Decision {
		return transition.Renew(r, by, now)
	}))
}

// Finish implements store.Jobs.
func (s *State) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	return s.change(ctx, jobID, func(_ context.Context, _ *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Finish(r, by, result, now)
	})
}

// AppendLogs implements store.Jobs.
func (s *State) AppendLogs(ctx context.Context, jobID string, by store.By, batch int64, entries []dffmpeg.LogEntry) (store.Change, error) {
	return s.change(ctx, jobID, func(_ context.Context, _ *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.AppendLogs(r, by, batch, entries, now)
	})
}

// Attend implements store.Jobs.
func (s *State) Attend(ctx context.Context, jobID string, monitor *bool) (store.Change, error) {
	return s.change(ctx, jobID, pure(func(r transition.Record, now time.Time) transition.Decision {
		return transition.Attend(r, monitor, now)
	}))
}

// Cancel implements store.Jobs.
func (s *State) Cancel(ctx context.Context, jobID, by, reason string) (store.Change, error) {
	return s.change(ctx, jobID, pure(func(r transition.Record, now time.Time) transition.Decision {
		return transition.Cancel(r, by, reason, now)
	}))
}

// Requeue implements store.Jobs.
func (s *State) Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.giveUp(ctx, seen, reason, transition.Requeue)
}

// Lose implements store.Jobs.
func (s *State) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.giveUp(ctx, seen, reason, transition.Lose)
}

// giveUp applies an operation that ends an attempt without its worker.
func (s *State) giveUp(ctx context.Context, seen dffmpeg.Job, reason string,
	decide func(r transition.Record, seen dffmpeg.Job, reason string, offered bool, now time.Time) (transition.Decision, error),
) (store.Change, error) {
	return s.change(ctx, seen.ID, func(ctx context.Context, tx *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		offered, err := wasOffered(ctx, tx, &r.Job)
		if err != nil {
			return transition.Decision{}, err
		}
		return decide(r, seen, reason, offered, now)
	})
}

// Conclude implements store.Jobs.
func (s *State) Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(_ context.Context, _ *txn, r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Conclude(r, seen, status, reason, now)
	})
}
