// Package fernet is the encryption of identity keys that 0.4 uses: Fernet, as
// of https://github.com/fernet/spec (version 0x80: AES-128-CBC, HMAC-SHA256).
//
// A key is 32 bytes of base64, in the standard or the URL-safe alphabet. The
// time in a token is written and not checked: secrets at rest do not expire.
// The format has no room for a key ID, so it is not bound to the token.
package fernet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
)

const (
	version   = 0x80
	timeBytes = 8
	headBytes = 1 + timeBytes + aes.BlockSize // version, time, IV
	halfKey   = 16                            // signing key, then encryption key
	keyBytes  = 2 * halfKey
	shortest  = headBytes + aes.BlockSize + sha256.Size
)

// Provider implements secret.Provider.
type Provider struct{ now func() time.Time }

var _ secret.Provider = Provider{}

// New returns a provider; now is the clock that tokens are dated with.
func New(now func() time.Time) Provider { return Provider{now: now} }

// Algorithm returns "fernet".
func (Provider) Algorithm() string { return "fernet" }

// GenerateKey returns 32 random bytes in standard base64.
func (Provider) GenerateKey() (secret.Value, error) {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(key)), nil
}

// NewCipher implements secret.Provider.
func (p Provider) NewCipher(material secret.Value) (secret.Cipher, error) {
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSpace(material.Reveal()))
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("expected base64 of %d bytes (44 characters); make one with 'dffmpeg-admin security generate-key fernet'", keyBytes)
	}
	block, err := aes.NewCipher(key[halfKey:])
	if err != nil {
		return nil, err
	}
	return &fernet{signing: key[:halfKey], block: block, now: p.now}, nil
}

// fernet implements secret.Cipher.
type fernet struct {
	signing []byte
	block   cipher.Block
	now     func() time.Time
}

// Seal implements secret.Cipher.
func (f *fernet) Seal(plaintext secret.Value, _ string) (string, error) {
	var iv [aes.BlockSize]byte
	rand.Read(iv[:]) // never fails
	return f.seal(plaintext.Reveal(), f.now(), iv), nil
}

func (f *fernet) seal(plaintext string, now time.Time, iv [aes.BlockSize]byte) string {
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	token := binary.BigEndian.AppendUint64([]byte{version}, uint64(now.Unix()))
	token = append(token, iv[:]...)
	token = append(token, plaintext...)
	token = append(token, strings.Repeat(string(rune(padding)), padding)...)
	cipher.NewCBCEncrypter(f.block, iv[:]).CryptBlocks(token[headBytes:], token[headBytes:])
	return base64.URLEncoding.EncodeToString(append(token, f.sum(token)...))
}

// sum authenticates everything before it.
func (f *fernet) sum(head []byte) []byte {
	mac := hmac.New(sha256.New, f.signing)
	mac.Write(head)
	return mac.Sum(nil)
}

// Open implements secret.Cipher. The order of checks is the specification's;
// the padding is looked at only after the token proved authentic.
func (f *fernet) Open(token, _ string) (secret.Value, error) {
	raw, err := base64.URLEncoding.Strict().DecodeString(token)
	switch {
	case err != nil || strings.ContainsAny(token, "\r\n"): // which the decoder would skip
		return refuse("not URL-safe base64")
	case len(raw) > 0 && raw[0] != version:
		return refuse("not version 0x80")
	case len(raw) < shortest || (len(raw)-shortest)%aes.BlockSize != 0:
		return refuse("truncated")
	}
	head, sum := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(sum, f.sum(head)) {
		return refuse("the authentication code differs")
	}
	iv, text := head[headBytes-aes.BlockSize:headBytes], head[headBytes:]
	cipher.NewCBCDecrypter(f.block, iv).CryptBlocks(text, text)
	plaintext, err := unpad(text)
	if err != nil {
		return refuse(err.Error())
	}
	return secret.New(string(plaintext)), nil
}

// unpad removes PKCS #7 padding from whole blocks.
func unpad(text []byte) ([]byte, error) {
	padding := int(text[len(text)-1])
	if padding < 1 || padding > aes.BlockSize {
		return nil, errors.New("wrong padding")
	}
	text, pad := text[:len(text)-padding], text[len(text)-padding:]
	for _, b := range pad {
		if int(b) != padding {
			return nil, errors.New("wrong padding")
		}
	}
	return text, nil
}

func refuse(reason string) (secret.Value, error) {
	return secret.Value{}, fmt.Errorf("fernet token: %w: %s", secret.ErrInvalidToken, reason)
}
