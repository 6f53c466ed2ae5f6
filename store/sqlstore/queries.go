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
)

// Job implements store.Jobs.
func (s *State) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	var r jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		r, err = loadJob(ctx, tx, id)
		return err
	})
	return r.Job, err
}

// jobs reads the jobs of a query.
func (s *State) jobs(ctx context.Context, where string, args ...any) ([]dffmpeg.Job, error) {
	var rows []jobRow
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		rows, err = list(ctx, tx, scanJob, "SELECT "+jobColumns+" FROM dffmpeg_jobs "+where, args...)
		return err
	})
	jobs := make([]dffmpeg.Job, 0, len(rows))
	for _, r := range rows {
		jobs = append(jobs, r.Job)
	}
	return jobs, err
}

// List implements store.Jobs. Active and recent jobs are found by an index
// each, so that the cost does not grow with history. UNION ALL, because to drop
// duplicates the planner of SQLite would walk through all jobs in order.
func (s *State) List(ctx context.Context, query store.JobQuery) ([]dffmpeg.Job, error) {
	where := `WHERE job_id IN (
		SELECT job_id FROM dffmpeg_jobs WHERE status IN (` + activeStatuses + `)
		UNION ALL SELECT job_id FROM dffmpeg_jobs WHERE last_update > ?)`
	args := []any{s.stamp().Add(-query.Window).UnixMicro()}
	if query.Requester != "" {
		where += " AND requester_id = ?"
		args = append(args, query.Requester)
	}
	if query.Before != "" {
		where += " AND job_id < ?"
		args = append(args, query.Before)
	}
	where += " ORDER BY job_id DESC"
	if query.Limit > 0 {
		where += " LIMIT ?"
		args = append(args, query.Limit)
	}
	return s.jobs(ctx, where, args...)
}

// Active implements store.Jobs.
func (s *State) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	if len(statuses) == 0 {
		statuses = slices.DeleteFunc(dffmpeg.JobStatuses(), dffmpeg.JobStatus.Terminal)
	}
	where, args := "WHERE status IN ("+marks(len(statuses))+") ORDER BY job_id", anys(statuses)
	if limit > 0 {
		where += " LIMIT ?"
		args = append(args, limit)
	}
	return s.jobs(ctx, where, args...)
}

// Loads implements store.Jobs.
func (s *State) Loads(ctx context.Context) (map[string]int, error) {
	loads := make(map[string]int)
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		_, err := list(ctx, tx, func(row scanner) (struct{}, error) {
			var worker string
			var count int
			err := row.Scan(&worker, &count)
			loads[worker] = count
			return struct{}{}, err
		}, "SELECT worker_id, COUNT(*) FROM dffmpeg_jobs WHERE status IN ("+heldStatuses+") GROUP BY worker_id")
		return err
	})
	return loads, err
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
		}, `SELECT binary_name, worker_id, status, created_at FROM dffmpeg_jobs WHERE job_id IN (
			SELECT job_id FROM dffmpeg_jobs WHERE status IN (`+activeStatuses+`)
			UNION ALL SELECT job_id FROM dffmpeg_jobs WHERE created_at > ?)`, now.Add(-5*time.Minute).UnixMicro())
		return err
	})
	for _, j := range jobs {
		tally.Add(j.binary, textOf(j.worker), j.status, now.Sub(*timeOf(j.created)))
	}
	return tally.Answer(), err
}

// Logs implements store.Jobs. Output is the payload of the messages that
// announced it.
func (s *State) Logs(ctx context.Context, jobID string, query store.LogQuery) (store.LogPage, error) {
	page := store.LogPage{LastMessageID: query.Since}
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		job, err := loadJob(ctx, tx, jobID)
		if err != nil {
			return err
		}
		newest := query.Since == "" && query.Limit > 0
		statement := "SELECT " + messageColumns + " FROM dffmpeg_messages WHERE mailbox = ? AND message_id > ? AND type = 'job_logs' ORDER BY message_id"
		if newest {
			statement += " DESC"
		}
		to := job.Requester()
		args := []any{mailbox(to), query.Since}
		if query.Limit > 0 {
			statement += " LIMIT ?"
			args = append(args, query.Limit)
		}
		batches, err := list(ctx, tx, scanMessage(to), statement, args...)
		if err != nil {
			return err
		}
		if newest {
			slices.Reverse(batches)
		}
		for i := range batches {
			payload, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](&batches[i])
			if err != nil {
				return err
			}
			page.Entries = append(page.Entries, payload.Logs...)
			page.LastMessageID = batches[i].ID
		}
		return nil
	})
	if err != nil {
		return store.LogPage{}, err
	}
	return page, nil
}
