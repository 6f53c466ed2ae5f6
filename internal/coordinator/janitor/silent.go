package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// endSilent ends jobs whose worker has stopped to report: running ones fail,
// those that were being canceled count as canceled.
func (j *Janitor) endSilent(ctx context.Context, now time.Time) error {
	jobs, err := j.state.Active(ctx, 0, dffmpeg.JobRunning, dffmpeg.JobCanceling)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		limit := times(j.settings.HeartbeatFactor, job.HeartbeatInterval)
		if j.silentFor(now, job.WorkerLastSeen, job.LastUpdate) <= limit {
			continue
		}
		status := dffmpeg.JobFailed
		if job.Status == dffmpeg.JobCanceling {
			status = dffmpeg.JobCanceled
		}
		reason := fmt.Sprintf("Worker %s was not heard from for more than %s", job.Worker(), limit)
		if _, err := j.state.Conclude(ctx, job, status, reason); settled(err) != nil {
			return err
		}
		j.logger.Warn("worker is silent; job ended", "job", job.ID, "worker", job.Worker(), "status", string(status))
	}
	return nil
}
