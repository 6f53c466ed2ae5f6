package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// lostMargin is how much later than its worker the coordinator counts an attempt as
// lost that the worker stops by itself: what a request takes at most to arrive.
const lostMargin = 15 * time.Second

// endSilent ends attempts whose worker has stopped to report. One that another attempt
// may follow is given up only when it cannot run any more: that of a worker that stops
// it by itself. Others end with the heartbeat window: running ones fail, those that were
// being canceled count as canceled.
func (j *Janitor) endSilent(ctx context.Context, now time.Time) error {
	jobs, err := j.state.Active(ctx, 0, dffmpeg.JobRunning, dffmpeg.JobCanceling)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		silent := j.silentFor(now, job.WorkerLastSeen, job.LastUpdate)
		window := times(j.settings.HeartbeatFactor, job.HeartbeatInterval)
		if silent <= window {
			continue
		}
		if job.Status == dffmpeg.JobRunning && job.MayRetryLost() {
			err = j.loseSilent(ctx, job, silent, window)
		} else {
			err = j.endLost(ctx, job, window)
		}
		if settled(err) != nil {
			return err
		}
	}
	return nil
}

// endLost ends a job that is not tried again.
func (j *Janitor) endLost(ctx context.Context, job dffmpeg.Job, limit time.Duration) error {
	status := dffmpeg.JobFailed
	if job.Status == dffmpeg.JobCanceling {
		status = dffmpeg.JobCanceled
	}
	_, err := j.state.Conclude(ctx, job, status, silence(&job, limit))
	if err == nil {
		j.logger.Warn("worker is silent; job ended", "job", job.ID, "worker", job.Worker(), "status", string(status))
	}
	return err
}

// loseSilent gives an attempt up that another may follow, when its worker must have
// stopped it. A worker that does not do that by itself may still run it: then the job
// fails, unless its requester has asked for more attempts.
func (j *Janitor) loseSilent(ctx context.Context, job dffmpeg.Job, silent, window time.Duration) error {
	attempt := job.CurrentAttempt()
	if leased := attempt != nil && attempt.Leased; !leased && !job.Retry.Asked {
		return j.endLost(ctx, job, window)
	}
	limit := max(window, time.Duration(job.Retry.LostAfter)*time.Second+lostMargin)
	if silent <= limit {
		return nil
	}
	_, err := j.state.Lose(ctx, job, silence(&job, limit))
	if err == nil {
		j.logger.Warn("worker is silent; job is tried again", "job", job.ID, "worker", job.Worker())
	}
	return err
}

func silence(job *dffmpeg.Job, limit time.Duration) string {
	return fmt.Sprintf("Worker %s was not heard from for more than %s", job.Worker(), limit)
}
