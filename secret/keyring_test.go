package secret_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/aead"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
)

func newRegistry(t *testing.T) secret.Registry {
	t.Helper()
	registry, err := secret.NewRegistry(fernet.New(time.Now), aead.New())
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// newKeys returns two keys, "old" for Fernet and "new" for AES-GCM.
func newKeys(t *testing.T) map[string]secret.Value {
	t.Helper()
	keys := make(map[string]secret.Value)
	for id, algorithm := range map[string]string{"old": "fernet", "new": "aesgcm"} {
		key, err := newRegistry(t).GenerateKey(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(key.Reveal(), algorithm+":") {
			t.Fatalf("generated key does not begin with %s:", algorithm)
		}
		keys[id] = key
	}
	return keys
}

func newKeyring(t *testing.T, defaultID string) *secret.Keyring {
	t.Helper()
	ring, err := secret.NewKeyring(newRegistry(t), newKeys(t), defaultID)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestKeyringSealsWithTheDefaultKey(t *testing.T) {
	ring := newKeyring(t, "new")
	id, token, err := ring.Seal(secret.New("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if id != "new" || strings.Contains(token, "plain") {
		t.Errorf("sealed as %q with key %q", token, id)
	}
	if opened, err := ring.Open(id, token); err != nil || opened.Reveal() != "plain" {
		t.Errorf("opened %q, error %v", opened.Reveal(), err)
	}
	if _, err := ring.Open("old", token); !errors.Is(err, secret.ErrInvalidToken) {
		t.Errorf("opening with another key: error %v, want ErrInvalidToken", err)
	}
}

func TestKeyringSealsWithAKeyOfChoice(t *testing.T) {
	ring := newKeyring(t, "new")
	token, err := ring.SealWith("old", secret.New("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := ring.Open("old", token); err != nil || opened.Reveal() != "plain" {
		t.Errorf("opened %q, error %v", opened.Reveal(), err)
	}
}

func TestKeyringWithoutDefaultStoresPlainText(t *testing.T) {
	ring := newKeyring(t, "")
	id, token, err := ring.Seal(secret.New("plain"))
	if err != nil || id != "" || token != "plain" {
		t.Errorf("sealed as %q with key %q, error %v", token, id, err)
	}
	if opened, err := ring.Open("", token); err != nil || opened.Reveal() != "plain" {
		t.Errorf("opened %q, error %v", opened.Reveal(), err)
	}
}

func TestKeyringNamesTheKnownKeys(t *testing.T) {
	ring := newKeyring(t, "")
	_, openErr := ring.Open("lost", "token")
	_, sealErr := ring.SealWith("lost", secret.New("x"))
	for _, err := range []error{openErr, sealErr} {
		var unknown *secret.UnknownKeyError
		if !errors.As(err, &unknown) {
			t.Fatalf("error %v, want an UnknownKeyError", err)
		}
		if want := (secret.UnknownKeyError{KeyID: "lost", Known: []string{"new", "old"}}); !cmp.Equal(*unknown, want) {
			t.Error(cmp.Diff(want, *unknown))
		}
	}
	if diff := cmp.Diff([]string{"new", "old"}, ring.KeyIDs()); diff != "" {
		t.Error(diff)
	}
}

func TestNewKeyringReportsEveryProblem(t *testing.T) {
	const material = "c2VjcmV0LWtleS1tYXRlcmlhbA=="
	_, err := secret.NewKeyring(newRegistry(t), map[string]secret.Value{
		"":       secret.New("fernet:" + material),
		"bare":   secret.New(material),
		"short":  secret.New("fernet:" + material),
		"typo":   secret.New("fernte:" + material),
		"swap":   secret.New(material + ":fernet"),
		"absent": {},
	}, "lost")
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		"empty key ID", `"bare"`, "algorithm:material", `"short"`, "44 characters", `"typo"`, `unknown encryption algorithm "fernte"`,
		"known are aesgcm, fernet", `"swap"`, `"absent"`, "default encryption key", `"lost"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not mention %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), material) {
		t.Errorf("the error shows key material:\n%v", err)
	}
	var unknown *secret.UnknownAlgorithmError
	if !errors.As(err, &unknown) {
		t.Errorf("error %v wraps no UnknownAlgorithmError", err)
	}
}

func TestGenerateKeyOfUnknownAlgorithm(t *testing.T) {
	_, err := newRegistry(t).GenerateKey("rot13")
	var unknown *secret.UnknownAlgorithmError
	if !errors.As(err, &unknown) || !cmp.Equal(unknown.Known, []string{"aesgcm", "fernet"}) {
		t.Errorf("error %v, want an UnknownAlgorithmError with the known ones", err)
	}
}

// named is a provider with another name.
type named struct {
	secret.Provider
	name string
}

func (n named) Algorithm() string { return n.name }

func TestRegistryRefusesAmbiguousNames(t *testing.T) {
	for _, name := range []string{"aesgcm", "", "has:colon", "Upper", "white space"} {
		if _, err := secret.NewRegistry(aead.New(), named{aead.New(), name}); err == nil {
			t.Errorf("a second provider named %q was accepted", name)
		}
	}
	if _, err := secret.NewRegistry(aead.New(), named{aead.New(), "other2"}); err != nil {
		t.Error(err)
	}
}

func TestZeroRegistryKnowsNothing(t *testing.T) {
	_, err := secret.NewKeyring(secret.Registry{}, newKeys(t), "")
	if err == nil || !strings.Contains(err.Error(), "known are none") {
		t.Errorf("error %v, want one that says that none are known", err)
	}
	if ring, err := secret.NewKeyring(secret.Registry{}, nil, ""); err != nil || len(ring.KeyIDs()) != 0 {
		t.Errorf("a keyring without keys: error %v", err)
	}
}
