package httpauth_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

func TestKeyText(t *testing.T) {
	key := httpauth.NewKey()
	if key == httpauth.NewKey() {
		t.Error("two new keys are equal")
	}
	if len(key.Reveal()) != httpauth.KeyTextLength {
		t.Errorf("text has %d characters", len(key.Reveal()))
	}
	for _, text := range []string{key.Reveal(), " " + key.Reveal() + "\r\n"} {
		parsed, err := httpauth.ParseKey(secret.New(text))
		if err != nil || parsed != key {
			t.Errorf("parsed a different key, error %v", err)
		}
	}
}

func TestZeroKeyIsEmpty(t *testing.T) {
	var key httpauth.Key
	if !key.IsZero() || key.Reveal() != "" || httpauth.NewKey().IsZero() {
		t.Errorf("IsZero() = %t, Reveal() = %q", key.IsZero(), key.Reveal())
	}
}

func TestKeyIsRedacted(t *testing.T) {
	key := httpauth.NewKey()
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ hidden httpauth.Key }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, operand := range []any{key, &key, holder{key}, []httpauth.Key{key}} {
			shown := fmt.Sprintf(verb, operand)
			for _, form := range []string{key.Reveal(), string(raw), fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]")} {
				if strings.Contains(shown, form) {
					t.Errorf("Sprintf(%q, %T) shows the key", verb, operand)
				}
			}
		}
	}
	if text, err := key.MarshalText(); err != nil || string(text) != "[redacted]" {
		t.Errorf("MarshalText() = %q, %v", text, err)
	}
}

func TestParseKeyExplains(t *testing.T) {
	thirtyThree := strings.Repeat("\xfb\xef\xbe", 11) // "++++" or "----"
	for _, c := range []struct{ name, text, explains string }{
		{"empty", " \n", "empty"},
		{"short", "AAECAwQ=", "8 characters instead of 44"},
		{"long", strings.Repeat("A", 64), "64 characters instead of 44"},
		{"localadmin of 0.4", base64.URLEncoding.EncodeToString([]byte(thirtyThree)), "localadmin"},
		{"33 bytes", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 33))), "33 bytes"},
		{"URL-safe", base64.URLEncoding.EncodeToString([]byte(thirtyThree[:32])), "URL-safe"},
		{"not base64", strings.Repeat("!", 44), "not standard base64"},
		{"trailing bits", strings.Repeat("A", 42) + "B=", "not standard base64"},
		{"line inside", strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 23) + "=", "45 characters instead of 44"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := httpauth.ParseKey(secret.New(c.text))
			if err == nil || !strings.Contains(err.Error(), c.explains) {
				t.Fatalf("error %v, want one that says %q", err, c.explains)
			}
			if text := strings.TrimSpace(c.text); text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("the error shows the text: %v", err)
			}
		})
	}
}
