package peer

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

// agent is the user agent of these tests' peers.
const agent = "dffmpeg-test/1"

// gate is a coordinator below a base path that lets everybody in whose
// signature is right, and notes who came.
type gate struct {
	server *httptest.Server
	base   string
	keys   map[string]httpauth.Key

	mu      sync.Mutex
	arrived []string // "identity method path agent", or what was wrong
}

// newGate opens a gate below base ("" or "/…") for identities with these keys.
func newGate(t *testing.T, base string, keys map[string]httpauth.Key) *gate {
	t.Helper()
	g := &gate{base: base, keys: keys}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	note := g.examine(r)
	g.mu.Lock()
	g.arrived = append(g.arrived, note)
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`[]`))
}

// examine checks a request as a coordinator would, behind a reverse proxy that
// takes the base path off.
func (g *gate) examine(r *http.Request) string {
	path, below := strings.CutPrefix(r.URL.Path, g.base)
	if !below {
		return "not below " + g.base + ": " + r.URL.Path
	}
	credentials, err := httpauth.Parse(r.Header)
	if err == nil {
		err = credentials.Verify(g.keys[credentials.ClientID], r.Method, path, nil, time.Now())
	}
	if err != nil {
		return "not signed: " + err.Error()
	}
	return credentials.ClientID + " " + r.Method + " " + path + " " + r.UserAgent()
}

// seen returns who came since the last call.
func (g *gate) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	arrived := g.arrived
	g.arrived = nil
	return arrived
}

// url is what peers are told.
func (g *gate) url(t *testing.T) *url.URL {
	t.Helper()
	address, err := config.ParseAddress(g.server.URL + g.base)
	if err != nil {
		t.Fatal(err)
	}
	return address.URL()
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// load reads a client's configuration.
func load(t *testing.T, text string) *config.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dffmpeg-client.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadClient(path, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// wrongKeys are texts that are no keys, and what is to be said of them.
func wrongKeys() map[string]string {
	return map[string]string{
		"":                        "empty",
		"hunter2":                 "7 characters instead of 44",
		strings.Repeat("!", 44):   "not standard base64",
		strings.Repeat("key", 20): "60 characters instead of 44",
	}
}

// wantRefusal checks an error about a key that is none: it says what is wrong,
// whose key it is, and not the key.
func wantRefusal(t *testing.T, err error, id, key, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "hmac_key of "+id+": ") || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one about the hmac_key of %s that says %q", err, id, want)
		return
	}
	if key != "" && strings.Contains(err.Error(), key) {
		t.Errorf("the error shows the key: %v", err)
	}
}

// key returns a new key and its text.
func key() (httpauth.Key, secret.Value) {
	k := httpauth.NewKey()
	return k, k.Text()
}
