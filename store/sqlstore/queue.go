package sqlstore

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// begins is the condition that a job may begin.
const begins = "(not_before IS NULL OR not_before <= ?)"

// Queues implements store.Jobs.
func (s *State) Queues(ctx context.Context, after string, limit int) ([]store.Queued, error) {
	return s.queued(ctx, "queue > ? AND "+begins+" ORDER BY queue, job_id LIMIT ?", after, s.stamp().UnixMicro(), limit)
}

// Queued implements store.Jobs.
func (s *State) Queued(ctx context.Context, queue, after string, limit int) ([]store.Queued, error) {
	return s.queued(ctx, "queue = ? AND job_id > ? AND "+begins+" ORDER BY queue, job_id LIMIT ?", queue, after, s.stamp().UnixMicro(), limit)
}

// queued reads the pending jobs of a query, given its conditions.
func (s *State) queued(ctx context.Context, where string, args ...any) ([]store.Queued, error) {
	var rows []jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		rows, err = list(ctx, tx, scanJob, "SELECT "+jobColumns+" FROM dffmpeg_jobs WHERE "+where, args...)
		return err
	})
	queued := make([]store.Queued, 0, len(rows))
	for _, r := range rows {
		queued = append(queued, store.Queued{Queue: r.queue, Job: r.Job})
	}
	return queued, err
}

// Enqueue implements store.Jobs.
func (s *State) Enqueue(ctx context.Context, limit int) (int, error) {
	var rows []jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		rows, err = list(ctx, tx, scanJob, "SELECT "+jobColumns+" FROM dffmpeg_jobs WHERE status = 'pending' AND queue IS NULL ORDER BY job_id LIMIT ?", limit)
		return err
	})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	var count int64
	err = s.write(ctx, func(ctx context.Context, tx *txn) error {
		count = 0
		for i := range rows {
			r := &rows[i]
			changed, err := tx.exec(ctx, "UPDATE dffmpeg_jobs SET queue = ?, queue_until = ? WHERE job_id = ? AND version = ? AND queue IS NULL",
				transition.Queue(&r.Job), micros(transition.QueueUntil(&r.Job)), r.ID, r.Version)
			if err != nil {
				return err
			}
			count += changed
		}
		return nil
	})
	return int(count), err
}

// Overdue implements store.Jobs.
func (s *State) Overdue(ctx context.Context, limit int) ([]dffmpeg.Job, error) {
	return s.jobs(ctx, "dffmpeg_jobs WHERE queue_until < ? ORDER BY queue_until LIMIT ?", s.stamp().UnixMicro(), limit)
}

// Monitored implements store.Jobs.
func (s *State) Monitored(ctx context.Context) ([]dffmpeg.Job, error) {
	return s.jobs(ctx, "dffmpeg_jobs WHERE monitor = "+yes+" AND status IN ("+attendedStatuses+") ORDER BY job_id")
}

// Depths implements store.Jobs.
func (s *State) Depths(ctx context.Context) ([]store.Depth, error) {
	var depths []store.Depth
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		depths, err = list(ctx, tx, func(row scanner) (store.Depth, error) {
			var d store.Depth
			err := row.Scan(&d.Queue, &d.Jobs, &d.Oldest)
			d.Priority, d.RequesterID = transition.QueueOf(d.Queue)
			return d, err
		}, "SELECT queue, COUNT(*), MIN(job_id) FROM dffmpeg_jobs WHERE queue > '' GROUP BY queue ORDER BY queue")
		return err
	})
	return depths, err
}

// Ahead implements store.Jobs.
func (s *State) Ahead(ctx context.Context, queue, jobID string) (int, error) {
	var count int
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		return tx.row(ctx, "SELECT COUNT(*) FROM dffmpeg_jobs WHERE queue = ? AND job_id < ?", queue, jobID).Scan(&count)
	})
	return count, err
}
