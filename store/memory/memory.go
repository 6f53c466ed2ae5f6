// Package memory is the engine that keeps everything in the process's memory:
// the reference for the other engines, and for tests. Nothing survives the
// process.
package memory

import (
	"context"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

var (
	_ store.State      = (*State)(nil)
	_ store.Identities = (*Identities)(nil)
)

// State keeps jobs, workers and messages. One mutex makes every operation
// atomic.
type State struct {
	now func() time.Time
	ids dffmpeg.IDSource

	mu        sync.Mutex
	jobs      map[string]transition.Record
	submitted map[submission]string // to the job's ID
	workers   map[string]transition.WorkerRecord
	profiles  map[string]saved
	queues    queues
	held      map[string]map[string]bool     // jobs in the hands of workers, by worker
	boxes     map[dffmpeg.Recipient]*mailbox // of every job and worker

	coordinators map[string]dffmpeg.Coordinator
	leases       map[string]lease  // by name
	homes        map[string]string // of jobs' streams, by the job
}

// submission is what makes a submission the same as an earlier one.
type submission struct{ requester, key string }

// New returns an empty State with the given clock and source of IDs.
func New(now func() time.Time, ids dffmpeg.IDSource) *State {
	return &State{
		now:       now,
		ids:       ids,
		jobs:      make(map[string]transition.Record),
		submitted: make(map[submission]string),
		workers:   make(map[string]transition.WorkerRecord),
		profiles:  make(map[string]saved),
		queues:    make(queues),
		held:      make(map[string]map[string]bool),
		boxes:     make(map[dffmpeg.Recipient]*mailbox),

		coordinators: make(map[string]dffmpeg.Coordinator),
		leases:       make(map[string]lease),
		homes:        make(map[string]string),
	}
}

// Now implements store.State.
func (s *State) Now(ctx context.Context) (time.Time, error) {
	if err := alive(ctx); err != nil {
		return time.Time{}, err
	}
	return s.stamp(), nil
}

// Ping implements store.State.
func (s *State) Ping(ctx context.Context) error { return alive(ctx) }

// Close implements store.State.
func (s *State) Close() error { return nil }

func (s *State) stamp() time.Time { return transition.Stamp(s.now()) }

// alive returns an error when ctx is done.
func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The store was not asked: the request has ended").WithCause(err)
	}
	return nil
}

// enter begins an operation. The caller calls leave when err is nil.
func (s *State) enter(ctx context.Context) (leave func(), err error) {
	s.mu.Lock()
	if err := alive(ctx); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.mu.Unlock, nil
}
