package secret

import "errors"

// ErrInvalidToken is wrapped by the error of [Cipher.Open] for a token that
// was not sealed with this key (and, where the provider binds it, under this
// key ID), or that was damaged since.
var ErrInvalidToken = errors.New("not sealed with this key, or damaged")

// Provider is an encryption algorithm for secrets at rest, such as HMAC keys
// in a database. Its conformance suite is package secrettest. A Provider may
// be used by several goroutines at once.
type Provider interface {
	// Algorithm returns the word that stands before the ':' of a key: lower
	// case letters and digits, never changing, since key files contain it.
	Algorithm() string
	// GenerateKey returns new random key material, in the text form that
	// NewCipher reads: printable, without white space.
	GenerateKey() (Value, error)
	// NewCipher returns a cipher for key material (what follows the ':'). The
	// error says what form is expected and does not contain the material.
	NewCipher(material Value) (Cipher, error)
}

// Cipher seals and opens with one key. It may be used by several goroutines at
// once.
type Cipher interface {
	// Seal encrypts and authenticates a plaintext of any bytes, of length zero
	// as well. The token is printable ASCII; sealing the same plaintext twice
	// gives different tokens. keyID is the name the key has in its keyring; a
	// provider binds it to the token if its format has room for that.
	Seal(plaintext Value, keyID string) (token string, err error)
	// Open returns the plaintext of a token. An error wraps ErrInvalidToken
	// and contains neither token nor plaintext. It never panics, whatever the
	// token.
	Open(token, keyID string) (Value, error)
}
