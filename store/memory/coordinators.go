package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// lease is who holds what until when.
type lease struct {
	holder string
	until  time.Time
}

// Beat implements store.Coordinators.
func (s *State) Beat(ctx context.Context, coordinator dffmpeg.Coordinator) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	now := s.stamp()
	coordinator.StartedAt, coordinator.LastSeen = now, now
	if before, known := s.coordinators[coordinator.ID]; known {
		coordinator.StartedAt = before.StartedAt
	}
	maps.DeleteFunc(s.coordinators, func(_ string, c dffmpeg.Coordinator) bool { return now.Sub(c.LastSeen) > store.CoordinatorsKept })
	s.coordinators[coordinator.ID] = coordinator
	return nil
}

// Leave implements store.Coordinators.
func (s *State) Leave(ctx context.Context, id string) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	delete(s.coordinators, id)
	maps.DeleteFunc(s.leases, func(_ string, l lease) bool { return l.holder == id })
	return nil
}

// ListCoordinators implements store.Coordinators.
func (s *State) ListCoordinators(ctx context.Context, window time.Duration) ([]dffmpeg.Coordinator, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := s.stamp()
	var found []dffmpeg.Coordinator
	for _, c := range s.coordinators {
		if now.Sub(c.LastSeen) < window {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b dffmpeg.Coordinator) int { return cmp.Compare(a.ID, b.ID) })
	return found, nil
}

// Lease implements store.Coordinators.
func (s *State) Lease(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	now := s.stamp()
	if held, ok := s.leases[name]; ok && held.holder != holder && held.until.After(now) {
		return false, nil
	}
	s.leases[name] = lease{holder, now.Add(ttl)}
	return true, nil
}

// Home implements store.Coordinators.
func (s *State) Home(ctx context.Context, jobID, own, instead string) (string, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	if _, known := s.jobs[jobID]; !known {
		return "", errNoJob()
	}
	if s.homes[jobID] == instead {
		s.homes[jobID] = own
	}
	return s.homes[jobID], nil
}

// Positions implements store.Coordinators.
func (s *State) Positions(ctx context.Context, recipients []dffmpeg.Recipient) (map[dffmpeg.Recipient]int64, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	positions := make(map[dffmpeg.Recipient]int64, len(recipients))
	for _, to := range recipients {
		if box, known := s.boxes[to]; known {
			positions[to] = box.end.Seq
		}
	}
	return positions, nil
}
