package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// OpenIdentities returns an empty store. The suite closes it.
type OpenIdentities func(t *testing.T) store.Identities

// RunIdentities tests an engine of store.Identities.
func RunIdentities(t *testing.T, open OpenIdentities) {
	fresh := func(t *testing.T) *register {
		identities := open(t)
		t.Cleanup(func() {
			for range 2 {
				if err := identities.Close(); err != nil {
					t.Errorf("Close, which may be called twice: %v", err)
				}
			}
		})
		return &register{Identities: identities, t: t}
	}
	t.Run("add", func(t *testing.T) { testAddIdentity(t, fresh(t)) })
	t.Run("list", func(t *testing.T) { testListIdentities(t, fresh(t)) })
	t.Run("change", func(t *testing.T) { testChangeIdentity(t, fresh(t)) })
	t.Run("unknown", func(t *testing.T) { testUnknownIdentity(t, fresh(t)) })
	t.Run("copies", func(t *testing.T) { testIdentityCopies(t, fresh(t)) })
	t.Run("context", func(t *testing.T) { testIdentityContext(t, fresh(t)) })
	t.Run("races", func(t *testing.T) { testRacingIdentities(t, fresh(t)) })
}

// register is an engine of identities with short names for its calls.
type register struct {
	store.Identities
	t *testing.T
}

// person returns an identity to add.
func person(clientID string) store.StoredIdentity {
	return store.StoredIdentity{
		Identity: dffmpeg.Identity{ClientID: clientID, Role: dffmpeg.RoleClient, AllowedCIDRs: dffmpeg.AnyAddress()},
		Key:      store.SealedKey{KeyID: "k1", Text: "sealed for " + clientID},
	}
}

func (r *register) add(identity store.StoredIdentity) store.StoredIdentity {
	r.t.Helper()
	return must[store.StoredIdentity](r.t)(r.AddIdentity(r.t.Context(), identity))
}

func (r *register) get(clientID string) store.StoredIdentity {
	r.t.Helper()
	return must[store.StoredIdentity](r.t)(r.Identity(r.t.Context(), clientID))
}

// prefixes lets cmp compare addresses.
var prefixes = cmpopts.EquateComparable(netip.Prefix{})

func testAddIdentity(t *testing.T, r *register) {
	given := person("jellyfin")
	given.Role = dffmpeg.RoleAdmin
	given.AllowedCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("192.0.2.7/32")}
	given.Key = store.SealedKey{Text: strings.Repeat("A", 43) + "="}
	added := r.add(given)
	same(t, "an identity comes back as it was given", added, given, prefixes, cmpopts.IgnoreFields(dffmpeg.Identity{}, "CreatedAt"))
	same(t, "and can be read back", r.get("jellyfin"), added, prefixes)
	if at := added.CreatedAt; at.IsZero() || at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
		t.Errorf("CreatedAt is set by the engine, in UTC and whole microseconds; got %s", at)
	}
	second := person("jellyfin")
	_, err := r.AddIdentity(t.Context(), second)
	coded(t, "an identity that exists", err, dffmpeg.CodeConflict)
	same(t, "a refused addition changes nothing", r.get("jellyfin"), added, prefixes)

	long := person(strings.Repeat("é", dffmpeg.MaxClientIDBytes/2))
	long.Key.Text = strings.Repeat("sealed", 100)
	r.add(long)
	same(t, "the longest name and a long key fit", r.get(long.ClientID).Key, long.Key)
	nobody := person("nowhere")
	nobody.AllowedCIDRs = nil
	r.add(nobody)
	same(t, "an identity without addresses may call from none", len(r.get("nowhere").AllowedCIDRs), 0)
}

func testListIdentities(t *testing.T, r *register) {
	same(t, "nobody", len(must[[]store.StoredIdentity](t)(r.ListIdentities(t.Context()))), 0)
	want := []store.StoredIdentity{}
	for _, id := range []string{"Bob", "alice", "bob", "bób"} {
		want = append(want, r.add(person(id)))
	}
	got := must[[]store.StoredIdentity](t)(r.ListIdentities(t.Context()))
	same(t, "ListIdentities: all, byte by byte ordered by client ID", got, want, prefixes)
	if err := r.DeleteIdentity(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	_, err := r.Identity(t.Context(), "bob")
	coded(t, "an identity that was deleted", err, dffmpeg.CodeNotFound)
	same(t, "those of like names stay", len(must[[]store.StoredIdentity](t)(r.ListIdentities(t.Context()))), 3)
	r.add(person("bob"))
}

func testChangeIdentity(t *testing.T, r *register) {
	other := r.add(person("other"))
	want := r.add(person("alice"))
	change := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		same(t, what+" changes that only", r.get("alice"), want, prefixes)
	}
	want.Role = dffmpeg.RoleWorker
	change("SetRole", r.SetRole(t.Context(), "alice", dffmpeg.RoleWorker))
	change("SetRole to what it is", r.SetRole(t.Context(), "alice", dffmpeg.RoleWorker))
	low, high := -20, 40
	for _, p := range []dffmpeg.Priorities{{Default: &low, Ceiling: &high}, {Ceiling: &high}, {Default: &low}, {}, {Default: &low, Ceiling: &low}} {
		want.Priorities = p
		change("SetPriorities", r.SetPriorities(t.Context(), "alice", p))
	}
	want.AllowedCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	change("SetScope", r.SetScope(t.Context(), "alice", want.AllowedCIDRs))
	change("SetScope to what it is", r.SetScope(t.Context(), "alice", want.AllowedCIDRs))
	old := want.Key
	want.Key = store.SealedKey{KeyID: "k2", Text: "Sealed anew"}
	change("ReplaceKey", r.ReplaceKey(t.Context(), "alice", old, want.Key))
	change("ReplaceKey by itself", r.ReplaceKey(t.Context(), "alice", want.Key, want.Key))
	for _, wrong := range []store.SealedKey{old, {KeyID: "k1", Text: want.Key.Text}, {KeyID: "k2", Text: "sealed anew"}, {}} {
		err := r.ReplaceKey(t.Context(), "alice", wrong, store.SealedKey{Text: "lost update"})
		coded(t, "ReplaceKey of a key that is no longer there", err, dffmpeg.CodeConflict)
	}
	same(t, "a refused ReplaceKey changes nothing", r.get("alice"), want, prefixes)
	same(t, "others are left", r.get("other"), other, prefixes)
}

func testUnknownIdentity(t *testing.T, r *register) {
	r.add(person("alice"))
	_, err := r.Identity(t.Context(), "Alice")
	errs := map[string]error{
		"Identity": err, "DeleteIdentity": r.DeleteIdentity(t.Context(), "Alice"),
		"ReplaceKey": r.ReplaceKey(t.Context(), "Alice", store.SealedKey{}, store.SealedKey{}),
		"SetScope":   r.SetScope(t.Context(), "Alice", nil), "SetRole": r.SetRole(t.Context(), "Alice", dffmpeg.RoleAdmin),
		"SetPriorities": r.SetPriorities(t.Context(), "Alice", dffmpeg.Priorities{}),
	}
	for name, err := range errs {
		coded(t, name+" of an unknown identity (names differ by case)", err, dffmpeg.CodeNotFound)
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func testIdentityCopies(t *testing.T, r *register) {
	given := person("alice")
	r.add(given)
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	given.AllowedCIDRs[0] = loopback
	read := r.get("alice")
	read.AllowedCIDRs[0] = loopback
	five := 5
	if err := r.SetPriorities(t.Context(), "alice", dffmpeg.Priorities{Ceiling: &five}); err != nil {
		t.Fatal(err)
	}
	five = 50
	*r.get("alice").Priorities.Ceiling = 50
	same(t, "nor does that of priorities", *r.get("alice").Priorities.Ceiling, 5)
	same(t, "changing what was given or returned changes nothing", r.get("alice").AllowedCIDRs, dffmpeg.AnyAddress(), prefixes)
}

func testIdentityContext(t *testing.T, r *register) {
	want := r.add(person("alice"))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	errs := map[string]error{
		"Ping":           r.Ping(done),
		"DeleteIdentity": r.DeleteIdentity(done, "alice"),
		"ReplaceKey":     r.ReplaceKey(done, "alice", want.Key, store.SealedKey{}),
		"SetScope":       r.SetScope(done, "alice", nil),
		"SetRole":        r.SetRole(done, "alice", dffmpeg.RoleAdmin),
		"SetPriorities":  r.SetPriorities(done, "alice", dffmpeg.Priorities{Default: new(int)}),
	}
	_, errs["AddIdentity"] = r.AddIdentity(done, person("bob"))
	_, errs["Identity"] = r.Identity(done, "alice")
	_, errs["ListIdentities"] = r.ListIdentities(done)
	for name, err := range errs {
		coded(t, name+" with a context that is done", err, dffmpeg.CodeUnavailable)
	}
	same(t, "operations whose context is done change nothing",
		must[[]store.StoredIdentity](t)(r.ListIdentities(t.Context())), []store.StoredIdentity{want}, prefixes)
}

func testRacingIdentities(t *testing.T, r *register) {
	together := func(do func(racer int) error) (succeeded int) {
		errs := make([]error, racers)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() { errs[i] = do(i) })
		}
		group.Wait()
		for _, err := range errs {
			if err == nil {
				succeeded++
			} else {
				coded(t, "the losers of a race", err, dffmpeg.CodeConflict)
			}
		}
		return succeeded
	}
	added := together(func(int) error {
		_, err := r.AddIdentity(t.Context(), person("alice"))
		return err
	})
	same(t, "an identity is added once", added, 1)
	old := r.get("alice").Key
	replaced := together(func(i int) error {
		return r.ReplaceKey(t.Context(), "alice", old, store.SealedKey{KeyID: "k", Text: fmt.Sprint(i)})
	})
	same(t, "a key is replaced once", replaced, 1)
}
