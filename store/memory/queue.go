package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// queues are the IDs of pending jobs, sorted, by the names of their queues. None is
// empty.
type queues map[string][]string

func (q queues) add(queue, jobID string) {
	if queue == "" {
		return
	}
	if at, found := slices.BinarySearch(q[queue], jobID); !found {
		q[queue] = slices.Insert(q[queue], at, jobID)
	}
}

func (q queues) remove(queue, jobID string) {
	at, found := slices.BinarySearch(q[queue], jobID)
	switch {
	case !found:
	case len(q[queue]) == 1:
		delete(q, queue)
	default:
		q[queue] = slices.Delete(q[queue], at, at+1)
	}
}

// Queues implements store.Jobs.
func (s *State) Queues(ctx context.Context, after string, limit int) ([]store.Head, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []store.Head
	now := s.stamp()
	for _, queue := range slices.Sorted(maps.Keys(s.queues)) {
		if queue <= after || len(found) == limit {
			continue
		}
		for job := range s.waiting(queue, "", now) {
			head := store.Head{Queue: queue, JobID: job.ID}
			head.Priority, head.RequesterID = transition.QueueOf(queue)
			found = append(found, head)
			break
		}
	}
	return found, nil
}

// Queued implements store.Jobs.
func (s *State) Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	jobs := []dffmpeg.Job{}
	for job := range s.waiting(queue, after, s.stamp()) {
		if len(jobs) == limit {
			break
		}
		jobs = append(jobs, copyJob(*job))
	}
	return jobs, nil
}

// waiting yields the jobs of a queue behind one that may begin now, by ID.
func (s *State) waiting(queue, after string, now time.Time) iter.Seq[*dffmpeg.Job] {
	return func(yield func(*dffmpeg.Job) bool) {
		ids := s.queues[queue]
		at, _ := slices.BinarySearch(ids, after)
		for _, id := range ids[at:] {
			job := s.jobs[id].Job
			if id > after && transition.Ready(&job, now) && !yield(&job) {
				return
			}
		}
	}
}

// Overdue implements store.Jobs.
func (s *State) Overdue(ctx context.Context, limit int) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := s.stamp()
	var overdue []dffmpeg.Job
	for _, ids := range s.queues {
		for _, id := range ids {
			job := s.jobs[id].Job
			if until := transition.QueueUntil(&job); until != nil && until.Before(now) && len(overdue) < limit {
				overdue = append(overdue, copyJob(job))
			}
		}
	}
	return overdue, nil
}

// Monitored implements store.Jobs.
func (s *State) Monitored(ctx context.Context) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.oldestFirst(func(j *dffmpeg.Job) bool {
		return j.Monitor && j.Status.Active() && j.Status != dffmpeg.JobCanceling
	}), nil
}

// Depths implements store.Jobs.
func (s *State) Depths(ctx context.Context) ([]store.Depth, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var depths []store.Depth
	for _, queue := range slices.Sorted(maps.Keys(s.queues)) {
		d := store.Depth{Queue: queue, Jobs: len(s.queues[queue]), Oldest: s.queues[queue][0]}
		d.Priority, d.RequesterID = transition.QueueOf(queue)
		depths = append(depths, d)
	}
	return depths, nil
}

// Ahead implements store.Jobs.
func (s *State) Ahead(ctx context.Context, queue, jobID string) (int, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	at, _ := slices.BinarySearch(s.queues[queue], jobID)
	return at, nil
}

// Enqueue implements store.Jobs. No other version works on this memory.
func (s *State) Enqueue(ctx context.Context, _ int) (int, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	leave()
	return 0, nil
}
