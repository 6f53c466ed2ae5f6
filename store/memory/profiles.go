package memory

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// saved is a profile and when it was saved last.
type saved struct {
	dffmpeg.Profile
	at time.Time
}

// SaveProfile implements store.Workers.
func (s *State) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.profiles[profile.ID()] = saved{copyProfile(profile), s.stamp()}
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
	return copyProfile(profile.Profile), nil
}

// pruneProfiles removes profiles that were saved before a time and that no worker names.
func (s *State) pruneProfiles(before time.Time, limit int) int {
	named := make(map[string]bool)
	for _, worker := range s.workers {
		for _, program := range worker.Offer.Programs {
			named[program.Profile] = true
		}
	}
	removed := 0
	for id, profile := range s.profiles {
		if removed < limit && !named[id] && profile.at.Before(before) {
			delete(s.profiles, id)
			removed++
		}
	}
	return removed
}
