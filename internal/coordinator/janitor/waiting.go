package janitor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// page is how many overdue jobs are read at a time.
const page = 64

// failWaiting fails monitored jobs for which no worker has qualified for too long, and
// says why: somebody waits for them. While workers qualify that are busy they wait like
// others.
func (j *Janitor) failWaiting(ctx context.Context, now time.Time) error {
	before, looked := j.qualified, j.looked
	j.qualified, j.looked = make(map[string]time.Time), now
	waiting, err := j.waiting(ctx, now)
	if err != nil || len(waiting) == 0 {
		return err
	}
	workers, err := j.state.ListWorkers(ctx, 0)
	if err != nil {
		return err
	}
	reasons := make(map[string]string)
	for i := range waiting {
		job := &waiting[i]
		name := line(job)
		why, known := reasons[name]
		if !known {
			why = unqualified(job, workers, now)
			reasons[name] = why
		}
		if why == "" {
			continue
		}
		last, known := before[name]
		switch {
		case known:
		case job.LastUpdate.After(looked):
			last = job.LastUpdate // it came after the last round
		default:
			last = now // somebody did in the last round
		}
		if _, known := j.qualified[name]; !known {
			j.qualified[name] = last
		}
		if job.LastUpdate.After(last) {
			last = job.LastUpdate
		}
		if j.silentFor(now, &last, last) <= j.settings.PendingTimeout {
			continue
		}
		reason := fmt.Sprintf("No worker took the job within %s: %s", j.settings.PendingTimeout, why)
		if err := j.failPending(ctx, *job, reason); err != nil {
			return err
		}
	}
	return nil
}

// waiting returns the monitored jobs that wait and may begin, by ID.
func (j *Janitor) waiting(ctx context.Context, now time.Time) ([]dffmpeg.Job, error) {
	monitored, err := j.state.Monitored(ctx)
	return slices.DeleteFunc(monitored, func(job dffmpeg.Job) bool {
		return job.Status != dffmpeg.JobPending || !transition.Ready(&job, now)
	}), err
}

// line names the jobs that the same workers may have: those of a queue that no worker has
// had yet, and each other one by itself.
func line(job *dffmpeg.Job) string {
	if len(job.Attempts) > 0 {
		return job.ID
	}
	return transition.Queue(job)
}

// unqualified says why no worker may have a job, "" when one may.
func unqualified(job *dffmpeg.Job, workers []dffmpeg.Worker, now time.Time) string {
	may := slices.DeleteFunc(slices.Clone(workers), func(w dffmpeg.Worker) bool { return job.MayStillRun(&w, now) })
	why := scheduler.Unqualified(job, may)
	if why != "" && len(may) < len(workers) && scheduler.Unqualified(job, workers) == "" {
		return fmt.Sprintf("only worker %s could run it, which lost it and may still do so", job.Worker())
	}
	return why
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
