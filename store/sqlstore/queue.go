package sqlstore

import (
	"context"
	"database/sql"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// The columns queue and queue_until alone do not say that a job waits: a coordinator of a
// version without queues leaves them as they are when it takes a job, during an upgrade.

// begins is the condition that a job may begin.
const begins = "(not_before IS NULL OR not_before <= ?)"

// SkippingQueues returns Dialect.Queues for engines that look up the least queue after
// another at once, given their Dialect.Waiting.
func SkippingQueues(waiting string) string {
	return `WITH RECURSIVE found (queue, number) AS (
	SELECT MIN(queue), 1 FROM dffmpeg_jobs` + waiting + ` WHERE queue > ? AND status = 'pending'
	UNION ALL SELECT (SELECT MIN(queue) FROM dffmpeg_jobs` + waiting + ` WHERE queue > found.queue AND status = 'pending'), number + 1
		FROM found WHERE queue IS NOT NULL AND number < ?
) SELECT queue FROM found WHERE queue IS NOT NULL`
}

// Queues implements store.Jobs. It reads the index of queues alone. A queue in which no
// job may begin yet takes a place among those found, so it may take several looks.
func (s *State) Queues(ctx context.Context, after string, limit int) ([]store.Head, error) {
	query := "SELECT queue, (SELECT job_id FROM dffmpeg_jobs" + s.dialect.Waiting + " WHERE queue = names.queue AND status = 'pending' AND " + begins +
		" ORDER BY job_id LIMIT 1) FROM (" + s.dialect.Queues + ") names ORDER BY queue"
	var found []store.Head
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		found = nil
		for after := after; len(found) < limit; {
			heads, err := list(ctx, tx, scanHead, query, s.stamp().UnixMicro(), after, limit)
			if err != nil {
				return err
			}
			for _, head := range heads {
				if head.JobID != "" && len(found) < limit {
					found = append(found, head)
				}
			}
			if len(heads) < limit {
				return nil
			}
			after = heads[len(heads)-1].Queue
		}
		return nil
	})
	return found, err
}

// scanHead reads a head; its job is "" when none may begin.
func scanHead(row scanner) (store.Head, error) {
	var head store.Head
	var job sql.NullString
	err := row.Scan(&head.Queue, &job)
	head.JobID = job.String
	head.Priority, head.RequesterID = transition.QueueOf(head.Queue)
	return head, err
}

// Queued implements store.Jobs.
func (s *State) Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error) {
	return s.jobs(ctx, "dffmpeg_jobs"+s.dialect.Waiting+" WHERE queue = ? AND status = 'pending' AND job_id > ? AND "+begins+" ORDER BY queue, job_id LIMIT ?",
		queue, after, s.stamp().UnixMicro(), limit)
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
	return s.jobs(ctx, "dffmpeg_jobs WHERE queue_until < ? AND status = 'pending' ORDER BY queue_until LIMIT ?", s.stamp().UnixMicro(), limit)
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
		}, "SELECT queue, COUNT(*), MIN(job_id) FROM dffmpeg_jobs"+s.dialect.Waiting+" WHERE queue > '' AND status = 'pending' GROUP BY queue ORDER BY queue")
		return err
	})
	return depths, err
}

// Ahead implements store.Jobs.
func (s *State) Ahead(ctx context.Context, queue, jobID string) (int, error) {
	var count int
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		return tx.row(ctx, "SELECT COUNT(*) FROM dffmpeg_jobs"+s.dialect.Waiting+" WHERE queue = ? AND status = 'pending' AND job_id < ?", queue, jobID).Scan(&count)
	})
	return count, err
}
