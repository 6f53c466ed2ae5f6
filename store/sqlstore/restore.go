package sqlstore

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Restore implements store.Restorer.
func (s *State) Restore(ctx context.Context, jobs []dffmpeg.Job) (int, error) {
	restored, err := store.Restored(jobs)
	if err != nil {
		return 0, err
	}
	added := 0
	err = s.write(ctx, func(ctx context.Context, tx *txn) error {
		added = 0
		for i := range restored {
			isNew, err := restoreJob(ctx, tx, restored[i])
			if err != nil {
				return err
			}
			if isNew {
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// restoreJob stores a job that ended elsewhere, unless its ID exists.
func restoreJob(ctx context.Context, tx *txn, job dffmpeg.Job) (bool, error) {
	// Looked up, because an insertion that fails ends the transaction of some
	// engines.
	found, err := list(ctx, tx, text, "SELECT job_id FROM dffmpeg_jobs WHERE job_id = ?", job.ID)
	if err != nil || len(found) > 0 {
		return false, err
	}
	first, err := submitted(ctx, tx, &job)
	if err != nil {
		return false, err
	}
	if first != nil {
		job.IdempotencyKey = ""
	}
	if err := insertJob(ctx, tx, &jobRow{Record: transition.Record{Job: job}}); err != nil {
		if tx.db.dialect.Duplicate(err) {
			return false, errChanged // another transaction was first; looking again finds its job
		}
		return false, err
	}
	return true, nil
}
