package legacy

import (
	"context"
	"errors"
	"fmt"
	"unicode"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

// bootstrapID is the identity that 0.4 makes for its own admin tool. Its key
// has a form that nobody else can use.
const bootstrapID = "localadmin"

// identityKey is the column that tells identities apart.
const identityKey = "client_id"

// maxKeyText bounds a sealed key; a token for a key has about 200 bytes.
const maxKeyText = 4096

// identity is one of 0.4 with its key.
type identity struct {
	dffmpeg.Identity
	key httpauth.Key
}

// identityTable returns the table of identities.
func (d *Database) identityTable(ctx context.Context) (*table, error) {
	return d.table(ctx, d.tables.Auth, []string{identityKey, "role", "hmac_key"}, []string{"key_id", "allowed_cidrs"})
}

// readIdentity reads a row.
func readIdentity(r row, keyring *secret.Keyring) (identity, error) {
	var (
		found identity
		err   error
	)
	if found.ClientID, err = clientID(r); err != nil {
		return found, err
	}
	found.Role = dffmpeg.Role(r["role"].String)
	if !found.Role.Valid() {
		return found, fmt.Errorf("there is no role %q", r["role"].String)
	}
	if found.AllowedCIDRs = dffmpeg.AnyAddress(); r["allowed_cidrs"].Valid {
		texts, err := r.texts("allowed_cidrs")
		if err != nil {
			return found, err
		}
		if found.AllowedCIDRs, err = httpauth.ParsePrefixes(texts); err != nil {
			return found, fmt.Errorf("allowed_cidrs: %w", err)
		}
		if len(found.AllowedCIDRs) == 0 {
			return found, errors.New("it may call from nowhere: allowed_cidrs is empty")
		}
	}
	found.key, err = readKey(r, keyring)
	return found, err
}

// readKey reads and opens the key of a row. Errors do not show it.
func readKey(r row, keyring *secret.Keyring) (httpauth.Key, error) {
	text, err := r.text("hmac_key", maxKeyText)
	if err != nil {
		return httpauth.Key{}, err
	}
	plain := secret.New(text)
	if keyID := r["key_id"].String; keyID != "" {
		if keyring == nil {
			return httpauth.Key{}, fmt.Errorf("its key is sealed with the encryption key %q, and none is known", keyID)
		}
		if plain, err = keyring.Open(keyID, text); err != nil {
			return httpauth.Key{}, fmt.Errorf("its key: %w", err)
		}
	}
	key, err := httpauth.ParseKey(plain)
	if err != nil {
		return httpauth.Key{}, fmt.Errorf("its key: %w", err)
	}
	return key, nil
}

// clientID returns the name of an identity: any that can sign requests, also one
// that a new identity could not have.
func clientID(r row) (string, error) {
	id, err := r.text(identityKey, dffmpeg.MaxClientIDBytes)
	if err != nil {
		return "", err
	}
	for _, c := range id {
		if unicode.IsControl(c) {
			return "", fmt.Errorf("its name contains the control character %U", c)
		}
	}
	return id, nil
}
