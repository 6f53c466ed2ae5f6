package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
)

// failWaiting fails jobs that no worker took in time, and says why.
func (j *Janitor) failWaiting(ctx context.Context, now time.Time) error {
	jobs, err := j.state.Active(ctx, 0, dffmpeg.JobPending)
	if err != nil {
		return err
	}
	var overdue []dffmpeg.Job
	for _, job := range jobs {
		if j.silentFor(now, &job.LastUpdate, job.LastUpdate) > j.settings.PendingTimeout {
			overdue = append(overdue, job)
		}
	}
	if len(overdue) == 0 {
		return nil
	}
	workers, err := j.state.ListWorkers(ctx, 0)
	if err != nil {
		return err
	}
	for _, job := range overdue {
		reason := fmt.Sprintf("No worker took the job within %s", j.settings.PendingTimeout)
		if why := scheduler.Explain(&job, workers); why != "" {
			reason += ": " + why
		}
		if _, err := j.state.Conclude(ctx, job, dffmpeg.JobFailed, reason); settled(err) != nil {
			return err
		}
		j.logger.Warn("job failed while it waited", "job", job.ID, "reason", reason)
	}
	return nil
}
