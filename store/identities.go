package store

import (
	"context"
	"net/netip"

	"github.com/dffmpeg/dffmpeg"
)

// Identities keeps who may sign requests. It may live on another engine than
// the State.
type Identities interface {
	// AddIdentity stores a new identity; CreatedAt is set by the engine. One
	// that exists is CodeConflict.
	AddIdentity(ctx context.Context, identity StoredIdentity) (StoredIdentity, error)
	// Identity returns one identity or CodeNotFound.
	Identity(ctx context.Context, clientID string) (StoredIdentity, error)
	// ListIdentities returns all, by client ID.
	ListIdentities(ctx context.Context) ([]StoredIdentity, error)
	// DeleteIdentity removes one, or returns CodeNotFound.
	DeleteIdentity(ctx context.Context, clientID string) error
	// ReplaceKey exchanges an identity's sealed key if it still is old;
	// otherwise CodeConflict. CodeNotFound when there is no such identity.
	ReplaceKey(ctx context.Context, clientID string, old, sealed SealedKey) error
	// SetScope replaces the addresses an identity may call from.
	SetScope(ctx context.Context, clientID string, cidrs []netip.Prefix) error
	// SetRole replaces an identity's role.
	SetRole(ctx context.Context, clientID string, role dffmpeg.Role) error
	// SetPriorities replaces which priorities an identity's jobs have and may have.
	SetPriorities(ctx context.Context, clientID string, priorities dffmpeg.Priorities) error
	// Ping returns nil when the engine can serve reads and writes.
	Ping(ctx context.Context) error
	// Close releases the engine. It may be called twice.
	Close() error
}

// StoredIdentity is an identity with its key as the store holds it.
type StoredIdentity struct {
	dffmpeg.Identity
	Key SealedKey
}

// SealedKey is an HMAC key at rest.
type SealedKey struct {
	KeyID string // which encryption key sealed it; "" when Text is the plain key
	Text  string // never printed: see String
}

// String keeps the key out of logs.
func (k SealedKey) String() string { return "[redacted]" }

// GoString keeps the key out of logs.
func (k SealedKey) GoString() string { return "[redacted]" }
