package sqlstore

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg/store"
)

// trimmed is how long after its last change a job's output is looked at for its
// size: it grew until then.
const trimmed = 24 * time.Hour

// Prune implements store.History. Each kind is a transaction of its own.
func (s *State) Prune(ctx context.Context, order store.PruneOrder) (store.Pruned, error) {
	var pruned store.Pruned
	limit, now := max(1, order.Limit), s.stamp()
	for _, kind := range []struct {
		wanted bool
		prune  func(ctx context.Context, tx *txn) (store.Pruned, error)
	}{
		{order.Jobs > 0, func(ctx context.Context, tx *txn) (store.Pruned, error) {
			return pruneJobs(ctx, tx, now.Add(-order.Jobs), limit)
		}},
		{order.Logs > 0, func(ctx context.Context, tx *txn) (store.Pruned, error) {
			return pruneLogs(ctx, tx, now.Add(-order.Logs), limit)
		}},
		{order.LogBytes > 0, func(ctx context.Context, tx *txn) (store.Pruned, error) {
			return trimLogs(ctx, tx, order.LogBytes, now, limit)
		}},
		{order.Messages > 0, func(ctx context.Context, tx *txn) (store.Pruned, error) {
			return pruneMessages(ctx, tx, now.Add(-order.Messages), limit)
		}},
		{order.Profiles > 0, func(ctx context.Context, tx *txn) (store.Pruned, error) {
			return pruneProfiles(ctx, tx, now.Add(-order.Profiles), limit)
		}},
	} {
		if !kind.wanted {
			continue
		}
		var now store.Pruned
		err := s.write(ctx, func(ctx context.Context, tx *txn) error {
			var err error
			now, err = kind.prune(ctx, tx)
			return err
		})
		if err != nil {
			return pruned, err
		}
		now.More = now.More || pruned.More
		pruned = pruned.Add(now)
	}
	return pruned, nil
}

// text reads a row of one text.
func text(row scanner) (string, error) {
	var value string
	err := row.Scan(&value)
	return value, err
}

// pruneJobs removes jobs with all that belongs to them, as far as that is not
// more than limit records of each kind.
func pruneJobs(ctx context.Context, tx *txn, before time.Time, limit int) (store.Pruned, error) {
	ids, err := list(ctx, tx, text, `SELECT job_id FROM dffmpeg_jobs
		WHERE last_update < ? AND status NOT IN (`+activeStatuses+`) ORDER BY last_update LIMIT ?`, before.UnixMicro(), limit)
	pruned := store.Pruned{More: len(ids) == limit}
	if err != nil {
		return pruned, err
	}
	left := limit
	for _, id := range ids {
		// Of a job with much, some; it is found again.
		messages, err := removeMessages(ctx, tx, "mailbox = ?", []any{"job/" + id}, left)
		if err != nil {
			return pruned, err
		}
		batches, err := removeOldest(ctx, tx, id, left)
		if err != nil {
			return pruned, err
		}
		if left -= max(messages, batches); left <= 0 {
			pruned.More = true
			break
		}
		if _, err := tx.exec(ctx, "DELETE FROM dffmpeg_jobs WHERE job_id = ?", id); err != nil {
			return pruned, err
		}
		pruned.Jobs++
	}
	return pruned, nil
}

// place is where a message is.
type place struct {
	mailbox string
	seq     int64
}

// removeMessages removes messages that match, at most limit.
func removeMessages(ctx context.Context, tx *txn, where string, args []any, limit int) (int, error) {
	places, err := list(ctx, tx, func(row scanner) (place, error) {
		var p place
		err := row.Scan(&p.mailbox, &p.seq)
		return p, err
	}, "SELECT mailbox, seq FROM dffmpeg_messages WHERE "+where+" LIMIT ?", append(args, limit)...)
	if err != nil {
		return 0, err
	}
	for _, p := range places {
		if _, err := tx.exec(ctx, "DELETE FROM dffmpeg_messages WHERE mailbox = ? AND seq = ?", p.mailbox, p.seq); err != nil {
			return 0, err
		}
	}
	return len(places), nil
}

func pruneMessages(ctx context.Context, tx *txn, before time.Time, limit int) (store.Pruned, error) {
	count, err := removeMessages(ctx, tx, "created_at < ? ORDER BY created_at", []any{before.UnixMicro()}, limit)
	return store.Pruned{Messages: count, More: count == limit}, err
}

// pruneLogs removes batches of output, whatever job they are of.
func pruneLogs(ctx context.Context, tx *txn, before time.Time, limit int) (store.Pruned, error) {
	type found struct{ job, message string }
	batches, err := list(ctx, tx, func(row scanner) (found, error) {
		var f found
		err := row.Scan(&f.job, &f.message)
		return f, err
	}, "SELECT job_id, message_id FROM dffmpeg_jobs_output WHERE created_at < ? ORDER BY created_at LIMIT ?", before.UnixMicro(), limit)
	if err != nil {
		return store.Pruned{}, err
	}
	gone := make(map[found]bool)
	for _, b := range batches {
		if gone[b] {
			continue // of the other stream
		}
		gone[b] = true
		if err := removeBatch(ctx, tx, b.job, b.message); err != nil {
			return store.Pruned{}, err
		}
	}
	return store.Pruned{Logs: len(gone), More: len(batches) == limit}, nil
}

// removeBatch removes what a batch has of either stream, with the message that
// announced it, and counts it off what is kept of the job.
func removeBatch(ctx context.Context, tx *txn, jobID, messageID string) error {
	// The row of the job first, as everybody does who changes it.
	_, err := tx.exec(ctx, `UPDATE dffmpeg_jobs SET log_bytes = log_bytes - (SELECT COALESCE(SUM(o.size), 0)
		FROM dffmpeg_jobs_output o WHERE o.job_id = ? AND o.message_id = ?) WHERE job_id = ?`, jobID, messageID, jobID)
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM dffmpeg_jobs_output WHERE job_id = ? AND message_id = ?", jobID, messageID); err != nil {
		return err
	}
	_, err = tx.exec(ctx, "DELETE FROM dffmpeg_messages WHERE mailbox = ? AND message_id = ?", "job/"+jobID, messageID)
	return err
}

// removeOldest removes batches of one job, at most limit.
func removeOldest(ctx context.Context, tx *txn, jobID string, limit int) (int, error) {
	ids, err := list(ctx, tx, text, "SELECT DISTINCT message_id FROM dffmpeg_jobs_output WHERE job_id = ? ORDER BY message_id LIMIT ?", jobID, limit)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := removeBatch(ctx, tx, jobID, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// trimLogs removes the oldest output of jobs that have more than most bytes.
func trimLogs(ctx context.Context, tx *txn, most int64, now time.Time, limit int) (store.Pruned, error) {
	type large struct {
		id    string
		bytes int64
	}
	jobs, err := list(ctx, tx, func(row scanner) (large, error) {
		var l large
		err := row.Scan(&l.id, &l.bytes)
		return l, err
	}, `SELECT job_id, log_bytes FROM dffmpeg_jobs WHERE status IN (`+activeStatuses+`) AND log_bytes > ?
		UNION ALL SELECT job_id, log_bytes FROM dffmpeg_jobs
		WHERE last_update > ? AND status NOT IN (`+activeStatuses+`) AND log_bytes > ?`, most, now.Add(-trimmed).UnixMicro(), most)
	if err != nil {
		return store.Pruned{}, err
	}
	removed := 0
	for _, job := range jobs {
		for bytes := job.bytes; bytes > most && removed < limit; {
			size, err := oldestBatch(ctx, tx, job.id)
			if err != nil {
				return store.Pruned{}, err
			}
			if size.message == "" {
				break
			}
			if err := removeBatch(ctx, tx, job.id, size.message); err != nil {
				return store.Pruned{}, err
			}
			bytes -= size.bytes
			removed++
		}
	}
	return store.Pruned{Logs: removed, More: removed == limit}, nil
}

// sized is a batch and how much output it has.
type sized struct {
	message string
	bytes   int64
}

// oldestBatch returns a job's oldest batch, none when it has no output.
func oldestBatch(ctx context.Context, tx *txn, jobID string) (sized, error) {
	found, err := list(ctx, tx, func(row scanner) (sized, error) {
		var s sized
		err := row.Scan(&s.message, &s.bytes)
		return s, err
	}, "SELECT message_id, SUM(size) FROM dffmpeg_jobs_output WHERE job_id = ? GROUP BY message_id ORDER BY message_id LIMIT 1", jobID)
	if err != nil || len(found) == 0 {
		return sized{}, err
	}
	return found[0], nil
}
