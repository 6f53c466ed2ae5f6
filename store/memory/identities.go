package memory

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// Identities keeps who may sign requests.
type Identities struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]store.StoredIdentity
}

// NewIdentities returns an empty Identities with the given clock.
func NewIdentities(now func() time.Time) *Identities {
	return &Identities{now: now, byID: make(map[string]store.StoredIdentity)}
}

// AddIdentity implements store.Identities.
func (s *Identities) AddIdentity(ctx context.Context, identity store.StoredIdentity) (store.StoredIdentity, error) {
	if err := alive(ctx); err != nil {
		return store.StoredIdentity{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.byID[identity.ClientID]; taken {
		return store.StoredIdentity{}, dffmpeg.Errorf(dffmpeg.CodeConflict, "Identity %s exists", identity.ClientID)
	}
	identity = copyIdentity(identity)
	identity.CreatedAt = transition.Stamp(s.now())
	s.byID[identity.ClientID] = identity
	return copyIdentity(identity), nil
}

// Identity implements store.Identities.
func (s *Identities) Identity(ctx context.Context, clientID string) (store.StoredIdentity, error) {
	var found store.StoredIdentity
	err := s.with(ctx, clientID, func(identity store.StoredIdentity) error {
		found = copyIdentity(identity)
		return nil
	})
	return found, err
}

// ListIdentities implements store.Identities.
func (s *Identities) ListIdentities(ctx context.Context) ([]store.StoredIdentity, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []store.StoredIdentity
	for _, clientID := range slices.Sorted(maps.Keys(s.byID)) {
		all = append(all, copyIdentity(s.byID[clientID]))
	}
	return all, nil
}

// DeleteIdentity implements store.Identities.
func (s *Identities) DeleteIdentity(ctx context.Context, clientID string) error {
	return s.with(ctx, clientID, func(store.StoredIdentity) error {
		delete(s.byID, clientID)
		return nil
	})
}

// ReplaceKey implements store.Identities.
func (s *Identities) ReplaceKey(ctx context.Context, clientID string, old, sealed store.SealedKey) error {
	return s.with(ctx, clientID, func(identity store.StoredIdentity) error {
		if identity.Key != old {
			return dffmpeg.Errorf(dffmpeg.CodeConflict, "The key of %s was replaced meanwhile", clientID)
		}
		identity.Key = sealed
		s.byID[clientID] = identity
		return nil
	})
}

// SetScope implements store.Identities.
func (s *Identities) SetScope(ctx context.Context, clientID string, cidrs []netip.Prefix) error {
	return s.with(ctx, clientID, func(identity store.StoredIdentity) error {
		identity.AllowedCIDRs = cidrs
		s.byID[clientID] = copyIdentity(identity)
		return nil
	})
}

// SetRole implements store.Identities.
func (s *Identities) SetRole(ctx context.Context, clientID string, role dffmpeg.Role) error {
	return s.with(ctx, clientID, func(identity store.StoredIdentity) error {
		identity.Role = role
		s.byID[clientID] = identity
		return nil
	})
}

// SetPriorities implements store.Identities.
func (s *Identities) SetPriorities(ctx context.Context, clientID string, priorities dffmpeg.Priorities) error {
	return s.with(ctx, clientID, func(identity store.StoredIdentity) error {
		identity.Priorities = priorities
		s.byID[clientID] = copyIdentity(identity)
		return nil
	})
}

// Ping implements store.Identities.
func (s *Identities) Ping(ctx context.Context) error { return alive(ctx) }

// Close implements store.Identities.
func (s *Identities) Close() error { return nil }

// with calls use with an identity, under the mutex.
func (s *Identities) with(ctx context.Context, clientID string, use func(store.StoredIdentity) error) error {
	if err := alive(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	identity, ok := s.byID[clientID]
	if !ok {
		return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Identity %s not found", clientID)
	}
	return use(identity)
}

func copyIdentity(identity store.StoredIdentity) store.StoredIdentity {
	identity.AllowedCIDRs = slices.Clone(identity.AllowedCIDRs)
	identity.Priorities.Default, identity.Priorities.Ceiling = copyOf(identity.Priorities.Default), copyOf(identity.Priorities.Ceiling)
	return identity
}
