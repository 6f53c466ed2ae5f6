package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// requeueUnaccepted takes offers back that were not accepted in time.
func (j *Janitor) requeueUnaccepted(ctx context.Context, now time.Time) error {
	jobs, err := j.state.Active(ctx, 0, dffmpeg.JobAssigned)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if j.silentFor(now, &job.LastUpdate, job.LastUpdate) <= j.settings.AssignmentTimeout {
			continue
		}
		reason := fmt.Sprintf("Worker %s did not accept the job within %s", job.Worker(), j.settings.AssignmentTimeout)
		if _, err := j.state.Requeue(ctx, job, reason); settled(err) != nil {
			return err
		}
		j.logger.Warn("offer not accepted; job is pending again", "job", job.ID, "worker", job.Worker())
	}
	return nil
}
