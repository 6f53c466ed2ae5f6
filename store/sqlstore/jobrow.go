package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// jobColumns are the columns of a job, in the order that scanJob reads.
const jobColumns = `job_id, requester_id, binary_name, arguments, segments, paths, working_directory, status, exit_code,
	worker_id, created_at, last_update, worker_last_seen, client_last_seen, heartbeat_interval, monitor,
	transport, transport_metadata, attempt, reason, idempotency_key, version, log_batch,
	stdout_bytes, stderr_bytes, log_bytes, msg_seq, last_message_id, stdio, environment`

// jobRow is a job with the counter of its requester's messages.
type jobRow struct {
	transition.Record
	counter transition.Counter
}

func scanJob(row scanner) (jobRow, error) {
	var (
		r                          jobRow
		arguments, paths, metadata string
		directory, worker, key     sql.NullString
		segments, environment      sql.NullString
		exit, workerSeen, seen     sql.NullInt64
		created, updated           sql.NullInt64
	)
	err := row.Scan(&r.ID, &r.RequesterID, &r.BinaryName, &arguments, &segments, &paths, &directory, &r.Status, &exit,
		&worker, &created, &updated, &workerSeen, &seen, &r.HeartbeatInterval, &r.Monitor,
		&r.Transport, &metadata, &r.Attempt, &r.Reason, &key, &r.Version, &r.LogBatch,
		&r.StdoutBytes, &r.StderrBytes, &r.LogBytes, &r.counter.Seq, &r.counter.ID, &r.Stdio, &environment)
	if err != nil {
		return r, err
	}
	r.WorkingDirectory, r.WorkerID, r.IdempotencyKey = textOf(directory), textOf(worker), key.String
	if exit.Valid {
		code := int(exit.Int64)
		r.ExitCode = &code
	}
	if t := timeOf(created); t != nil {
		r.CreatedAt = *t
	}
	if t := timeOf(updated); t != nil {
		r.LastUpdate = *t
	}
	r.WorkerLastSeen, r.ClientLastSeen = timeOf(workerSeen), timeOf(seen)
	for _, rare := range []struct {
		text sql.NullString
		into any
	}{{segments, &r.Segments}, {environment, &r.Environment}} {
		if !rare.text.Valid {
			continue
		}
		if err := decodeAll(decoding{rare.text.String, rare.into}); err != nil {
			return r, err
		}
	}
	return r, decodeAll(decoding{arguments, &r.Arguments}, decoding{paths, &r.Paths}, decoding{metadata, &r.TransportMetadata})
}

// loadJob reads a job, or says that there is none.
func loadJob(ctx context.Context, tx *txn, id string, p purpose) (jobRow, error) {
	r, err := scanJob(tx.row(ctx, "SELECT "+jobColumns+" FROM dffmpeg_jobs WHERE job_id = ?"+tx.locking(p), id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found")
	}
	return r, err
}

// insertJob stores a new job.
func insertJob(ctx context.Context, tx *txn, r *jobRow) error {
	arguments, err := encoded(r.Arguments)
	if err != nil {
		return err
	}
	var segments *string // null but for the few that need them
	if r.Segments != nil {
		text, err := encoded(r.Segments)
		if err != nil {
			return err
		}
		segments = &text
	}
	var environment *string
	if r.Environment != nil {
		text, err := encoded(r.Environment)
		if err != nil {
			return err
		}
		environment = &text
	}
	paths, err := encoded(r.Paths)
	if err != nil {
		return err
	}
	metadata, err := encoded(r.TransportMetadata)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, "INSERT INTO dffmpeg_jobs ("+jobColumns+") VALUES ("+marks(30)+")",
		r.ID, r.RequesterID, r.BinaryName, arguments, segments, paths, r.WorkingDirectory, string(r.Status), r.ExitCode,
		r.WorkerID, micros(&r.CreatedAt), micros(&r.LastUpdate), micros(r.WorkerLastSeen), micros(r.ClientLastSeen),
		r.HeartbeatInterval, r.Monitor, r.Transport, metadata, r.Attempt, r.Reason, orNull(r.IdempotencyKey),
		r.Version, r.LogBatch, r.StdoutBytes, r.StderrBytes, r.LogBytes, r.counter.Seq, r.counter.ID, string(r.Stdio), environment)
	return err
}

// updateJob stores what operations change of a job, if the job is still as it
// was loaded; errChanged otherwise.
func updateJob(ctx context.Context, tx *txn, before, after *jobRow) error {
	count, err := tx.exec(ctx, `UPDATE dffmpeg_jobs SET status = ?, exit_code = ?, worker_id = ?, last_update = ?,
		worker_last_seen = ?, client_last_seen = ?, monitor = ?, attempt = ?, reason = ?, version = ?, log_batch = ?,
		stdout_bytes = ?, stderr_bytes = ?, log_bytes = ?, msg_seq = ?, last_message_id = ?, stdio = ?
		WHERE job_id = ? AND version = ? AND log_batch = ? AND msg_seq = ?`,
		string(after.Status), after.ExitCode, after.WorkerID, micros(&after.LastUpdate),
		micros(after.WorkerLastSeen), micros(after.ClientLastSeen), after.Monitor, after.Attempt, after.Reason,
		after.Version, after.LogBatch,
		after.StdoutBytes, after.StderrBytes, after.LogBytes, after.counter.Seq, after.counter.ID, string(after.Stdio),
		before.ID, before.Version, before.LogBatch, before.counter.Seq)
	if err == nil && count == 0 {
		err = errChanged
	}
	return err
}
