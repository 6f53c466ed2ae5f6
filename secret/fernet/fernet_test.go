package fernet_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
	"github.com/dffmpeg/dffmpeg/secret/secrettest"
)

func TestConformance(t *testing.T) {
	secrettest.Run(t, fernet.New(time.Now), secrettest.Features{})
}

func FuzzOpen(f *testing.F) {
	cipher, err := fernet.New(time.Now).NewCipher(secret.New(specKey))
	if err != nil {
		f.Fatal(err)
	}
	secrettest.FuzzOpen(f, cipher, "", specToken)
}

// vector is a key and a token as 0.4 stores them.
type vector struct {
	KeyString string `json:"key_string"`
	Plaintext string `json:"plaintext"`
	Token     string `json:"token"`
	Created   int64  `json:"created"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	return vectors
}

// TestOpensWhat04Sealed goes through the keyring, as an imported database does.
func TestOpensWhat04Sealed(t *testing.T) {
	registry, err := secret.NewRegistry(fernet.New(time.Now))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors(t) {
		ring, err := secret.NewKeyring(registry, map[string]secret.Value{"k": secret.New(v.KeyString)}, "")
		if err != nil {
			t.Fatal(err)
		}
		plaintext, err := ring.Open("k", v.Token)
		if err != nil {
			t.Fatal(err)
		}
		if plaintext.Reveal() != v.Plaintext {
			t.Errorf("opened %q, want %q", plaintext.Reveal(), v.Plaintext)
		}
	}
}

// TestAcceptsEitherAlphabet opens one token with its key written both ways.
func TestAcceptsEitherAlphabet(t *testing.T) {
	v := vectors(t)[0]
	material := strings.TrimPrefix(v.KeyString, "fernet:")
	urlSafe := strings.NewReplacer("+", "-", "/", "_").Replace(material)
	if urlSafe == material {
		t.Fatal("the vector's key does not tell the alphabets apart")
	}
	for _, form := range []string{material, urlSafe, urlSafe + "\n"} {
		cipher, err := fernet.New(time.Now).NewCipher(secret.New(form))
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := cipher.Open(v.Token, ""); err != nil || opened.Reveal() != v.Plaintext {
			t.Errorf("opened %q, error %v", opened.Reveal(), err)
		}
	}
}

// The key and the valid token of the specification's generate.json, and its
// invalid.json without the cases about a time to live, which we do not check.
const (
	specKey   = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	specToken = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
)

func TestSpecificationToken(t *testing.T) {
	cipher, err := fernet.New(time.Now).NewCipher(secret.New(specKey))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := cipher.Open(specToken, ""); err != nil || opened.Reveal() != "hello" {
		t.Errorf("opened %q, error %v", opened.Reveal(), err)
	}
}

func TestSpecificationInvalidTokens(t *testing.T) {
	cipher, err := fernet.New(time.Now).NewCipher(secret.New(specKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, token, reason string }{
		{"incorrect MAC", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==", "authentication"},
		{"too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", "truncated"},
		{"invalid base64", "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==", "base64"},
		{"payload size not multiple of block size", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm", "truncated"},
		{"payload padding error", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==", "padding"},
		{"incorrect IV, so a padding error", "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==", "padding"},
		{"version 0x81", "gQ" + specToken[2:], "version"},
		{"empty", "", "truncated"},
		{"unpadded base64", strings.TrimRight(specToken, "="), "base64"},
		{"standard base64", strings.NewReplacer("-", "+", "_", "/").Replace(specToken), "base64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := cipher.Open(c.token, "")
			if !errors.Is(err, secret.ErrInvalidToken) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error %v, want ErrInvalidToken because of %s", err, c.reason)
			}
		})
	}
}
