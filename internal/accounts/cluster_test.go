package accounts

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// TestOneClusterKey: coordinators that start together get the same one, sealed.
func TestOneClusterKey(t *testing.T) {
	identities := memory.NewIdentities(time.Now)
	var all sync.WaitGroup
	keys := make([]secret.Value, 8)
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = New(identities, ring(t, "new")).ClusterKey(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] || key.IsZero() {
			t.Fatal("they got different keys")
		}
	}
	stored, err := identities.Identity(t.Context(), ClusterID)
	if err != nil || stored.Role != dffmpeg.RoleCoordinator || stored.Key.KeyID != "new" || stored.Key.Text == keys[0].Reveal() {
		t.Errorf("stored as %s with encryption key %q, error %v", stored.Role, stored.Key.KeyID, err)
	}
}

// TestNobodyElseIsTheCluster: neither by an accident nor by asking for the role.
func TestNobodyElseIsTheCluster(t *testing.T) {
	a := New(memory.NewIdentities(time.Now), ring(t, ""))
	if _, _, err := a.Add(t.Context(), "sneaky", dffmpeg.RoleCoordinator, nil); dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
		t.Errorf("somebody was given the role: %v", err)
	}
	if _, _, err := a.Add(t.Context(), ClusterID, dffmpeg.RoleClient, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ClusterKey(t.Context()); dffmpeg.CodeOf(err) != dffmpeg.CodeConflict || !strings.Contains(err.Error(), "admin user delete "+ClusterID) {
		t.Errorf("with a client of that name: %v", err)
	}
	if err := a.SetRole(t.Context(), ClusterID, dffmpeg.RoleCoordinator); dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
		t.Errorf("SetRole gave the role: %v", err)
	}
}
