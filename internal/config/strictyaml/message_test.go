package strictyaml

import (
	"errors"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	known := []string{"host", "port", "hmac_key", "hmac_key_file", "log_level", "log_format", "paths"}
	for text, want := range map[string]string{
		"hots": "host", "prot": "port", "hmackey": "hmac_key", "hmac-key-file": "hmac_key_file", "HOST": "",
		"loglevel": "log_level", "path": "paths", "zebra": "", "x": "", "": "",
	} {
		if got := Nearest(text, known); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What looks like a secret in the place of a key or of another value is not
// repeated.
func TestMisplacedSecrets(t *testing.T) {
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	type fields struct {
		Port int               `yaml:"port"`
		Keys map[string]string `yaml:"keys"`
	}
	// The key of 0.4's localadmin has no character that a name could not have.
	const localadmin = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
	for _, text := range []string{
		localadmin + ": " + key, "keys: {" + localadmin + ": }", key + ": 1", "port: " + key, "keys: {" + key + ": }", "keys: {'a:" + key + "': }", key + ": 1\n" + key + ": 2",
		"port: *" + key, "port: &" + key, "port: !" + key + " x", "port: \"\\" + key + "\"", "port: @" + key, "port: %" + key, "port: |" + key, "port: 1\n" + key,
	} {
		node, err := Parse("f", []byte(text))
		if node != nil {
			err = Join(err, node.Decode(&fields{}))
		}
		if err == nil || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), localadmin) {
			t.Errorf("%q: error %v, want one without the key", text, err)
		}
	}
}

func TestJoin(t *testing.T) {
	err := Join(
		Problems{{File: "b", Line: 1, Column: 1, Message: "x"}, {File: "a", Line: 10, Column: 2, Path: "k", Message: "x"}},
		nil,
		errors.New("other"),
		Problems{{File: "a", Line: 9, Column: 20, Message: "x"}, {File: "b", Line: 1, Column: 1, Message: "x"}},
	)
	want := "other\na:9:20: x\na:10:2: k: x\nb:1:1: x"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v, want\n%s", err, want)
	}
	if err := Join(nil, nil); err != nil {
		t.Errorf("nothing joined is %v", err)
	}
}

// Whatever text is written is read again as that text.
func TestEncodedTextIsReadAgain(t *testing.T) {
	type fields struct {
		Text   string            `yaml:"text"`
		List   []string          `yaml:"list"`
		Map    map[string]string `yaml:"map"`
		Secret secret.Value      `yaml:"secret"`
	}
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-+.:#'"!&*?|>%@{}\[\], ~=<a0\\\n\r\t/]{0,6}`),
		rapid.SampledFrom([]string{"null", "~", "yes", "1_0", "0x1", "1e3", "12:30", "---", "...", "- a", "<<", "=", ".inf", "\u2028", "\u0085", "\ufeff"})).
		Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
	// An element of a list or map is never blank.
	element := text.Filter(func(s string) bool { return strings.TrimSpace(s) != "" })
	rapid.Check(t, func(t *rapid.T) {
		want := fields{
			Text:   text.Draw(t, "text"),
			List:   rapid.SliceOf(element).Draw(t, "list"),
			Map:    rapid.MapOfN(rapid.StringMatching(`[a-z~:0-9"' ]{1,4}`), element, 0, 4).Draw(t, "map"),
			Secret: secret.New(text.Draw(t, "secret")),
		}
		document := Encode(want, Reveal)
		node, err := Parse("f", document)
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		var got fields
		if err := node.Decode(&got); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b secret.Value) bool { return a == b })); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", document, diff)
		}
	})
}

func TestNodesAreShownWithoutSecrets(t *testing.T) {
	node := mustParse(t, `
password: S3CRET
api_key: [S3CRET]
token: {a: S3CRET}
ssl_key: /key.pem
ssl_key_password: S3CRET
password_file: /password
key_id: k1
routing_key: r
url: amqp://me:S3CRET@host/
broken: "amqp://me:S3CRET@host:port/"
list: [{secret: S3CRET, a: 1}, true]
empty:
number: 0123
quoted: "5"
`)
	want := `password: "[redacted]"
api_key: "[redacted]"
token: "[redacted]"
ssl_key: /key.pem
ssl_key_password: "[redacted]"
password_file: /password
key_id: k1
routing_key: r
url: "amqp://me@host/"
broken: "[redacted]"
list:
  - secret: "[redacted]"
    a: 1
  - true
empty: null
number: "0123"
quoted: "5"
`
	if diff := cmp.Diff(want, string(Encode(node, Redact))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
