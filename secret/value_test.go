package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
)

const text = "pa55-w0rd"

// config holds a secret as configuration does, and where fmt calls no methods.
type config struct {
	Key    secret.Value `json:"key"`
	hidden secret.Value
	list   []secret.Value
	byName map[string]secret.Value
}

func newConfig() config {
	v := secret.New(text)
	return config{Key: v, hidden: v, list: []secret.Value{v}, byName: map[string]secret.Value{"a": v}}
}

func TestNoVerbShowsTheText(t *testing.T) {
	v, c := secret.New(text), newConfig()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t", "%p", "%T", "%10s", "%08b", "%e", "%U", "%!"} {
		for _, operand := range []any{v, &v, c, &c, []secret.Value{v}, map[secret.Value]int{v: 1}, any(c), c.list, c.byName} {
			shown := fmt.Sprintf(verb, operand)
			for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprint([]byte(text))} {
				if strings.Contains(shown, form) {
					t.Errorf("Sprintf(%q, %T) shows the secret: %s", verb, operand, shown)
				}
			}
		}
	}
}

func TestEveryVerbShowsTheRedactedForm(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if shown := fmt.Sprintf(verb, secret.New(text)); shown != "[redacted]" {
			t.Errorf("Sprintf(%q) = %s", verb, shown)
		}
	}
}

func TestEncodingsShowThatASecretIsSet(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("set", "key", secret.New(text), "config", newConfig())
	slog.New(slog.NewTextHandler(&log, nil)).Info("set", "key", secret.New(text), "config", newConfig())
	encoded, err := json.Marshal(newConfig())
	if err != nil {
		t.Fatal(err)
	}
	wrapped := fmt.Errorf("log in with %v: %w", secret.New(text), errors.New("refused"))
	for _, shown := range []string{log.String(), string(encoded), wrapped.Error(), secret.New(text).String()} {
		if strings.Contains(shown, text) || !strings.Contains(shown, "[redacted]") {
			t.Errorf("want the redacted form, got %s", shown)
		}
	}
}

func TestValueKeepsItsText(t *testing.T) {
	v := secret.New(text)
	if v.Reveal() != text || v.IsZero() {
		t.Errorf("Reveal() = %q, IsZero() = %t", v.Reveal(), v.IsZero())
	}
	if v != secret.New(text) || v == secret.New("other") {
		t.Error("== does not compare the texts")
	}
}

func TestUnmarshalTakesTheText(t *testing.T) {
	var c config
	if err := json.Unmarshal([]byte(`{"key":"`+text+`"}`), &c); err != nil {
		t.Fatal(err)
	}
	if c.Key.Reveal() != text {
		t.Errorf("read %q", c.Key.Reveal())
	}
}

func TestEmptyValueIsVisiblyEmpty(t *testing.T) {
	for name, v := range map[string]secret.Value{"zero": {}, "made": secret.New("")} {
		if !v.IsZero() || v.String() != "" || v.Reveal() != "" || v != (secret.Value{}) {
			t.Errorf("%s: IsZero() = %t, String() = %q, Reveal() = %q", name, v.IsZero(), v.String(), v.Reveal())
		}
	}
}
