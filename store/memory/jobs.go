package memory

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// errNoJob is the error of a method that names an unknown job.
func errNoJob() error { return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found") }

// decide is one of the functions of package transition, but for its record
// and the time.
type decide func(r transition.Record, now time.Time) (transition.Decision, error)

// change applies an operation to a job.
func (s *State) change(ctx context.Context, jobID string, decide decide) (store.Change, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return store.Change{}, err
	}
	defer leave()
	record, ok := s.jobs[jobID]
	if !ok {
		return store.Change{}, errNoJob()
	}
	now := s.stamp()
	d, err := decide(record, now)
	if err != nil {
		return store.Change{}, err
	}
	posted, err := s.post(d.Settle, d.Messages, now)
	if err != nil {
		return store.Change{}, err
	}
	if d.Changed {
		d.Record.Job = copyJob(d.Record.Job)
		s.store(&record, d.Record)
	}
	for _, j := range d.Judgements {
		if err := s.judge(j, now); err != nil {
			return store.Change{}, err
		}
	}
	if len(d.Chunks) > 0 {
		s.keep(posted[0], d.Chunks)
	}
	return store.Change{Outcome: d.Outcome, Job: copyJob(d.Record.Job), Messages: posted}, nil
}

// store replaces the record of a job, nil for a new one, and keeps the lists of the
// pending and of those in the hands of workers.
func (s *State) store(before *transition.Record, after transition.Record) {
	if before != nil {
		s.queues.remove(transition.Queue(&before.Job), before.ID)
		if before.Status.HasWorker() {
			delete(s.held[before.Worker()], before.ID)
		}
	}
	s.queues.add(transition.Queue(&after.Job), after.ID)
	if after.Status.HasWorker() {
		if s.held[after.Worker()] == nil {
			s.held[after.Worker()] = make(map[string]bool)
		}
		s.held[after.Worker()][after.ID] = true
	}
	s.jobs[after.ID] = after
}

// judge applies what the end of a job says of a worker. The caller holds the mutex.
func (s *State) judge(j transition.Judgement, now time.Time) error {
	record, ok := s.workers[j.WorkerID]
	if !ok {
		return nil
	}
	_, err := s.apply(transition.Judge(record, j, now), now)
	return err
}

// Submit implements store.Jobs.
func (s *State) Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error) {
	metadata, err := jsonCopy(job.TransportMetadata)
	if err != nil {
		return store.Change{}, err
	}
	job.TransportMetadata = metadata
	leave, err := s.enter(ctx)
	if err != nil {
		return store.Change{}, err
	}
	defer leave()
	same := submission{job.RequesterID, job.IdempotencyKey}
	if first, ok := s.submitted[same]; ok {
		return store.Change{Outcome: store.Repeated, Job: copyJob(s.jobs[first].Job)}, nil
	}
	now, id := s.stamp(), job.ID
	if id == "" {
		id = s.ids.NewID(now)
	}
	if _, taken := s.jobs[id]; taken {
		return store.Change{}, dffmpeg.Errorf(dffmpeg.CodeConflict, "A job with this ID exists")
	}
	record := transition.Submit(copyJob(job), id, now)
	s.store(nil, record)
	s.boxes[record.Requester()] = &mailbox{}
	if same.key != "" {
		s.submitted[same] = id
	}
	return store.Change{Outcome: store.Applied, Job: copyJob(record.Job)}, nil
}

// Claim implements store.Jobs.
func (s *State) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		w, ok := s.workers[workerID]
		if !ok {
			return transition.Claim(r, seen, nil, nil, now), nil
		}
		worker, load := transition.OnTrial(w.Worker, now), &dffmpeg.JobLoad{}
		for id := range s.held[workerID] {
			held := s.jobs[id]
			load.Add(&held.Job, 1)
		}
		return transition.Claim(r, seen, &worker, load, now), nil
	})
}

// Accept implements store.Jobs.
func (s *State) Accept(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Accept(r, by, now), nil
	})
}

// Reject implements store.Jobs.
func (s *State) Reject(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Reject(r, by, now), nil
	})
}

// Renew implements store.Jobs.
func (s *State) Renew(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Renew(r, by, now), nil
	})
}

// Finish implements store.Jobs.
func (s *State) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Finish(r, by, result, now)
	})
}

// AppendLogs implements store.Jobs.
func (s *State) AppendLogs(ctx context.Context, jobID string, by store.By, batch int64, entries []dffmpeg.LogEntry) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.AppendLogs(r, by, batch, entries, now)
	})
}

// Attend implements store.Jobs.
func (s *State) Attend(ctx context.Context, jobID string, monitor *bool) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Attend(r, monitor, now), nil
	})
}

// Cancel implements store.Jobs.
func (s *State) Cancel(ctx context.Context, jobID, by, reason string) (store.Change, error) {
	return s.change(ctx, jobID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Cancel(r, by, reason, now), nil
	})
}

// Requeue implements store.Jobs.
func (s *State) Requeue(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		box := s.boxes[dffmpeg.ToWorker(r.Worker())]
		offered := box != nil && box.offered(r.ID)
		return transition.Requeue(r, seen, reason, offered, now)
	})
}

// Lose implements store.Jobs.
func (s *State) Lose(ctx context.Context, seen dffmpeg.Job, reason string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		box := s.boxes[dffmpeg.ToWorker(r.Worker())]
		offered := box != nil && box.offered(r.ID)
		return transition.Lose(r, seen, reason, offered, now)
	})
}

// Conclude implements store.Jobs.
func (s *State) Conclude(ctx context.Context, seen dffmpeg.Job, status dffmpeg.JobStatus, reason string) (store.Change, error) {
	return s.change(ctx, seen.ID, func(r transition.Record, now time.Time) (transition.Decision, error) {
		return transition.Conclude(r, seen, status, reason, now)
	})
}
