package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Job implements store.Jobs.
func (s *State) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.Job{}, err
	}
	defer leave()
	record, ok := s.jobs[id]
	if !ok {
		return dffmpeg.Job{}, errNoJob()
	}
	return copyJob(record.Job), nil
}

// List implements store.Jobs.
func (s *State) List(ctx context.Context, query store.JobQuery) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	since := s.stamp().Add(-query.Window)
	jobs := s.oldestFirst(func(j *dffmpeg.Job) bool {
		return (query.Requester == "" || j.RequesterID == query.Requester) &&
			(query.Before == "" || j.ID < query.Before) &&
			(j.Status.Active() || j.LastUpdate.After(since))
	})
	slices.Reverse(jobs)
	return first(jobs, query.Limit), nil
}

// Active implements store.Jobs.
func (s *State) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return first(s.oldestFirst(func(j *dffmpeg.Job) bool {
		if len(statuses) == 0 {
			return j.Status.Active()
		}
		return slices.Contains(statuses, j.Status)
	}), limit), nil
}

// oldestFirst returns copies of the jobs that match, by ID. The caller holds
// the mutex.
func (s *State) oldestFirst(matches func(*dffmpeg.Job) bool) []dffmpeg.Job {
	var found []dffmpeg.Job
	for _, record := range s.jobs {
		if matches(&record.Job) {
			found = append(found, copyJob(record.Job))
		}
	}
	slices.SortFunc(found, func(a, b dffmpeg.Job) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

// first returns at most limit elements of list; 0 means all.
func first[T any](list []T, limit int) []T {
	if limit > 0 && len(list) > limit {
		return list[:limit]
	}
	return list
}

// Loads implements store.Jobs.
func (s *State) Loads(ctx context.Context) ([]store.Held, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var loads []store.Held
	for workerID, jobs := range s.held {
		for id := range jobs {
			job := s.jobs[id]
			loads = append(loads, store.Held{
				WorkerID: workerID, RequesterID: job.RequesterID, BinaryName: job.BinaryName, Demand: copyDemand(job.Demand), Jobs: 1,
			})
		}
	}
	return loads, nil
}

// HeldBy implements store.Jobs.
func (s *State) HeldBy(ctx context.Context, workerID string) ([]dffmpeg.Job, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	var jobs []dffmpeg.Job
	for _, id := range slices.Sorted(maps.Keys(s.held[workerID])) {
		jobs = append(jobs, copyJob(s.jobs[id].Job))
	}
	return jobs, nil
}

// Tally implements store.Jobs.
func (s *State) Tally(ctx context.Context) (dffmpeg.MetricsAnswer, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.MetricsAnswer{}, err
	}
	defer leave()
	now := s.stamp()
	tally := transition.NewTally()
	for _, record := range s.jobs {
		tally.Add(record.BinaryName, record.WorkerID, record.Status, now.Sub(record.CreatedAt))
	}
	return tally.Answer(), nil
}

// keep notes the output that a message announced.
func (s *State) keep(m dffmpeg.Message, chunks []transition.Chunk) {
	messages := s.boxes[m.To].messages
	for i := range messages {
		if messages[i].Seq == m.Seq {
			messages[i].chunks = chunks
		}
	}
}

// Output implements store.Jobs.
func (s *State) Output(ctx context.Context, jobID string, query store.OutputQuery) (store.OutputPage, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return store.OutputPage{}, err
	}
	defer leave()
	record, ok := s.jobs[jobID]
	if !ok {
		return store.OutputPage{}, errNoJob()
	}
	page := store.OutputPage{Attempt: cmp.Or(query.Attempt, record.Attempt)}
	var chunks []transition.Chunk
	for _, l := range s.boxes[record.Requester()].messages {
		for _, c := range l.chunks {
			if c.Attempt == page.Attempt && c.Stream == query.Stream && c.Offset+c.Size > query.Offset {
				chunks = append(chunks, c)
			}
		}
	}
	page.Offset, page.Data = transition.Output(chunks, query.Offset, query.Most())
	return page, nil
}

// Logs implements store.Jobs.
func (s *State) Logs(ctx context.Context, jobID string, query store.LogQuery) (store.LogPage, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return store.LogPage{}, err
	}
	defer leave()
	record, ok := s.jobs[jobID]
	if !ok {
		return store.LogPage{}, errNoJob()
	}
	var batches []letter
	for _, l := range s.boxes[record.Requester()].messages {
		if l.Type == dffmpeg.MessageJobLogs && l.ID > query.Since {
			batches = append(batches, l)
		}
	}
	if query.Since == "" && query.Limit > 0 && len(batches) > query.Limit {
		batches = batches[len(batches)-query.Limit:]
	}
	page := store.LogPage{LastMessageID: query.Since}
	for _, l := range first(batches, query.Limit) {
		payload, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](&l.Message)
		if err != nil {
			return store.LogPage{}, err
		}
		page.Entries = append(page.Entries, payload.Logs...)
		page.LastMessageID = l.ID
	}
	return page, nil
}
