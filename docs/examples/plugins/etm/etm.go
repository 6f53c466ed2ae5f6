// Package etm encrypts the keys of identities with AES-256 in counter mode and
// authenticates them with HMAC-SHA256. It shows what a provider needs; use the
// built-in aesgcm.
package etm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/dffmpeg/dffmpeg/secret"
)

const half = 32 // bytes for each of the two algorithms

// Provider implements secret.Provider.
type Provider struct{}

// Algorithm is what stands before the ':' of a key.
func (Provider) Algorithm() string { return "etm" }

// GenerateKey returns two random keys in one text.
func (Provider) GenerateKey() (secret.Value, error) {
	key := make([]byte, 2*half)
	rand.Read(key) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(key)), nil
}

// NewCipher implements secret.Provider.
func (Provider) NewCipher(material secret.Value) (secret.Cipher, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(material.Reveal())
	if err != nil || len(key) != 2*half {
		return nil, fmt.Errorf("expected standard base64 of %d bytes", 2*half)
	}
	block, err := aes.NewCipher(key[:half])
	return sealer{block, key[half:]}, err
}

type sealer struct {
	block cipher.Block
	key   []byte
}

// tag authenticates a token and the name of its key.
func (s sealer) tag(text []byte, keyID string) []byte {
	h := hmac.New(sha256.New, s.key)
	fmt.Fprintf(h, "%d:%s", len(keyID), keyID)
	h.Write(text)
	return h.Sum(nil)
}

// Seal implements secret.Cipher.
func (s sealer) Seal(plaintext secret.Value, keyID string) (string, error) {
	text := make([]byte, aes.BlockSize, aes.BlockSize+len(plaintext.Reveal())+sha256.Size)
	rand.Read(text) // never fails
	text = append(text, plaintext.Reveal()...)
	cipher.NewCTR(s.block, text[:aes.BlockSize]).XORKeyStream(text[aes.BlockSize:], text[aes.BlockSize:])
	return base64.RawURLEncoding.EncodeToString(append(text, s.tag(text, keyID)...)), nil
}

// Open implements secret.Cipher.
func (s sealer) Open(token, keyID string) (secret.Value, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err == nil && base64.RawURLEncoding.EncodeToString(raw) != token {
		err = errors.New("it has line breaks") // which the decoder skips
	}
	if err != nil || len(raw) < aes.BlockSize+sha256.Size {
		return secret.Value{}, fmt.Errorf("etm token: %w", secret.ErrInvalidToken)
	}
	text, tag := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(tag, s.tag(text, keyID)) {
		return secret.Value{}, fmt.Errorf("etm token: %w", secret.ErrInvalidToken)
	}
	cipher.NewCTR(s.block, text[:aes.BlockSize]).XORKeyStream(text[aes.BlockSize:], text[aes.BlockSize:])
	return secret.New(string(text[aes.BlockSize:])), nil
}
