package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

const coordinatorColumns = "coordinator_id, host, version, url, started_at, last_seen"

func scanCoordinator(row scanner) (dffmpeg.Coordinator, error) {
	var (
		c             dffmpeg.Coordinator
		started, seen int64
	)
	err := row.Scan(&c.ID, &c.Host, &c.Version, &c.URL, &started, &seen)
	c.StartedAt, c.LastSeen = fromMicros(started), fromMicros(seen)
	return c, err
}

// Beat implements store.Coordinators.
func (s *State) Beat(ctx context.Context, c dffmpeg.Coordinator) error {
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		now := s.stamp()
		count, err := tx.exec(ctx, "UPDATE dffmpeg_coordinators SET host = ?, version = ?, url = ?, last_seen = ? WHERE coordinator_id = ?",
			c.Host, c.Version, c.URL, now.UnixMicro(), c.ID)
		if err != nil || count > 0 {
			return err
		}
		// A new one: time to forget the old.
		if _, err := tx.exec(ctx, "DELETE FROM dffmpeg_coordinators WHERE last_seen < ?", now.Add(-store.CoordinatorsKept).UnixMicro()); err != nil {
			return err
		}
		_, err = tx.exec(ctx, "INSERT INTO dffmpeg_coordinators ("+coordinatorColumns+") VALUES ("+marks(6)+")",
			c.ID, c.Host, c.Version, c.URL, now.UnixMicro(), now.UnixMicro())
		return err
	})
}

// Leave implements store.Coordinators.
func (s *State) Leave(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		_, err := tx.exec(ctx, "DELETE FROM dffmpeg_coordinators WHERE coordinator_id = ?", id)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, "DELETE FROM dffmpeg_coordinators_leases WHERE holder = ?", id)
		return err
	})
}

// ListCoordinators implements store.Coordinators.
func (s *State) ListCoordinators(ctx context.Context, window time.Duration) ([]dffmpeg.Coordinator, error) {
	var found []dffmpeg.Coordinator
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		found, err = list(ctx, tx, scanCoordinator, "SELECT "+coordinatorColumns+" FROM dffmpeg_coordinators WHERE last_seen > ? ORDER BY coordinator_id",
			s.stamp().Add(-window).UnixMicro())
		return err
	})
	return found, err
}

// Lease implements store.Coordinators.
func (s *State) Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	var held bool
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		now := s.stamp()
		var (
			by    string
			until int64
		)
		err := tx.row(ctx, "SELECT holder, until FROM dffmpeg_coordinators_leases WHERE name = ?"+tx.locking(changing), name).Scan(&by, &until)
		held = errors.Is(err, sql.ErrNoRows) || by == holder || until <= now.UnixMicro()
		switch {
		case errors.Is(err, sql.ErrNoRows):
			_, err = tx.exec(ctx, "INSERT INTO dffmpeg_coordinators_leases (name, holder, until) VALUES (?, ?, ?)", name, holder, now.Add(ttl).UnixMicro())
			if err != nil && tx.db.dialect.Duplicate(err) {
				err = errChanged // somebody else was first
			}
		case err == nil && held:
			var count int64
			count, err = tx.exec(ctx, "UPDATE dffmpeg_coordinators_leases SET holder = ?, until = ? WHERE name = ? AND holder = ? AND until = ?",
				holder, now.Add(ttl).UnixMicro(), name, by, until)
			if err == nil && count == 0 {
				err = errChanged
			}
		}
		return err
	})
	return held && err == nil, err
}

// Home implements store.Coordinators.
func (s *State) Home(ctx context.Context, jobID, own, instead string) (string, error) {
	var home string
	err := s.write(ctx, func(ctx context.Context, tx *txn) error {
		// The usual answer is there already, and costs no commit.
		err := tx.row(ctx, "SELECT stdio_home FROM dffmpeg_jobs WHERE job_id = ?", jobID).Scan(&home)
		if errors.Is(err, sql.ErrNoRows) {
			return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found")
		}
		if err != nil || home != instead {
			return err
		}
		count, err := tx.exec(ctx, "UPDATE dffmpeg_jobs SET stdio_home = ? WHERE job_id = ? AND stdio_home = ?", own, jobID, instead)
		if err == nil && count == 0 {
			err = errChanged
		}
		home = own
		return err
	})
	return home, err
}

// positionsAtOnce bounds how many recipients one query names.
const positionsAtOnce = 200

// Positions implements store.Coordinators.
func (s *State) Positions(ctx context.Context, recipients []dffmpeg.Recipient) (map[dffmpeg.Recipient]int64, error) {
	positions := make(map[dffmpeg.Recipient]int64, len(recipients))
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		for _, kind := range []struct {
			of      dffmpeg.RecipientKind
			id      func(dffmpeg.Recipient) string
			columns string
			where   string
		}{
			{dffmpeg.RecipientWorker, func(to dffmpeg.Recipient) string { return to.ID }, "worker_id, msg_seq FROM dffmpeg_workers", "worker_id"},
			{dffmpeg.RecipientRequester, func(to dffmpeg.Recipient) string { return to.JobID }, "job_id, msg_seq FROM dffmpeg_jobs", "job_id"},
		} {
			byID := make(map[string][]dffmpeg.Recipient)
			var ids []string
			for _, to := range recipients {
				if to.Kind == kind.of {
					ids = append(ids, kind.id(to))
					byID[kind.id(to)] = append(byID[kind.id(to)], to)
				}
			}
			for some := range slices.Chunk(ids, positionsAtOnce) {
				_, err := list(ctx, tx, func(row scanner) (struct{}, error) {
					var (
						id  string
						seq int64
					)
					err := row.Scan(&id, &seq)
					for _, to := range byID[id] {
						positions[to] = seq
					}
					return struct{}{}, err
				}, "SELECT "+kind.columns+" WHERE "+kind.where+" IN ("+marks(len(some))+")", anys(some)...)
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return positions, err
}
