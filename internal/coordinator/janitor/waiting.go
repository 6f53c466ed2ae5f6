package janitor

import (
	"context"
	"fmt"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
)

// page is how many jobs are read at a time.
const page = 64

// failWaiting fails monitored jobs for which no worker has qualified for too long, and
// says why: somebody waits for them. While workers qualify that are busy they wait like
// others.
func (j *Janitor) failWaiting(ctx context.Context, now time.Time) error {
	var workers []dffmpeg.Worker
	before, looked := j.qualified, j.looked
	j.qualified, j.looked = make(map[string]time.Time), now
	for after := ""; ; {
		heads, err := j.state.Queues(ctx, after, page)
		if err != nil || len(heads) == 0 {
			return err
		}
		if workers == nil {
			if workers, err = j.state.ListWorkers(ctx, 0); err != nil {
				return err
			}
		}
		for _, head := range heads {
			after = head.Queue
			first, err := j.state.Queued(ctx, head.Queue, "", 1)
			if err != nil {
				return err
			}
			if len(first) == 0 {
				continue // it was assigned
			}
			why := scheduler.Unqualified(&first[0], workers)
			if why == "" {
				continue
			}
			last, known := before[head.Queue]
			switch {
			case known:
			case first[0].LastUpdate.After(looked):
				last = first[0].LastUpdate // it came after the last round
			default:
				last = now // somebody did in the last round
			}
			j.qualified[head.Queue] = last
			if err := j.failQueue(ctx, head.Queue, last, now, why); err != nil {
				return err
			}
		}
	}
}

// failQueue fails those monitored jobs of a queue that have waited for too long since
// somebody qualified for them.
func (j *Janitor) failQueue(ctx context.Context, queue string, qualified, now time.Time, why string) error {
	for after := ""; ; {
		jobs, err := j.state.Queued(ctx, queue, after, page)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			after = job.ID
			since := qualified
			if job.LastUpdate.After(since) {
				since = job.LastUpdate
			}
			if !job.Monitor || j.silentFor(now, &since, since) <= j.settings.PendingTimeout {
				continue
			}
			reason := fmt.Sprintf("No worker took the job within %s: %s", j.settings.PendingTimeout, why)
			if err := j.failPending(ctx, job, reason); err != nil {
				return err
			}
		}
		if len(jobs) < page {
			return nil
		}
	}
}

// failOverdue fails jobs that have waited for longer than their requester wants.
func (j *Janitor) failOverdue(ctx context.Context, _ time.Time) error {
	for {
		jobs, err := j.state.Overdue(ctx, page)
		if err != nil {
			return err
		}
		for _, job := range jobs {
			reason := fmt.Sprintf("No worker took the job within its queue timeout of %s", time.Duration(job.QueueTimeout)*time.Second)
			if err := j.failPending(ctx, job, reason); err != nil {
				return err
			}
		}
		if len(jobs) < page {
			return nil
		}
	}
}

func (j *Janitor) failPending(ctx context.Context, job dffmpeg.Job, reason string) error {
	if _, err := j.state.Conclude(ctx, job, dffmpeg.JobFailed, reason); settled(err) != nil {
		return err
	}
	j.logger.Warn("job failed while it waited", "job", job.ID, "reason", reason)
	return nil
}
