package cluster

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/authn"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// other is a coordinator that is called.
type other struct {
	*httptest.Server
	mu    sync.Mutex
	texts []string
}

func (o *other) told() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.texts
}

// start serves what another coordinator does, on the same identities.
func start(t *testing.T, identities store.Identities, keyring *secret.Keyring) *other {
	o := &other{}
	authenticator := authn.New(identities, keyring, nil, slog.New(slog.DiscardHandler), time.Now)
	o.Server = httptest.NewServer(http.StripPrefix("/base", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		who, err := authenticator.Authenticate(r, body)
		if err != nil || who.Role != dffmpeg.RoleCoordinator || r.URL.Path != "/cluster/wake" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.texts = append(o.texts, string(body))
	})))
	t.Cleanup(o.Close)
	return o
}

func TestCoordinatorsShareAKey(t *testing.T) {
	providers, err := secret.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	identities := memory.NewIdentities(time.Now)
	users := accounts.New(identities, keyring)
	o := start(t, identities, keyring)
	c := New(users, "test")
	t.Cleanup(c.Close)
	tell := c.Teller(dffmpeg.Coordinator{URL: o.URL + "/base/"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(tell(t.Context(), dffmpeg.WakeRequest{From: "1"}))
	if _, err := users.RotateKey(t.Context(), accounts.ClusterID); err != nil {
		t.Fatal(err)
	}
	must(tell(t.Context(), dffmpeg.WakeRequest{From: "2"})) // with the new key
	must(users.Delete(t.Context(), accounts.ClusterID))
	must(tell(t.Context(), dffmpeg.WakeRequest{From: "3"})) // which is made again
	if got := strings.Join(o.told(), ""); got != `{"from":"1","to":null}{"from":"2","to":null}{"from":"3","to":null}` {
		t.Errorf("the other one was told %s", got)
	}
	if c.Teller(dffmpeg.Coordinator{Host: "north:8000"}) != nil {
		t.Error("one without an address can be told")
	}
}

// noKeys is a store that is away.
type noKeys struct{}

func (noKeys) ClusterKey(context.Context) (secret.Value, error) {
	return secret.Value{}, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away")
}

func TestWithoutKeyNothingIsSent(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(server.Close)
	c := New(noKeys{}, "test")
	t.Cleanup(c.Close)
	if err := c.Teller(dffmpeg.Coordinator{URL: server.URL})(t.Context(), dffmpeg.WakeRequest{}); dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable || asked {
		t.Errorf("error %v, sent %t", err, asked)
	}
}
