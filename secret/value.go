// Package secret holds the type of secret values and the contract of the
// providers that encrypt identity keys at rest.
package secret

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// redacted is what a secret shows in place of itself.
const redacted = "[redacted]"

// Value is text that must never appear in a log, an error or a page: an HMAC
// key, a password, a token. Every usual way of printing or encoding it yields
// "[redacted]"; only Reveal returns the text. The zero Value is empty and
// prints as the empty string, so that "not set" stays visible.
//
// A Value is immutable, comparable with == and safe for concurrent use.
type Value struct {
	// Behind a handle, so that a struct with a Value in an unexported field
	// prints an address: fmt calls no methods there.
	text unique.Handle[string]
}

// New wraps text.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{text: unique.Make(text)}
}

// Reveal returns the secret text, for the one place that needs it.
func (v Value) Reveal() string {
	if v.IsZero() {
		return ""
	}
	return v.text.Value()
}

// IsZero reports whether no secret is set.
func (v Value) IsZero() bool { return v == Value{} }

// String implements fmt.Stringer.
func (v Value) String() string {
	if v.IsZero() {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter: every verb prints what String returns.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// GoString implements fmt.GoStringer, so that %#v is safe as well.
func (v Value) GoString() string { return v.String() }

// MarshalText implements encoding.TextMarshaler: JSON, YAML and everything
// built on it show the redacted form.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: reading takes the text.
func (v *Value) UnmarshalText(text []byte) error {
	*v = New(string(text))
	return nil
}

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }
