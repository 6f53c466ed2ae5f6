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
	stdout_bytes, stderr_bytes, log_bytes, msg_seq, last_message_id, stdio, environment, warnings, umask`

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
		warnings                   sql.NullString
		exit, umask                sql.NullInt64
		workerSeen, seen           sql.NullInt64
		created, updated           sql.NullInt64
	)
	err := row.Scan(&r.ID, &r.RequesterID, &r.BinaryName, &arguments, &segments, &paths, &directory, &r.Status, &exit,
		&worker, &created, &updated, &workerSeen, &seen, &r.HeartbeatInterval, &r.Monitor,
		&r.Transport, &metadata, &r.Attempt, &r.Reason, &key, &r.Version, &r.LogBatch,
		&r.StdoutBytes, &r.StderrBytes, &r.LogBytes, &r.counter.Seq, &r.counter.ID, &r.Stdio, &environment, &warnings, &umask)
	if err != nil {
		return r, err
	}
	r.WorkingDirectory, r.WorkerID, r.IdempotencyKey = textOf(directory), textOf(worker), key.String
	r.ExitCode, r.Umask = numberOf(exit), numberOf(umask)
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
	}{{segments, &r.Segments}, {environment, &r.Environment}, {warnings, &r.Warnings}} {
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
	segments, err := encodedOrNull(r.Segments)
	if err != nil {
		return err
	}
	environment, err := encodedOrNull(r.Environment)
	if err != nil {
		return err
	}
	warnings, err := encodedOrNull(r.Warnings)
	if err != nil {
		return err
	}
	paths, err := encoded(r.Paths)
	if err != nil {
		return err
	}
	metadata, err := encoded(r.TransportMetadata)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, "INSERT INTO dffmpeg_jobs ("+jobColumns+") VALUES ("+marks(32)+")",
		r.ID, r.RequesterID, r.BinaryName, arguments, segments, paths, r.WorkingDirectory, string(r.Status), r.ExitCode,
		r.WorkerID, micros(&r.CreatedAt), micros(&r.LastUpdate), micros(r.WorkerLastSeen), micros(r.ClientLastSeen),
		r.HeartbeatInterval, r.Monitor, r.Transport, metadata, r.Attempt, r.Reason, orNull(r.IdempotencyKey),
		r.Version, r.LogBatch, r.StdoutBytes, r.StderrBytes, r.LogBytes, r.counter.Seq, r.counter.ID, string(r.Stdio), environment,
		warnings, r.Umask)
	return err
}

// updateJob stores what operations change of a job, if the job is still as it
// was loaded; errChanged otherwise.
func updateJob(ctx context.Context, tx *txn, before, after *jobRow) error {
	warnings, err := encodedOrNull(after.Warnings)
	if err != nil {
		return err
	}
	count, err := tx.exec(ctx, `UPDATE dffmpeg_jobs SET status = ?, exit_code = ?, worker_id = ?, last_update = ?,
		worker_last_seen = ?, client_last_seen = ?, monitor = ?, attempt = ?, reason = ?, version = ?, log_batch = ?,
		stdout_bytes = ?, stderr_bytes = ?, log_bytes = ?, msg_seq = ?, last_message_id = ?, stdio = ?, warnings = ?
		WHERE job_id = ? AND version = ? AND log_batch = ? AND msg_seq = ?`,
		string(after.Status), after.ExitCode, after.WorkerID, micros(&after.LastUpdate),
		micros(after.WorkerLastSeen), micros(after.ClientLastSeen), after.Monitor, after.Attempt, after.Reason,
		after.Version, after.LogBatch,
		after.StdoutBytes, after.StderrBytes, after.LogBytes, after.counter.Seq, after.counter.ID, string(after.Stdio), warnings,
		before.ID, before.Version, before.LogBatch, before.counter.Seq)
	if err == nil && count == 0 {
		err = errChanged
	}
	return err
}
