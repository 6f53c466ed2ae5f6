package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// cancelUnattended cancels monitored jobs whose requester has stopped to
// report: nobody would use what they make.
func (j *Janitor) cancelUnattended(ctx context.Context, now time.Time) error {
	jobs, err := j.state.Monitored(ctx)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		limit := times(j.settings.HeartbeatFactor, job.HeartbeatInterval)
		if j.silentFor(now, job.ClientLastSeen, job.CreatedAt) <= limit {
			continue
		}
		status := dffmpeg.JobCanceling
		if job.Status == dffmpeg.JobPending {
			status = dffmpeg.JobCanceled
		}
		reason := fmt.Sprintf("Its requester was not heard from for more than %s", limit)
		if _, err := j.state.Conclude(ctx, job, status, reason); settled(err) != nil {
			return err
		}
		j.logger.Warn("requester is silent; job canceled", "job", job.ID, "requester", job.RequesterID)
	}
	return nil
}
