package memory

import (
	"context"
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
func (s *State) Queues(ctx context.Context, after string, limit int) ([]store.Queued, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var found []store.Queued
	now := s.stamp()
	for _, queue := range slices.Sorted(maps.Keys(s.queues)) {
		if queue > after && len(found) < limit {
			found = s.waiting(found, queue, "", len(found)+1, now)
		}
	}
	return found, nil
}

// Queued implements store.Jobs.
func (s *State) Queued(ctx context.Context, queue, after string, limit int) ([]store.Queued, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.waiting(nil, queue, after, limit, s.stamp()), nil
}

// waiting adds the jobs of a queue that may begin now to those found, up to the limit.
func (s *State) waiting(found []store.Queued, queue, after string, limit int, now time.Time) []store.Queued {
	ids := s.queues[queue]
	at, _ := slices.BinarySearch(ids, after)
	for _, id := range ids[at:] {
		if len(found) >= limit {
			break
		}
		job := s.jobs[id].Job
		if id > after && transition.Ready(&job, now) {
			found = append(found, store.Queued{Queue: queue, Job: copyJob(job)})
		}
	}
	return found
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

// SaveProfile implements store.Workers.
func (s *State) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.profiles[profile.ID()] = copyProfile(profile)
	return nil
}

// Profile implements store.Workers.
func (s *State) Profile(ctx context.Context, id string) (dffmpeg.Profile, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	profile, ok := s.profiles[id]
	if !ok {
		return nil, dffmpeg.Errorf(dffmpeg.CodeNotFound, "Profile not found")
	}
	return copyProfile(profile), nil
}
