package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// errNoWorker is the error of a method that names an unknown worker.
func errNoWorker() error { return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Worker not found") }

// apply stores a decision about a worker. The caller holds the mutex.
func (s *State) apply(d transition.WorkerDecision, now time.Time) ([]dffmpeg.Message, error) {
	posted, err := s.post(d.Settle, d.Messages, now)
	if err != nil {
		return nil, err
	}
	if d.Changed {
		d.Record.Worker = copyWorker(d.Record.Worker)
		s.workers[d.Record.ID] = d.Record
	}
	return posted, nil
}

// Register implements store.Workers.
func (s *State) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	metadata, err := jsonCopy(registration.Worker.TransportMetadata)
	if err != nil {
		return store.Registered{}, err
	}
	registration.Worker.TransportMetadata = metadata
	leave, err := s.enter(ctx)
	if err != nil {
		return store.Registered{}, err
	}
	defer leave()
	var result store.Registered
	var previous *transition.WorkerRecord
	if record, ok := s.workers[registration.Worker.ID]; ok {
		before := copyWorker(record.Worker)
		previous, result.Previous = &record, &before
	}
	now := s.stamp()
	d, err := transition.Register(previous, registration, now)
	if err != nil {
		return store.Registered{}, err
	}
	if previous == nil {
		s.boxes[d.Record.Recipient()] = &mailbox{}
	}
	if result.Messages, err = s.apply(d, now); err != nil {
		return store.Registered{}, err
	}
	result.Worker = copyWorker(d.Record.Worker)
	return result, nil
}

// Verify implements store.Workers.
func (s *State) Verify(ctx context.Context, workerID, token string) (dffmpeg.Worker, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	defer leave()
	record, ok := s.workers[workerID]
	if !ok {
		return dffmpeg.Worker{}, errNoWorker()
	}
	now := s.stamp()
	d, err := transition.Verify(record, token, now)
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	_, err = s.apply(d, now)
	return copyWorker(d.Record.Worker), err
}

// Deregister implements store.Workers.
func (s *State) Deregister(ctx context.Context, workerID string) (dffmpeg.Worker, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	defer leave()
	record, ok := s.workers[workerID]
	if !ok {
		return dffmpeg.Worker{}, errNoWorker()
	}
	d := transition.Deregister(record)
	_, err = s.apply(d, s.stamp())
	return copyWorker(d.Record.Worker), err
}

// Expire implements store.Workers.
func (s *State) Expire(ctx context.Context, seen dffmpeg.Worker) (bool, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	record, ok := s.workers[seen.ID]
	if !ok {
		return false, nil
	}
	d := transition.Expire(record, seen)
	_, err = s.apply(d, s.stamp())
	return d.Changed, err
}

// PauseWorker implements store.Workers.
func (s *State) PauseWorker(ctx context.Context, workerID string, pause *dffmpeg.Pause) (dffmpeg.Worker, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	defer leave()
	record, ok := s.workers[workerID]
	if !ok {
		return dffmpeg.Worker{}, errNoWorker()
	}
	now := s.stamp()
	d := transition.PauseWorker(record, pause, now)
	_, err = s.apply(d, now)
	return copyWorker(transition.OnTrial(d.Record.Worker, now)), err
}

// Worker implements store.Workers.
func (s *State) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return dffmpeg.Worker{}, err
	}
	defer leave()
	record, ok := s.workers[id]
	if !ok {
		return dffmpeg.Worker{}, errNoWorker()
	}
	return copyWorker(transition.OnTrial(record.Worker, s.stamp())), nil
}

// ListWorkers implements store.Workers.
func (s *State) ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := s.stamp()
	since := now.Add(-window)
	var found []dffmpeg.Worker
	for _, record := range s.workers {
		recent := record.LastSeen != nil && record.LastSeen.After(since)
		if record.Status != dffmpeg.WorkerOffline || recent {
			found = append(found, copyWorker(transition.OnTrial(record.Worker, now)))
		}
	}
	slices.SortFunc(found, compareWorkers)
	return found, nil
}

// compareWorkers orders workers: present ones first, then by last seen
// descending, then by ID.
func compareWorkers(a, b dffmpeg.Worker) int {
	return cmp.Or(
		-compareBools(a.Status.Present(), b.Status.Present()),
		-compareTimes(a.LastSeen, b.LastSeen),
		cmp.Compare(a.ID, b.ID),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// compareTimes orders times; nil is before all.
func compareTimes(a, b *time.Time) int {
	if a == nil || b == nil {
		return compareBools(a != nil, b != nil)
	}
	return a.Compare(*b)
}
