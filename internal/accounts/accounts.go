// Package accounts manages identities: their names, roles, scopes and keys. It
// is the one place where keys are made, sealed and opened; the store below it
// only sees sealed ones.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// Accounts manages the identities of one store. It may be used by several
// goroutines at once.
type Accounts struct {
	identities store.Identities
	keyring    *secret.Keyring
}

// New returns the management of the identities in a store, whose keys are
// sealed with keyring.
func New(identities store.Identities, keyring *secret.Keyring) *Accounts {
	return &Accounts{identities: identities, keyring: keyring}
}

// Add makes an identity with a new key and returns both; the key cannot be
// asked for later unless by Key. No cidrs means every address. One that exists
// is CodeConflict.
func (a *Accounts) Add(ctx context.Context, id string, role dffmpeg.Role, cidrs []netip.Prefix) (dffmpeg.Identity, secret.Value, error) {
	if err := dffmpeg.CheckClientID(id); err != nil {
		return dffmpeg.Identity{}, secret.Value{}, err
	}
	if !role.Valid() {
		return dffmpeg.Identity{}, secret.Value{}, badRole(role)
	}
	if len(cidrs) == 0 {
		cidrs = dffmpeg.AnyAddress()
	}
	key, sealed, err := a.newKey()
	if err != nil {
		return dffmpeg.Identity{}, secret.Value{}, err
	}
	stored, err := a.identities.AddIdentity(ctx, store.StoredIdentity{
		Identity: dffmpeg.Identity{ClientID: id, Role: role, AllowedCIDRs: cidrs},
		Key:      sealed,
	})
	return stored.Identity, key, err
}

func badRole(role dffmpeg.Role) error {
	return dffmpeg.Errorf(dffmpeg.CodeInvalid, "There is no role %q; use client, worker or admin", string(role))
}

// newKey makes a key and seals it with the default encryption key.
func (a *Accounts) newKey() (secret.Value, store.SealedKey, error) {
	key := httpauth.NewKey().Text()
	keyID, token, err := a.keyring.Seal(key)
	if err != nil {
		return secret.Value{}, store.SealedKey{}, fmt.Errorf("seal the new key: %w", err)
	}
	return key, store.SealedKey{KeyID: keyID, Text: token}, nil
}

// List returns all identities by name.
func (a *Accounts) List(ctx context.Context) ([]dffmpeg.Identity, error) {
	stored, err := a.identities.ListIdentities(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]dffmpeg.Identity, 0, len(stored))
	for _, s := range stored {
		list = append(list, s.Identity)
	}
	return list, nil
}

// Show returns one identity or CodeNotFound.
func (a *Accounts) Show(ctx context.Context, id string) (dffmpeg.Identity, error) {
	stored, err := a.identities.Identity(ctx, id)
	return stored.Identity, err
}

// Key returns an identity's key in the clear.
func (a *Accounts) Key(ctx context.Context, id string) (secret.Value, error) {
	stored, err := a.identities.Identity(ctx, id)
	if err != nil {
		return secret.Value{}, err
	}
	return a.open(stored)
}

func (a *Accounts) open(stored store.StoredIdentity) (secret.Value, error) {
	key, err := a.keyring.Open(stored.Key.KeyID, stored.Key.Text)
	if err != nil {
		return secret.Value{}, fmt.Errorf("key of %s: %w", stored.ClientID, err)
	}
	return key, nil
}

// Delete removes an identity; requests it signs are refused from then on.
func (a *Accounts) Delete(ctx context.Context, id string) error {
	return a.identities.DeleteIdentity(ctx, id)
}

// RotateKey gives an identity a new key and returns it; the old one is void at
// once. When somebody else rotates at the same time, one of the two gets
// CodeConflict.
func (a *Accounts) RotateKey(ctx context.Context, id string) (secret.Value, error) {
	stored, err := a.identities.Identity(ctx, id)
	if err != nil {
		return secret.Value{}, err
	}
	key, sealed, err := a.newKey()
	if err != nil {
		return secret.Value{}, err
	}
	return key, a.identities.ReplaceKey(ctx, id, stored.Key, sealed)
}

// SetScope replaces the addresses an identity may call from; at least one is
// needed.
func (a *Accounts) SetScope(ctx context.Context, id string, cidrs []netip.Prefix) error {
	if len(cidrs) == 0 {
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "A scope needs at least one address or CIDR block")
	}
	return a.identities.SetScope(ctx, id, cidrs)
}

// SetRole replaces an identity's role.
func (a *Accounts) SetRole(ctx context.Context, id string, role dffmpeg.Role) error {
	if !role.Valid() {
		return badRole(role)
	}
	return a.identities.SetRole(ctx, id, role)
}

// SetPriorities replaces which priorities an identity's jobs have and may have.
func (a *Accounts) SetPriorities(ctx context.Context, id string, priorities dffmpeg.Priorities) error {
	if problem := priorities.Problem(); problem != "" {
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "%s", problem)
	}
	return a.identities.SetPriorities(ctx, id, priorities)
}

// Target says how keys should be sealed.
type Target struct {
	KeyID string // the encryption key; "" for plain text
}

// Reencryption is what Reencrypt did.
type Reencryption struct {
	Changed []string         // identities whose key is sealed anew
	Failed  map[string]error // those whose key could not be opened or replaced
	Skipped int              // sealed as wanted before
}

// Reencrypt seals keys as target says: of one identity, or of all when id is
// empty, at most limit of them (0: no limit). Each is replaced only if it is
// still what was read. It goes on after a failure; the error it returns means
// that nothing more can be done.
func (a *Accounts) Reencrypt(ctx context.Context, id string, target Target, limit int) (Reencryption, error) {
	result := Reencryption{Failed: make(map[string]error)}
	if _, err := a.keyring.SealWith(target.KeyID, secret.New("probe")); err != nil {
		return result, err
	}
	stored, err := a.selected(ctx, id)
	if err != nil {
		return result, err
	}
	for _, s := range stored {
		switch {
		case ctx.Err() != nil:
			return result, ctx.Err()
		case s.Key.KeyID == target.KeyID:
			result.Skipped++
			continue
		case limit > 0 && len(result.Changed) >= limit:
			return result, nil
		}
		if err := a.reseal(ctx, s, target); err != nil {
			result.Failed[s.ClientID] = err
			continue
		}
		result.Changed = append(result.Changed, s.ClientID)
	}
	return result, nil
}

func (a *Accounts) selected(ctx context.Context, id string) ([]store.StoredIdentity, error) {
	if id == "" {
		return a.identities.ListIdentities(ctx)
	}
	one, err := a.identities.Identity(ctx, id)
	return []store.StoredIdentity{one}, err
}

func (a *Accounts) reseal(ctx context.Context, s store.StoredIdentity, target Target) error {
	key, err := a.open(s)
	if err != nil {
		return err
	}
	if _, err := httpauth.ParseKey(key); err != nil {
		return errors.New("its key is not a key; rotate it")
	}
	token, err := a.keyring.SealWith(target.KeyID, key)
	if err != nil {
		return err
	}
	return a.identities.ReplaceKey(ctx, s.ClientID, s.Key, store.SealedKey{KeyID: target.KeyID, Text: token})
}
