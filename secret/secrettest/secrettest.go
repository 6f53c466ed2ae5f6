// Package secrettest is the conformance suite of secret.Provider. A provider's
// test calls Run; every obligation in the contract's documentation has its
// subtest here.
package secrettest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
)

// Features declares what a provider's format can do.
type Features struct {
	// BindsKeyID says that a token sealed under one key ID does not open under
	// another, with the same key.
	BindsKeyID bool
}

// keyID is the name that keys have in the suite.
const keyID = "2024-05"

// Run runs the suite.
func Run(t *testing.T, provider secret.Provider, features Features) {
	t.Run("Registers", func(t *testing.T) { testRegisters(t, provider) })
	t.Run("GenerateKey", func(t *testing.T) { testGenerateKey(t, provider) })
	t.Run("RefusesMalformedKeys", func(t *testing.T) { testMalformedKeys(t, provider) })
	t.Run("RoundTrip", func(t *testing.T) { testRoundTrip(t, provider) })
	t.Run("SealsDifferentlyEachTime", func(t *testing.T) { testFresh(t, provider) })
	t.Run("RefusesTheWrongKey", func(t *testing.T) { testWrongKey(t, provider) })
	t.Run("RefusesDamagedTokens", func(t *testing.T) { testDamaged(t, provider) })
	t.Run("BindsKeyID", func(t *testing.T) { testKeyID(t, provider, features.BindsKeyID) })
	t.Run("Concurrent", func(t *testing.T) { testConcurrent(t, provider) })
}

// FuzzOpen fuzzes Open, seeded with a token that the cipher opens: whatever the
// token, it must not panic, and must open that one only.
func FuzzOpen(f *testing.F, cipher secret.Cipher, keyID, sealed string) {
	if _, err := cipher.Open(sealed, keyID); err != nil {
		f.Fatalf("the seed does not open: %v", err)
	}
	for _, token := range []string{"", "gAAAAA==", "%", "\n", sealed, sealed[1:], sealed[:len(sealed)-4]} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := cipher.Open(token, keyID)
		if err == nil && token != sealed {
			t.Errorf("opened a token that was not sealed: %q", token)
		}
		if err != nil && !errors.Is(err, secret.ErrInvalidToken) {
			t.Errorf("error %v does not wrap ErrInvalidToken", err)
		}
	})
}

func testRegisters(t *testing.T, provider secret.Provider) {
	registry, err := secret.NewRegistry(provider)
	if err != nil {
		t.Fatal(err)
	}
	key, err := registry.GenerateKey(provider.Algorithm())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := secret.NewKeyring(registry, map[string]secret.Value{keyID: key}, keyID)
	if err != nil {
		t.Fatalf("a generated key is not accepted in a keyring: %v", err)
	}
	id, token, err := ring.Seal(secret.New("text"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := ring.Open(id, token); err != nil || opened.Reveal() != "text" {
		t.Errorf("keyring opened %q, error %v", opened.Reveal(), err)
	}
}

func testGenerateKey(t *testing.T, provider secret.Provider) {
	seen := make(map[string]bool)
	for range 16 {
		material, err := provider.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		if !printable(material.Reveal()) {
			t.Errorf("key material is not printable ASCII without white space")
		}
		if seen[material.Reveal()] {
			t.Errorf("the same key was generated twice")
		}
		seen[material.Reveal()] = true
	}
}

func testMalformedKeys(t *testing.T, provider secret.Provider) {
	good, err := provider.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, material := range map[string]string{
		"empty":     "",
		"truncated": good.Reveal()[:len(good.Reveal())/2],
		"doubled":   good.Reveal() + good.Reveal(),
		"words":     "correct horse battery staple, correct horse!",
		"bytes":     "\x00\xff\xfe" + good.Reveal(),
	} {
		_, err := provider.NewCipher(secret.New(material))
		switch {
		case err == nil:
			t.Errorf("%s: accepted as a key", name)
		case material != "" && strings.Contains(err.Error(), material):
			t.Errorf("%s: the error shows the key material", name)
		}
	}
}

func testRoundTrip(t *testing.T, provider secret.Provider) {
	cipher := newCipher(t, provider)
	plaintexts := []string{"", "x", "kéy with spaces", "Ff4FbkRLxcEy4pwO3AQoANdrMYi0oRkcAUS+iUPoBAs=", "\x00\xff\n", strings.Repeat("long ", 13107)}
	for length := range 50 {
		plaintexts = append(plaintexts, strings.Repeat("p", length))
	}
	for _, plaintext := range plaintexts {
		token := seal(t, cipher, plaintext)
		if !printable(token) {
			t.Errorf("token of %d bytes of plaintext is not printable ASCII without white space", len(plaintext))
		}
		if len(plaintext) > 8 && strings.Contains(token, plaintext) {
			t.Errorf("token contains the plaintext")
		}
		opened, err := cipher.Open(token, keyID)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		if opened.Reveal() != plaintext {
			t.Errorf("opened %q, sealed %q", opened.Reveal(), plaintext)
		}
	}
}

func testFresh(t *testing.T, provider secret.Provider) {
	cipher := newCipher(t, provider)
	first, second := seal(t, cipher, "same"), seal(t, cipher, "same")
	if first == second {
		t.Errorf("two seals of one plaintext are equal")
	}
}

func testWrongKey(t *testing.T, provider secret.Provider) {
	cipher := newCipher(t, provider)
	other := newCipher(t, provider)
	refused(t, other, seal(t, cipher, "plaintext"), "sealed with another key")
}

// testDamaged changes every character of a token in turn, drops it, and cuts
// the token there.
func testDamaged(t *testing.T, provider secret.Provider) {
	cipher := newCipher(t, provider)
	token := seal(t, cipher, "the plaintext")
	for i := range token {
		for _, c := range []byte{'A', 'w', '=', '\n', 0, token[i] ^ 1, token[i] + 1} {
			if c == token[i] {
				continue
			}
			refused(t, cipher, token[:i]+string(rune(c))+token[i+1:], fmt.Sprintf("character %d changed to %q", i, c))
		}
		refused(t, cipher, token[:i]+token[i+1:], fmt.Sprintf("character %d dropped", i))
		refused(t, cipher, token[:i], fmt.Sprintf("cut at %d", i))
	}
	for _, extra := range []string{"\n", " ", "=", "A", "AAAA", token} {
		refused(t, cipher, token+extra, fmt.Sprintf("%d characters appended", len(extra)))
		refused(t, cipher, extra+token, fmt.Sprintf("%d characters put before", len(extra)))
	}
}

func testKeyID(t *testing.T, provider secret.Provider, binds bool) {
	cipher := newCipher(t, provider)
	token := seal(t, cipher, "plaintext")
	if _, err := cipher.Open(token, "another"); (err != nil) != binds {
		t.Errorf("opening under another key ID: error %v, but BindsKeyID is %t", err, binds)
	}
}

func testConcurrent(t *testing.T, provider secret.Provider) {
	cipher := newCipher(t, provider)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			plaintext := strings.Repeat("x", i)
			for range 50 {
				token, err := cipher.Seal(secret.New(plaintext), keyID)
				if err != nil {
					t.Error(err)
					return
				}
				if opened, err := cipher.Open(token, keyID); err != nil || opened.Reveal() != plaintext {
					t.Errorf("opened %q, error %v; sealed %q", opened.Reveal(), err, plaintext)
				}
			}
		})
	}
	group.Wait()
}

func newCipher(tb testing.TB, provider secret.Provider) secret.Cipher {
	tb.Helper()
	material, err := provider.GenerateKey()
	if err != nil {
		tb.Fatal(err)
	}
	cipher, err := provider.NewCipher(material)
	if err != nil {
		tb.Fatal(err)
	}
	return cipher
}

func seal(tb testing.TB, cipher secret.Cipher, plaintext string) string {
	tb.Helper()
	token, err := cipher.Seal(secret.New(plaintext), keyID)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// refused fails the test unless the token is refused as the contract says.
func refused(t *testing.T, cipher secret.Cipher, token, what string) {
	t.Helper()
	opened, err := cipher.Open(token, keyID)
	switch {
	case err == nil:
		t.Errorf("%s: opened", what)
	case !errors.Is(err, secret.ErrInvalidToken):
		t.Errorf("%s: error %v does not wrap ErrInvalidToken", what, err)
	case !opened.IsZero():
		t.Errorf("%s: a plaintext came with the error", what)
	case len(token) > 8 && strings.Contains(err.Error(), token):
		t.Errorf("%s: the error shows the token", what)
	}
}

// printable reports whether text is ASCII without white space and control
// characters.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}
