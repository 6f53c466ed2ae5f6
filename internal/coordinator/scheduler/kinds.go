package scheduler

import (
	"context"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// kinds remembers what the jobs of each queue are like, by its name, as far as that says
// who qualifies for them and has room: so that a round reads no job of a queue from which
// it can give nothing away.
type kinds struct {
	state Queues
	known map[string]dffmpeg.Job
}

// Queues is the part of the store that has the jobs that wait.
type Queues interface {
	Queues(ctx context.Context, after string, limit int) ([]store.Head, error)
	Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error)
}

// heads is how many queues are read at a time.
const heads = 256

// queues reads the heads of all queues, and what their jobs are like. What was known of
// queues that are not there any more is forgotten.
func (k *kinds) queues(ctx context.Context) ([]*queue, error) {
	var queues []*queue
	known := make(map[string]dffmpeg.Job)
	for after := ""; ; {
		rows, err := k.state.Queues(ctx, after, heads)
		if err != nil {
			return nil, err
		}
		for _, head := range rows {
			after = head.Queue
			q := &queue{name: head.Queue, next: head.JobID, more: true, page: leastPage}
			like, ok := k.known[head.Queue]
			if !ok {
				if err := feeding(ctx, k.state)(q); err != nil {
					return nil, err
				}
				if len(q.jobs) == 0 {
					continue // others were faster
				}
				like = kind(&q.jobs[0])
			}
			q.like, known[head.Queue] = like, like
			queues = append(queues, q)
		}
		if len(rows) < heads {
			k.known = known
			return queues, nil
		}
	}
}

// kind returns what is the same for all jobs of a queue: see [store.Jobs], Queues.
func kind(job *dffmpeg.Job) dffmpeg.Job {
	arguments := slices.DeleteFunc(slices.Clone(job.Arguments), func(a string) bool { return !dffmpeg.NamesStandardStream(a) })
	return dffmpeg.Job{
		RequesterID: job.RequesterID, Priority: job.Priority, BinaryName: job.BinaryName, Paths: job.Paths,
		Demand: job.Demand, Stdio: job.Stdio, Arguments: slices.Clip(arguments),
	}
}
