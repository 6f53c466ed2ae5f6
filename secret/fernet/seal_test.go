package fernet

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/secret"
)

// TestSealsByteForByte makes the very tokens that 0.4 made, given their time
// and their IV.
func TestSealsByteForByte(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		KeyString string `json:"key_string"`
		Plaintext string `json:"plaintext"`
		Token     string `json:"token"`
		Created   int64  `json:"created"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		c, err := New(time.Now).NewCipher(secret.New(strings.TrimPrefix(v.KeyString, "fernet:")))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.URLEncoding.DecodeString(v.Token)
		if err != nil {
			t.Fatal(err)
		}
		iv := [aes.BlockSize]byte(raw[1+timeBytes : headBytes])
		if got := c.(*fernet).seal(v.Plaintext, time.Unix(v.Created, 0), iv); got != v.Token {
			t.Errorf("sealed %q\n got %s\nwant %s", v.Plaintext, got, v.Token)
		}
	}
}

// TestSealDatesTokens checks that the injected clock is the one used.
func TestSealDatesTokens(t *testing.T) {
	provider := New(func() time.Time { return time.Unix(0x0102030405, 0) })
	material, err := provider.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := provider.NewCipher(material)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Seal(secret.New("x"), "")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(raw[:1+timeBytes]), "\x80\x00\x00\x00\x01\x02\x03\x04\x05"; got != want {
		t.Errorf("token begins with %x, want %x", got, want)
	}
}

// TestRefusesAuthenticNonsense opens tokens that carry the right
// authentication code and are malformed all the same, as a faulty writer with
// the key would make them.
func TestRefusesAuthenticNonsense(t *testing.T) {
	opened, err := New(time.Now).NewCipher(secret.New(strings.Repeat("A", 43) + "="))
	if err != nil {
		t.Fatal(err)
	}
	f := opened.(*fernet)
	token := func(blocks string) string {
		head := []byte("\x80" + strings.Repeat("\x00", timeBytes+aes.BlockSize) + blocks)
		whole := head[headBytes : len(head)-len(blocks)%aes.BlockSize]
		cipher.NewCBCEncrypter(f.block, head[headBytes-aes.BlockSize:headBytes]).CryptBlocks(whole, whole)
		return base64.URLEncoding.EncodeToString(append(head, f.sum(head)...))
	}
	for _, c := range []struct{ name, blocks, reason string }{
		{"no block", "", "truncated"},
		{"part of a block", strings.Repeat("\x01", 17), "truncated"},
		{"no padding", strings.Repeat("\x00", 16), "padding"},
		{"padding longer than a block", strings.Repeat("\x11", 32), "padding"},
		{"uneven padding", strings.Repeat("x", 13) + "\x02\x03\x03", "padding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.Open(token(c.blocks), "")
			if !errors.Is(err, secret.ErrInvalidToken) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("error %v, want ErrInvalidToken because of %s", err, c.reason)
			}
		})
	}
	if text, err := f.Open(token("fine"+strings.Repeat("\x0c", 12)), ""); err != nil || text.Reveal() != "fine" {
		t.Errorf("opened %q, error %v", text.Reveal(), err)
	}
}
