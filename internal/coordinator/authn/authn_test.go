package authn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

const (
	known = "jellyfin"
	path  = "/jobs/submit"
)

// plainKeys opens keys that are stored in the clear.
type plainKeys struct{ err error }

func (k plainKeys) Open(_, token string) (secret.Value, error) { return secret.New(token), k.err }

// gate is an authenticator with one identity, and what it wrote to the log.
type gate struct {
	*authn.Authenticator
	key  httpauth.Key
	log  *bytes.Buffer
	now  time.Time
	keys *plainKeys
	*memory.Identities
}

func newGate(tb testing.TB, scope ...string) *gate {
	tb.Helper()
	g := &gate{
		key: httpauth.NewKey(), log: &bytes.Buffer{}, now: time.Unix(1_800_000_000, 0), keys: &plainKeys{},
		Identities: memory.NewIdentities(time.Now),
	}
	cidrs := dffmpeg.AnyAddress()
	if len(scope) > 0 {
		var err error
		if cidrs, err = httpauth.ParsePrefixes(scope); err != nil {
			tb.Fatal(err)
		}
	}
	_, err := g.AddIdentity(context.Background(), store.StoredIdentity{
		Identity: dffmpeg.Identity{ClientID: known, Role: dffmpeg.RoleClient, AllowedCIDRs: cidrs},
		Key:      store.SealedKey{Text: g.key.Reveal()},
	})
	if err != nil {
		tb.Fatal(err)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	g.Authenticator = authn.New(g.Identities, g.keys, trusted, slog.New(slog.NewTextHandler(g.log, nil)), func() time.Time { return g.now })
	return g
}

// request returns a request that the known identity signed.
func (g *gate) request(tb testing.TB, body []byte) *http.Request {
	tb.Helper()
	r := httptest.NewRequest(http.MethodPost, path+"?signed=no", bytes.NewReader(body))
	signer, err := httpauth.NewSigner(known, g.key, "")
	if err == nil {
		err = signer.Sign(r, body, g.now)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestAuthentic(t *testing.T) {
	g := newGate(t)
	body := []byte(`{"a":1}`)
	identity, err := g.Authenticate(g.request(t, body), body)
	if err != nil || identity.ClientID != known || identity.Role != dffmpeg.RoleClient {
		t.Errorf("identity %+v, error %v", identity, err)
	}
	if g.log.Len() > 0 {
		t.Errorf("the log has: %s", g.log)
	}
}

// TestRefused: each refusal has 0.4's detail; the log says more, and neither
// shows a key or a signature.
func TestRefused(t *testing.T) {
	body := []byte(`{"a":1}`)
	for _, c := range []struct {
		name, detail, log string
		alter             func(*gate, *http.Request)
	}{
		{"unsigned", httpauth.DetailRequired, "", func(_ *gate, r *http.Request) { r.Header = http.Header{} }},
		{"half signed", httpauth.DetailIncomplete, "", func(_ *gate, r *http.Request) { r.Header.Del(httpauth.HeaderSignature) }},
		{"unknown user", httpauth.DetailUser, "client=nobody", func(_ *gate, r *http.Request) { r.Header.Set(httpauth.HeaderClientID, "nobody") }},
		{"signature", httpauth.DetailSignature, "does not match", func(_ *gate, r *http.Request) { r.Header.Set(httpauth.HeaderSignature, "bm8=") }},
		{"method", httpauth.DetailSignature, "does not match", func(_ *gate, r *http.Request) { r.Method = http.MethodPut }},
		{"path", httpauth.DetailSignature, "does not match", func(_ *gate, r *http.Request) { r.URL.Path = "/admin/users" }},
		{"clock ahead", httpauth.DetailSignature, "behind", func(g *gate, _ *http.Request) { g.now = g.now.Add(301 * time.Second) }},
		{"clock behind", httpauth.DetailSignature, "ahead of", func(g *gate, _ *http.Request) { g.now = g.now.Add(-301 * time.Second) }},
		{"key at rest", httpauth.DetailSignature, "the stored key cannot be used", func(g *gate, _ *http.Request) { g.keys.err = errors.New("wrong encryption key") }},
		{"deleted", httpauth.DetailUser, "client=jellyfin", func(g *gate, _ *http.Request) { _ = g.DeleteIdentity(context.Background(), known) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t)
			r := g.request(t, body)
			signature := r.Header.Get(httpauth.HeaderSignature)
			c.alter(g, r)
			identity, err := g.Authenticate(r, body)
			var known *dffmpeg.Error
			if !errors.As(err, &known) || known.Code != dffmpeg.CodeUnauthenticated || known.Detail != c.detail {
				t.Errorf("error %v, want detail %q", err, c.detail)
			}
			if identity.ClientID != "" || identity.Role != "" {
				t.Errorf("identity %+v with an error", identity)
			}
			log := g.log.String()
			if !strings.Contains(log, c.log) {
				t.Errorf("the log does not say %q: %s", c.log, log)
			}
			for _, hidden := range []string{g.key.Reveal(), signature} {
				if strings.Contains(log+err.Error(), hidden) {
					t.Errorf("a key or signature shows: %s %v", log, err)
				}
			}
		})
	}
}

// TestDriftIsAllowed: clocks may differ by 300 seconds, either way.
func TestDriftIsAllowed(t *testing.T) {
	for _, drift := range []time.Duration{-httpauth.MaxDrift, httpauth.MaxDrift} {
		g := newGate(t)
		r := g.request(t, nil)
		g.now = g.now.Add(drift)
		if _, err := g.Authenticate(r, nil); err != nil {
			t.Errorf("drift %s: %v", drift, err)
		}
	}
}

// TestScope: an identity may call from its addresses only. Behind a trusted
// proxy the address is the one that it forwards for; nobody else's claim counts.
func TestScope(t *testing.T) {
	for _, c := range []struct {
		peer, forwarded string
		allowed         bool
	}{
		{"10.1.2.3:1", "", true},
		{"[::ffff:10.1.2.3]:1", "", true},
		{"203.0.113.1:1", "", false},
		{"203.0.113.1:1", "10.1.2.3", false},
		{"127.0.0.1:1", "10.1.2.3", true},
		{"127.0.0.1:1", "10.1.2.3, 203.0.113.1", false},
		{"127.0.0.1:1", "203.0.113.1, 10.1.2.3", true},
		{"127.0.0.1:1", "", false},
		{"@", "", false}, // a Unix socket
	} {
		g := newGate(t, "10.0.0.0/8")
		r := g.request(t, nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		_, err := g.Authenticate(r, nil)
		if (err == nil) != c.allowed {
			t.Errorf("from %s for %q: %v", c.peer, c.forwarded, err)
		}
		var known *dffmpeg.Error
		if !c.allowed && (!errors.As(err, &known) || known.Detail != httpauth.DetailAddress) {
			t.Errorf("from %s: error %v", c.peer, err)
		}
	}
}

// unreachable is a store that does not answer.
type unreachable struct{}

func (unreachable) Identity(context.Context, string) (store.StoredIdentity, error) {
	return store.StoredIdentity{}, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "The database does not answer")
}

// TestStoreAway: it is nobody's fault, so nobody is refused for ever.
func TestStoreAway(t *testing.T) {
	g := newGate(t)
	a := authn.New(unreachable{}, g.keys, nil, slog.New(slog.DiscardHandler), time.Now)
	if _, err := a.Authenticate(g.request(t, nil), nil); dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable {
		t.Errorf("error %v", err)
	}
}

// TestUnknownUserTakesAsLong: an unknown user costs the HMAC over the body that
// a known one does. The body is large, so that nothing else shows.
func TestUnknownUserTakesAsLong(t *testing.T) {
	g := newGate(t)
	body := bytes.Repeat([]byte("x"), 4<<20)
	least := func(header, value string) time.Duration {
		r := g.request(t, body)
		r.Header.Set(header, value)
		shortest := time.Hour
		for range 5 {
			began := time.Now()
			if _, err := g.Authenticate(r, body); err == nil {
				t.Fatal("authentic")
			}
			shortest = min(shortest, time.Since(began))
		}
		return shortest
	}
	wrong, unknown := least(httpauth.HeaderSignature, "bm8="), least(httpauth.HeaderClientID, "nobody")
	if unknown < wrong/4 {
		t.Errorf("an unknown user is refused within %s, a wrong signature within %s", unknown, wrong)
	}
}

// FuzzAuthenticate: no header lets anybody in without the key, and every
// refusal is one of protocol.md's.
func FuzzAuthenticate(f *testing.F) {
	for _, seed := range [][4]string{
		{known, "1800000000", "bm8=", ""},
		{"", "", "", "10.0.0.1"},
		{known, "1800000000|x", "\xff", "[::1"},
		{"a\x00b", "-1", "=", ","},
		{known, "99999999999999999999", strings.Repeat("A", 44), "1.2.3.4:5, x"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	g := newGate(f)
	f.Fuzz(func(t *testing.T, id, timestamp, signature, forwarded string) {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header[httpauth.HeaderClientID] = []string{id}
		r.Header[httpauth.HeaderTimestamp] = []string{timestamp}
		r.Header[httpauth.HeaderSignature] = []string{signature}
		r.Header["X-Forwarded-For"] = []string{forwarded}
		g.log.Reset()
		_, err := g.Authenticate(r, nil)
		var refused *dffmpeg.Error
		if !errors.As(err, &refused) || refused.Code != dffmpeg.CodeUnauthenticated {
			t.Fatalf("error %v", err)
		}
		switch refused.Detail {
		case httpauth.DetailRequired, httpauth.DetailIncomplete, httpauth.DetailUser, httpauth.DetailAddress, httpauth.DetailSignature:
		default:
			t.Errorf("detail %q", refused.Detail)
		}
	})
}
