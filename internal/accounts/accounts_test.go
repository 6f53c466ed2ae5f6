package accounts

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/secret/aead"
	"github.com/dffmpeg/dffmpeg/secret/fernet"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// ring returns a keyring with the keys "old" and "new".
func ring(t *testing.T, defaultID string) *secret.Keyring {
	t.Helper()
	providers, err := secret.NewRegistry(fernet.New(time.Now), aead.New())
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, map[string]secret.Value{
		"old": secret.New("fernet:AAsWISw3Qk1YY255hI+apbC7xtHc5/L9CBMeKTQ/SlU="),
		"new": secret.New("aesgcm:JTA7RlFcZ3J9iJOeqbS/ytXg6/YBDBciLThDTllkb3o="),
	}, defaultID)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

func TestLifeOfAnIdentity(t *testing.T) {
	ctx := t.Context()
	identities := memory.NewIdentities(time.Now)
	a := New(identities, ring(t, "old"))
	added, key, err := a.Add(ctx, "jellyfin", dffmpeg.RoleClient, nil)
	if err != nil || !slices.Equal(added.AllowedCIDRs, dffmpeg.AnyAddress()) {
		t.Fatalf("Add = %+v, %v", added, err)
	}
	if _, err := httpauth.ParseKey(key); err != nil {
		t.Errorf("the key cannot be used: %v", err)
	}
	stored, err := identities.Identity(ctx, "jellyfin")
	if err != nil || stored.Key.KeyID != "old" || stored.Key.Text == key.Reveal() {
		t.Errorf("the key is not sealed (%v)", err)
	}
	if same, err := a.Key(ctx, "jellyfin"); err != nil || same != key {
		t.Errorf("Key returned another key (%v)", err)
	}
	rotated, err := a.RotateKey(ctx, "jellyfin")
	if err != nil || rotated == key {
		t.Errorf("RotateKey returned the same key (%v)", err)
	}
	scope := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if err := a.SetScope(ctx, "jellyfin", scope); err != nil {
		t.Error(err)
	}
	if err := a.SetRole(ctx, "jellyfin", dffmpeg.RoleWorker); err != nil {
		t.Error(err)
	}
	shown, err := a.Show(ctx, "jellyfin")
	if err != nil || shown.Role != dffmpeg.RoleWorker || !slices.Equal(shown.AllowedCIDRs, scope) {
		t.Errorf("Show = %+v, %v", shown, err)
	}
	if err := a.Delete(ctx, "jellyfin"); err != nil {
		t.Error(err)
	}
	if _, err := a.Show(ctx, "jellyfin"); dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
		t.Errorf("after the deletion: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	a := New(memory.NewIdentities(time.Now), ring(t, ""))
	if _, _, err := a.Add(ctx, "a b", dffmpeg.RoleClient, nil); dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
		t.Errorf("a bad name: %v", err)
	}
	if _, _, err := a.Add(ctx, "a", "king", nil); dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
		t.Errorf("a bad role: %v", err)
	}
	if err := a.SetScope(ctx, "a", nil); dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
		t.Errorf("an empty scope: %v", err)
	}
}

func TestReencrypt(t *testing.T) {
	ctx := t.Context()
	identities := memory.NewIdentities(time.Now)
	keys := make(map[string]secret.Value)
	for _, id := range []string{"a", "b", "c"} {
		_, key, err := New(identities, ring(t, "old")).Add(ctx, id, dffmpeg.RoleClient, nil)
		if err != nil {
			t.Fatal(err)
		}
		keys[id] = key
	}
	a := New(identities, ring(t, "new"))
	result, err := a.Reencrypt(ctx, "", Target{KeyID: "new"}, 2)
	if err != nil || !slices.Equal(result.Changed, []string{"a", "b"}) {
		t.Fatalf("with a limit of two: %+v, %v", result, err)
	}
	result, err = a.Reencrypt(ctx, "", Target{KeyID: "new"}, 0)
	if err != nil || !slices.Equal(result.Changed, []string{"c"}) || result.Skipped != 2 {
		t.Errorf("the rest: %+v, %v", result, err)
	}
	if result, err = a.Reencrypt(ctx, "b", Target{}, 0); err != nil || !slices.Equal(result.Changed, []string{"b"}) {
		t.Errorf("one, decrypted: %+v, %v", result, err)
	}
	for id, want := range keys {
		if got, err := a.Key(ctx, id); err != nil || got != want {
			t.Errorf("the key of %s is another one (%v)", id, err)
		}
	}
	if _, err := a.Reencrypt(ctx, "", Target{KeyID: "unknown"}, 0); err == nil {
		t.Error("an unknown encryption key was accepted")
	}
}
