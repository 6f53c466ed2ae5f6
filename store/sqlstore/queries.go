package sqlstore

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Statuses as the queries name them.
const (
	activeStatuses = "'pending', 'assigned', 'running', 'canceling'"
	heldStatuses   = "'assigned', 'running', 'canceling'"

	attendedStatuses = "'pending', 'assigned', 'running'"
	yes              = "TRUE" // of SQLite's numbers, too
)

// Job implements store.Jobs.
func (s *State) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	var r jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		r, err = loadJob(ctx, tx, id, reading)
		return err
	})
	return r.Job, err
}

// jobs reads the jobs of a query, given from where.
func (s *State) jobs(ctx context.Context, from string, args ...any) ([]dffmpeg.Job, error) {
	var rows []jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		rows, err = list(ctx, tx, scanJob, "SELECT "+jobColumns+" FROM "+from, args...)
		return err
	})
	jobs := make([]dffmpeg.Job, 0, len(rows))
	for _, r := range rows {
		jobs = append(jobs, r.Job)
	}
	return jobs, err
}

// List implements store.Jobs. Active and recent jobs are found by an index
// each, so that the cost does not grow with history.
func (s *State) List(ctx context.Context, query store.JobQuery) ([]dffmpeg.Job, error) {
	filter, filtered := "", []any(nil)
	if query.Requester != "" {
		filter += " AND requester_id = ?"
		filtered = append(filtered, query.Requester)
	}
	if query.Before != "" {
		filter += " AND job_id < ?"
		filtered = append(filtered, query.Before)
	}
	// Ordered by an expression, or the planner of SQLite would walk through all
	// jobs in order.
	from := `(SELECT ` + jobColumns + ` FROM dffmpeg_jobs WHERE status IN (` + activeStatuses + ")" + filter + `
		UNION ALL SELECT ` + jobColumns + ` FROM dffmpeg_jobs
		WHERE last_update > ? AND status NOT IN (` + activeStatuses + ")" + filter + `) recent
		ORDER BY COALESCE(job_id, '') DESC`
	args := slices.Concat(filtered, []any{s.stamp().Add(-query.Window).UnixMicro()}, filtered)
	if query.Limit > 0 {
		from += " LIMIT ?"
		args = append(args, query.Limit)
	}
	return s.jobs(ctx, from, args...)
}

// Active implements store.Jobs.
func (s *State) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	if len(statuses) == 0 {
		statuses = slices.DeleteFunc(dffmpeg.JobStatuses(), dffmpeg.JobStatus.Terminal)
	}
	from, args := "dffmpeg_jobs WHERE status IN ("+marks(len(statuses))+") ORDER BY job_id", anys(statuses)
	if limit > 0 {
		from += " LIMIT ?"
		args = append(args, limit)
	}
	return s.jobs(ctx, from, args...)
}

// Loads implements store.Jobs.
func (s *State) Loads(ctx context.Context) ([]store.Held, error) {
	var held []store.Held
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		held, err = list(ctx, tx, scanHeld, s.heldQuery()+heldGroups)
		return err
	})
	return held, err
}

// heldQuery and heldGroups count the jobs in the hands of workers, but for conditions
// between the two.
func (db *DB) heldQuery() string {
	return "SELECT worker_id, requester_id, binary_name, demand, COUNT(*) FROM dffmpeg_jobs" + db.dialect.Held + " WHERE status IN (" + heldStatuses + ")"
}

// worker_id is null for none that is held.
const heldGroups = " GROUP BY worker_id, requester_id, binary_name, demand"

func scanHeld(row scanner) (store.Held, error) {
	var h store.Held
	var demand sql.NullString
	if err := row.Scan(&h.WorkerID, &h.RequesterID, &h.BinaryName, &demand, &h.Jobs); err != nil || !demand.Valid {
		return h, err
	}
	return h, decodeAll(decoding{demand.String, &h.Demand})
}

// HeldBy implements store.Jobs.
func (s *State) HeldBy(ctx context.Context, workerID string) ([]dffmpeg.Job, error) {
	return s.jobs(ctx, "dffmpeg_jobs WHERE worker_id = ? AND status IN ("+heldStatuses+") ORDER BY job_id", workerID)
}

// tallied is what counts of a job.
type tallied struct {
	binary  string
	worker  sql.NullString
	status  dffmpeg.JobStatus
	created sql.NullInt64
}

// Tally implements store.Jobs.
func (s *State) Tally(ctx context.Context) (dffmpeg.MetricsAnswer, error) {
	tally, now := transition.NewTally(), s.stamp()
	var jobs []tallied
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		jobs, err = list(ctx, tx, func(row scanner) (tallied, error) {
			var t tallied
			err := row.Scan(&t.binary, &t.worker, &t.status, &t.created)
			return t, err
		}, `SELECT binary_name, worker_id, status, created_at FROM dffmpeg_jobs WHERE status IN (`+activeStatuses+`)
			UNION ALL SELECT binary_name, worker_id, status, created_at FROM dffmpeg_jobs
			WHERE created_at > ? AND status NOT IN (`+activeStatuses+`)`, now.Add(-5*time.Minute).UnixMicro())
		return err
	})
	for _, j := range jobs {
		tally.Add(j.binary, textOf(j.worker), j.status, now.Sub(*timeOf(j.created)))
	}
	return tally.Answer(), err
}
