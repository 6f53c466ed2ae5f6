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
	stdout_bytes, stderr_bytes, log_bytes, msg_seq, last_message_id, stdio, environment, warnings, umask,
	priority, demand, prefer, retry, attempts, not_before, queue_timeout, queue, queue_until`

// jobRow is a job with the counter of its requester's messages.
type jobRow struct {
	transition.Record
	counter transition.Counter
	queue   string // where it is found while it is pending
}

func scanJob(row scanner) (jobRow, error) {
	var (
		r                          jobRow
		arguments, paths, metadata string
		directory, worker, key     sql.NullString
		segments, environment      sql.NullString
		warnings                   sql.NullString
		demand, prefer, retry      sql.NullString
		attempts, queue            sql.NullString
		exit, umask, notBefore     sql.NullInt64
		until                      sql.NullInt64 // derived, and only for queries
		workerSeen, seen           sql.NullInt64
		created, updated           sql.NullInt64
	)
	err := row.Scan(&r.ID, &r.RequesterID, &r.BinaryName, &arguments, &segments, &paths, &directory, &r.Status, &exit,
		&worker, &created, &updated, &workerSeen, &seen, &r.HeartbeatInterval, &r.Monitor,
		&r.Transport, &metadata, &r.Attempt, &r.Reason, &key, &r.Version, &r.LogBatch,
		&r.StdoutBytes, &r.StderrBytes, &r.LogBytes, &r.counter.Seq, &r.counter.ID, &r.Stdio, &environment, &warnings, &umask,
		&r.Priority, &demand, &prefer, &retry, &attempts, &notBefore, &r.QueueTimeout, &queue, &until)
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
	r.WorkerLastSeen, r.ClientLastSeen, r.NotBefore = timeOf(workerSeen), timeOf(seen), timeOf(notBefore)
	r.queue = queue.String
	err = decodeRare(rare{segments, &r.Segments}, rare{environment, &r.Environment}, rare{warnings, &r.Warnings},
		rare{demand, &r.Demand}, rare{prefer, &r.Prefer}, rare{retry, &r.Retry}, rare{attempts, &r.Attempts})
	if err != nil {
		return r, err
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
	always, err := encodedAll(encoded, r.Arguments, r.Paths, r.TransportMetadata)
	if err != nil {
		return err
	}
	rare, err := encodedAll(encodedOrNull, r.Segments, r.Environment, r.Warnings, r.Demand, r.Prefer, r.Retry, r.Attempts)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, "INSERT INTO dffmpeg_jobs ("+jobColumns+") VALUES ("+marks(41)+")",
		r.ID, r.RequesterID, r.BinaryName, always[0], rare[0], always[1], r.WorkingDirectory, string(r.Status), r.ExitCode,
		r.WorkerID, micros(&r.CreatedAt), micros(&r.LastUpdate), micros(r.WorkerLastSeen), micros(r.ClientLastSeen),
		r.HeartbeatInterval, r.Monitor, r.Transport, always[2], r.Attempt, r.Reason, orNull(r.IdempotencyKey),
		r.Version, r.LogBatch, r.StdoutBytes, r.StderrBytes, r.LogBytes, r.counter.Seq, r.counter.ID, string(r.Stdio), rare[1],
		rare[2], r.Umask, r.Priority, rare[3], rare[4], rare[5], rare[6], micros(r.NotBefore), r.QueueTimeout,
		orNull(transition.Queue(&r.Job)), micros(transition.QueueUntil(&r.Job)))
	return err
}

// updateJob stores what operations change of a job, if the job is still as it
// was loaded; errChanged otherwise.
func updateJob(ctx context.Context, tx *txn, before, after *jobRow) error {
	rare, err := encodedAll(encodedOrNull, after.Warnings, after.Attempts)
	if err != nil {
		return err
	}
	count, err := tx.exec(ctx, `UPDATE dffmpeg_jobs SET status = ?, exit_code = ?, worker_id = ?, last_update = ?,
		worker_last_seen = ?, client_last_seen = ?, monitor = ?, attempt = ?, reason = ?, version = ?, log_batch = ?,
		stdout_bytes = ?, stderr_bytes = ?, log_bytes = ?, msg_seq = ?, last_message_id = ?, stdio = ?, warnings = ?,
		attempts = ?, not_before = ?, queue = ?, queue_until = ?
		WHERE job_id = ? AND version = ? AND log_batch = ? AND msg_seq = ?`,
		string(after.Status), after.ExitCode, after.WorkerID, micros(&after.LastUpdate),
		micros(after.WorkerLastSeen), micros(after.ClientLastSeen), after.Monitor, after.Attempt, after.Reason,
		after.Version, after.LogBatch,
		after.StdoutBytes, after.StderrBytes, after.LogBytes, after.counter.Seq, after.counter.ID, string(after.Stdio), rare[0],
		rare[1], micros(after.NotBefore), orNull(transition.Queue(&after.Job)), micros(transition.QueueUntil(&after.Job)),
		before.ID, before.Version, before.LogBatch, before.counter.Seq)
	if err == nil && count == 0 {
		err = errChanged
	}
	return err
}
