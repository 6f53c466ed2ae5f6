package secret

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Keyring seals and opens secrets with named keys (encryption_keys and
// default_encryption_key_id of the configuration). What is stored is the key's
// ID and the token; an empty ID means that the text is plain, as in a 0.4
// database. It is immutable and safe for concurrent use.
type Keyring struct {
	ciphers   map[string]Cipher
	defaultID string
}

// NewKeyring returns a keyring of keys `algorithm:material` by key ID.
// defaultID names the key that Seal uses, "" for none. All problems are
// reported at once; errors name key IDs and never show a key.
func NewKeyring(registry Registry, keys map[string]Value, defaultID string) (*Keyring, error) {
	k := &Keyring{ciphers: make(map[string]Cipher, len(keys)), defaultID: defaultID}
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(keys)) {
		if id == "" {
			problems = append(problems, errPlain)
			continue
		}
		cipher, err := registry.NewCipher(keys[id])
		if err != nil {
			problems = append(problems, fmt.Errorf("encryption key %q: %w", id, err))
			continue
		}
		k.ciphers[id] = cipher
	}
	if _, configured := keys[defaultID]; defaultID != "" && !configured {
		err := &UnknownKeyError{KeyID: defaultID, Known: slices.Sorted(maps.Keys(keys))}
		problems = append(problems, fmt.Errorf("default encryption key: %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return k, nil
}

// KeyIDs returns the IDs of the keys, sorted.
func (k *Keyring) KeyIDs() []string { return slices.Sorted(maps.Keys(k.ciphers)) }

// DefaultID returns the ID of the key that Seal uses, "" when it stores plain
// text.
func (k *Keyring) DefaultID() string { return k.defaultID }

// Seal seals with the default key and returns the key's ID beside the token.
// Without a default key the token is the plain text and the ID is empty.
func (k *Keyring) Seal(plaintext Value) (keyID, token string, err error) {
	token, err = k.SealWith(k.defaultID, plaintext)
	return k.defaultID, token, err
}

// SealWith seals with a key of choice; the empty ID stores plain text. An ID
// that the keyring lacks is an *UnknownKeyError.
func (k *Keyring) SealWith(keyID string, plaintext Value) (token string, err error) {
	if keyID == "" {
		return plaintext.Reveal(), nil
	}
	cipher, err := k.cipher(keyID)
	if err != nil {
		return "", err
	}
	token, err = cipher.Seal(plaintext, keyID)
	if err != nil {
		return "", fmt.Errorf("seal with encryption key %q: %w", keyID, err)
	}
	return token, nil
}

// Open returns the plaintext of what Seal or SealWith returned. The error is
// an *UnknownKeyError when the keyring lacks the key, and wraps
// ErrInvalidToken when the token does not belong to it.
func (k *Keyring) Open(keyID, token string) (Value, error) {
	if keyID == "" {
		return New(token), nil
	}
	cipher, err := k.cipher(keyID)
	if err != nil {
		return Value{}, err
	}
	plaintext, err := cipher.Open(token, keyID)
	if err != nil {
		return Value{}, fmt.Errorf("open with encryption key %q: %w", keyID, err)
	}
	return plaintext, nil
}

func (k *Keyring) cipher(keyID string) (Cipher, error) {
	cipher, ok := k.ciphers[keyID]
	if !ok {
		return nil, &UnknownKeyError{KeyID: keyID, Known: k.KeyIDs()}
	}
	return cipher, nil
}

// UnknownKeyError is a key ID that the keyring lacks.
type UnknownKeyError struct {
	KeyID string
	Known []string // sorted
}

// Error implements error.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("no encryption key has the ID %q; known are %s; add it to encryption_keys or to encryption_keys_file", e.KeyID, list(e.Known))
}
