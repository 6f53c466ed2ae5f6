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

// workerColumns are the columns of a worker, in the order that scanWorker reads.
const workerColumns = `worker_id, capabilities, binaries, paths, registration_interval, version, status, last_seen,
	transport, transport_metadata, instance_id, registered_at, revision, token, asked, msg_seq, last_message_id,
	offer, pause, trouble, proven_at`

// workerRow is a worker with the counter of its messages.
type workerRow struct {
	transition.WorkerRecord
	counter transition.Counter
}

func scanWorker(row scanner) (workerRow, error) {
	var (
		w                                       workerRow
		capabilities, binaries, paths, metadata string
		version, offer, pause, trouble          sql.NullString
		seen, registered, proven                sql.NullInt64
	)
	err := row.Scan(&w.ID, &capabilities, &binaries, &paths, &w.RegistrationInterval, &version, &w.Status, &seen,
		&w.Transport, &metadata, &w.InstanceID, &registered, &w.Revision, &w.Token, &w.Asked, &w.counter.Seq, &w.counter.ID,
		&offer, &pause, &trouble, &proven)
	if err != nil {
		return w, err
	}
	w.Version, w.LastSeen, w.ProvenAt = textOf(version), timeOf(seen), timeOf(proven)
	if t := timeOf(registered); t != nil {
		w.RegisteredAt = *t
	}
	if err := decodeRare(rare{offer, &w.Offer}, rare{pause, &w.Pause}, rare{trouble, &w.Trouble}); err != nil {
		return w, err
	}
	return w, decodeAll(decoding{capabilities, &w.Capabilities}, decoding{binaries, &w.Binaries},
		decoding{paths, &w.Paths}, decoding{metadata, &w.TransportMetadata})
}

// loadWorker reads a worker, or says that there is none.
func loadWorker(ctx context.Context, tx *txn, id string, p purpose) (workerRow, error) {
	w, err := scanWorker(tx.row(ctx, "SELECT "+workerColumns+" FROM dffmpeg_workers WHERE worker_id = ?"+tx.locking(p), id))
	if errors.Is(err, sql.ErrNoRows) {
		return w, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Worker not found")
	}
	return w, err
}

// values returns a worker's columns, the first being its ID.
func (w *workerRow) values() ([]any, error) {
	values := []any{w.ID}
	for _, v := range []any{w.Capabilities, w.Binaries, w.Paths} {
		text, err := encoded(v)
		if err != nil {
			return nil, err
		}
		values = append(values, text)
	}
	metadata, err := encoded(w.TransportMetadata)
	if err != nil {
		return nil, err
	}
	seldom, err := encodedAll(encodedOrNull, w.Offer, w.Pause, w.Trouble)
	if err != nil {
		return nil, err
	}
	return append(values, w.RegistrationInterval, w.Version, string(w.Status), micros(w.LastSeen),
		w.Transport, metadata, w.InstanceID, micros(&w.RegisteredAt), w.Revision, w.Token, string(w.Asked),
		w.counter.Seq, w.counter.ID, seldom[0], seldom[1], seldom[2], micros(w.ProvenAt)), nil
}

func insertWorker(ctx context.Context, tx *txn, w *workerRow) error {
	values, err := w.values()
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, "INSERT INTO dffmpeg_workers ("+workerColumns+") VALUES ("+marks(len(values))+")", values...)
	if err != nil && tx.db.dialect.Duplicate(err) {
		return errChanged // registered by another transaction meanwhile
	}
	return err
}

// updateWorker stores a worker if it is still as it was loaded; errChanged
// otherwise.
func updateWorker(ctx context.Context, tx *txn, before, after *workerRow) error {
	values, err := after.values()
	if err != nil {
		return err
	}
	count, err := tx.exec(ctx, `UPDATE dffmpeg_workers SET capabilities = ?, binaries = ?, paths = ?,
		registration_interval = ?, version = ?, status = ?, last_seen = ?, transport = ?, transport_metadata = ?,
		instance_id = ?, registered_at = ?, revision = ?, token = ?, asked = ?, msg_seq = ?, last_message_id = ?,
		offer = ?, pause = ?, trouble = ?, proven_at = ?
		WHERE worker_id = ? AND revision = ? AND msg_seq = ?`,
		append(values[1:], before.ID, before.Revision, before.counter.Seq)...)
	if err == nil && count == 0 {
		err = errChanged
	}
	return err
}

// apply stores a decision about a worker.
func (s *State) apply(ctx context.Context, tx *txn, before *workerRow, d transition.WorkerDecision, now time.Time) ([]dffmpeg.Message, error) {
	after := workerRow{WorkerRecord: d.Record, counter: before.counter}
	p := &post{tx: tx, now: now, worker: &after}
	posted, err := p.deliver(ctx, d.Settle, d.Messages)
	if err != nil {
		return nil, err
	}
	if d.Changed || after.counter != before.counter {
		err = updateWorker(ctx, tx, before, &after)
	}
	return posted, err
}

// Register implements store.Workers.
func (s *State) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	var result store.Registered
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		result = store.Registered{}
		now := s.stamp()
		var previous *transition.WorkerRecord
		before, err := loadWorker(ctx, tx, registration.Worker.ID, changing)
		switch {
		case err == nil:
			seen := before.Worker
			previous, result.Previous = &before.WorkerRecord, &seen
		case dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound:
			return err
		}
		d, err := transition.Register(previous, registration, now)
		if err != nil {
			return err
		}
		if previous == nil {
			before = workerRow{WorkerRecord: d.Record}
			if err := insertWorker(ctx, tx, &before); err != nil {
				return err
			}
		}
		if result.Messages, err = s.apply(ctx, tx, &before, d, now); err != nil {
			return err
		}
		if len(d.Messages) == 0 {
			result.Worker = d.Record.Worker // no more than is known
			return nil
		}
		stored, err := loadWorker(ctx, tx, registration.Worker.ID, reading)
		result.Worker = stored.Worker
		return err
	})
	if err != nil {
		return store.Registered{}, err
	}
	return result, nil
}

// update applies an operation to a worker that exists.
func (s *State) update(ctx context.Context, id string, decide func(transition.WorkerRecord, time.Time) (transition.WorkerDecision, error)) (transition.WorkerDecision, error) {
	var d transition.WorkerDecision
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		before, err := loadWorker(ctx, tx, id, changing)
		if err != nil {
			return err
		}
		now := s.stamp()
		if d, err = decide(before.WorkerRecord, now); err != nil {
			return err
		}
		_, err = s.apply(ctx, tx, &before, d, now)
		return err
	})
	return d, err
}

// PauseWorker implements store.Workers.
func (s *State) PauseWorker(ctx context.Context, workerID string, pause *dffmpeg.Pause) (dffmpeg.Worker, error) {
	d, err := s.update(ctx, workerID, func(r transition.WorkerRecord, now time.Time) (transition.WorkerDecision, error) {
		return transition.PauseWorker(r, pause, now), nil
	})
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	return transition.OnTrial(d.Record.Worker, s.stamp()), nil
}

// judge stores what the end of a job says of workers. One that has proven nothing new,
// as most, is only read.
func (s *State) judge(ctx context.Context, tx *txn, judgements []transition.Judgement, now time.Time) error {
	for _, j := range judgements {
		before, err := loadWorker(ctx, tx, j.WorkerID, reading)
		if err == nil && transition.Judge(before.WorkerRecord, j, now).Changed {
			before, err = loadWorker(ctx, tx, j.WorkerID, changing)
		}
		if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := s.apply(ctx, tx, &before, transition.Judge(before.WorkerRecord, j, now), now); err != nil {
			return err
		}
	}
	return nil
}

// Verify implements store.Workers.
func (s *State) Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error) {
	d, err := s.update(ctx, workerID, func(r transition.WorkerRecord, now time.Time) (transition.WorkerDecision, error) {
		return transition.Verify(r, token, now)
	})
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	return d.Record.Worker, nil
}

// Deregister implements store.Workers.
func (s *State) Deregister(ctx context.Context, workerID string) (dffmpeg.Worker, error) {
	d, err := s.update(ctx, workerID, func(r transition.WorkerRecord, _ time.Time) (transition.WorkerDecision, error) {
		return transition.Deregister(r), nil
	})
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	return d.Record.Worker, nil
}

// Expire implements store.Workers.
func (s *State) Expire(ctx context.Context, seen dffmpeg.Worker) (bool, error) {
	d, err := s.update(ctx, seen.ID, func(r transition.WorkerRecord, _ time.Time) (transition.WorkerDecision, error) {
		return transition.Expire(r, seen), nil
	})
	switch {
	case err == nil:
		return d.Changed, nil
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		return false, nil
	default:
		return false, err
	}
}

// Worker implements store.Workers.
func (s *State) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	var w workerRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		w, err = loadWorker(ctx, tx, id, reading)
		return err
	})
	return transition.OnTrial(w.Worker, s.stamp()), err
}

// ListWorkers implements store.Workers.
func (s *State) ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	var found []workerRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		found, err = list(ctx, tx, scanWorker, "SELECT "+workerColumns+` FROM dffmpeg_workers
			WHERE status <> 'offline' OR last_seen > ?
			ORDER BY CASE WHEN status IN ('online', 'draining') THEN 0 ELSE 1 END,
				CASE WHEN last_seen IS NULL THEN 1 ELSE 0 END, last_seen DESC, worker_id`,
			s.stamp().Add(-window).UnixMicro())
		return err
	})
	workers, now := make([]dffmpeg.Worker, 0, len(found)), s.stamp()
	for _, w := range found {
		workers = append(workers, transition.OnTrial(w.Worker, now))
	}
	return workers, err
}
