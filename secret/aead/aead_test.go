package aead_test

import (
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/aead"
	"github.com/dffmpeg/dffmpeg/secret/secrettest"
)

func TestConformance(t *testing.T) {
	secrettest.Run(t, aead.New(), secrettest.Features{BindsKeyID: true})
}

func FuzzOpen(f *testing.F) {
	cipher, err := aead.New().NewCipher(secret.New(storedKey))
	if err != nil {
		f.Fatal(err)
	}
	secrettest.FuzzOpen(f, cipher, "2026", storedToken)
}

// TestFormat opens a stored token, so that the format cannot change unnoticed.
func TestFormat(t *testing.T) {
	cipher, err := aead.New().NewCipher(secret.New(storedKey))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := cipher.Open(storedToken, "2026")
	if err != nil || opened.Reveal() != "kept" {
		t.Errorf("opened %q, error %v", opened.Reveal(), err)
	}
}

// storedToken is "kept" under storedKey and the key ID "2026", made with
// another implementation of AES-GCM and the nonce 0, 1, … 11.
const (
	storedKey   = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	storedToken = "AAECAwQFBgcICQoLLGemb7PqZLY1LiVKtNMkdevscLM="
)
