package fernet

import (
	"crypto/aes"
	"encoding/base64"
	"encoding/json"
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
