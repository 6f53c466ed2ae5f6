package httpauth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dffmpeg/dffmpeg/secret"
)

const (
	// KeyBytes is the size of an HMAC key.
	KeyBytes = 32
	// KeyTextLength is the length of a key's text: standard base64, padded.
	KeyTextLength = 44
)

// Key is the HMAC key of an identity. It is immutable and prints as
// "[redacted]"; only Reveal returns its text. The zero Key is no key: nothing
// can be signed with it and nothing verifies against it.
type Key struct {
	raw secret.Value // KeyBytes bytes, empty in the zero Key
}

// NewKey returns a new random key.
func NewKey() Key {
	raw := make([]byte, KeyBytes)
	rand.Read(raw) // never fails
	return Key{raw: secret.New(string(raw))}
}

// ParseKey reads a key's text, 44 characters of standard base64 for 32 bytes.
// White space around it is ignored: keys are read from files. The error does
// not contain the text.
func ParseKey(text secret.Value) (Key, error) {
	trimmed := strings.TrimSpace(text.Reveal())
	if trimmed == "" {
		return Key{}, fmt.Errorf("HMAC key: empty; give the %d characters that 'dffmpeg-admin user show --show-key' prints", KeyTextLength)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(trimmed)
	if err == nil && len(raw) == KeyBytes && len(trimmed) == KeyTextLength {
		return Key{raw: secret.New(string(raw))}, nil
	}
	return Key{}, fmt.Errorf("HMAC key: %s; make a new one with 'dffmpeg-admin user rotate-key'", keyProblem(trimmed))
}

// keyProblem says why text is not a key, without showing it.
func keyProblem(text string) string {
	if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")); err == nil && len(raw) == KeyBytes+1 {
		return fmt.Sprintf("this is %d bytes, the form of the key that 0.4 made for localadmin, which cannot sign (%d bytes can)", len(raw), KeyBytes)
	}
	if len(text) != KeyTextLength {
		return fmt.Sprintf("%d characters instead of %d", len(text), KeyTextLength)
	}
	if strings.ContainsAny(text, "-_") {
		return "URL-safe base64 (with '-' or '_') instead of standard base64 (with '+' and '/')"
	}
	return fmt.Sprintf("not standard base64 of %d bytes", KeyBytes)
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.raw.IsZero() }

// Text returns the key's 44 characters, for a store or a configuration file.
func (k Key) Text() secret.Value {
	if k.IsZero() {
		return secret.Value{}
	}
	return secret.New(base64.StdEncoding.EncodeToString([]byte(k.raw.Reveal())))
}

// Reveal returns the key's 44 characters in the clear, for the one place that
// shows them.
func (k Key) Reveal() string { return k.Text().Reveal() }

// String implements fmt.Stringer.
func (k Key) String() string { return k.raw.String() }

// GoString implements fmt.GoStringer.
func (k Key) GoString() string { return k.raw.String() }

// Format implements fmt.Formatter: no verb shows the key.
func (k Key) Format(f fmt.State, verb rune) { k.raw.Format(f, verb) }

// MarshalText implements encoding.TextMarshaler with the redacted form.
func (k Key) MarshalText() ([]byte, error) { return k.raw.MarshalText() }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return k.raw.LogValue() }
