// Package aead is the encryption of identity keys that new installations
// should use: AES-256-GCM with a random nonce, the key ID as additional data,
// so that a token cannot be moved to another key's name.
//
// A key is 32 bytes of standard base64; a token is base64 of nonce, ciphertext
// and tag. One key may seal about 2³² secrets, the limit of random nonces.
package aead

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/dffmpeg/dffmpeg/secret"
)

const keyBytes = 32

// Provider implements secret.Provider.
type Provider struct{}

var _ secret.Provider = Provider{}

// New returns a provider.
func New() Provider { return Provider{} }

// Algorithm returns "aesgcm".
func (Provider) Algorithm() string { return "aesgcm" }

// GenerateKey returns 32 random bytes in standard base64.
func (Provider) GenerateKey() (secret.Value, error) {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(key)), nil
}

// NewCipher implements secret.Provider.
func (Provider) NewCipher(material secret.Value) (secret.Cipher, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(material.Reveal()))
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("expected standard base64 of %d bytes (44 characters); make one with 'dffmpeg-admin security generate-key aesgcm'", keyBytes)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return sealer{gcm: gcm}, nil
}

// sealer implements secret.Cipher.
type sealer struct{ gcm cipher.AEAD }

// Seal implements secret.Cipher.
func (s sealer) Seal(plaintext secret.Value, keyID string) (string, error) {
	return base64.StdEncoding.EncodeToString(s.gcm.Seal(nil, nil, []byte(plaintext.Reveal()), []byte(keyID))), nil
}

// Open implements secret.Cipher.
func (s sealer) Open(token, keyID string) (secret.Value, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") { // which the decoder would skip
		return secret.Value{}, fmt.Errorf("aesgcm token: %w: not base64", secret.ErrInvalidToken)
	}
	plaintext, err := s.gcm.Open(nil, nil, raw, []byte(keyID))
	if err != nil {
		return secret.Value{}, fmt.Errorf("aesgcm token: %w", secret.ErrInvalidToken)
	}
	return secret.New(string(plaintext)), nil
}
