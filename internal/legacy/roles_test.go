package legacy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// mixedUp fills a database with identities of which some have the wrong role.
func mixedUp(o *old) {
	for id, role := range map[string]string{
		"gpu1": "client", "jellyfin": "worker", "both": "client", "bothToo": "worker", "boss": "admin", "chief": "admin", "asks": "client", "works": "worker", "idle": "client",
	} {
		o.identity(id, role, plainKey, nil)
	}
	job := 0
	run := func(requester, worker string) {
		o.job("01HQWX0000000000000000000"+string(rune('A'+job)), "completed", map[string]any{"requester_id": requester, "worker_id": worker})
		job++
	}
	run("jellyfin", "gpu1")
	run("asks", "gpu1")
	run("both", "both")
	run("bothToo", "bothToo")
	run("boss", "works")
	run("asks", "boss")
	run("asks", "chief")
}

func TestRolesAgainstHistory(t *testing.T) {
	o, path := sqliteFile(t, "")
	mixedUp(o)
	d, f := opened(t, path), newTarget(t)
	want := []RoleConflict{
		{ClientID: "boss", Role: dffmpeg.RoleAdmin, Worked: 1, Submitted: 1},
		{ClientID: "both", Role: dffmpeg.RoleClient, Worked: 1, Submitted: 1},
		{ClientID: "bothToo", Role: dffmpeg.RoleWorker, Worked: 1, Submitted: 1},
		{ClientID: "chief", Role: dffmpeg.RoleAdmin, Worked: 1},
		{ClientID: "gpu1", Role: dffmpeg.RoleClient, Worked: 2, Want: dffmpeg.RoleWorker},
		{ClientID: "jellyfin", Role: dffmpeg.RoleWorker, Submitted: 1, Want: dffmpeg.RoleClient},
	}
	if diff := cmp.Diff(want, f.imported(t, d, Options{}).Roles); diff != "" {
		t.Errorf("roles that history contradicts (-want +got):\n%s", diff)
	}
	role := func(id string) dffmpeg.Role {
		stored, err := f.identities.Identity(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return stored.Role
	}
	if role("gpu1") != dffmpeg.RoleClient {
		t.Error("a role was set that nobody asked to set")
	}
	want[4].Set, want[5].Set = true, true
	if diff := cmp.Diff(want, f.imported(t, d, Options{SetRoles: true}).Roles); diff != "" {
		t.Errorf("roles that are set, of identities that exist (-want +got):\n%s", diff)
	}
	if role("gpu1") != dffmpeg.RoleWorker || role("jellyfin") != dffmpeg.RoleClient || role("both") != dffmpeg.RoleClient || role("boss") != dffmpeg.RoleAdmin {
		t.Error("the roles are not as the report says")
	}
	if diff := cmp.Diff(want[:4], f.imported(t, d, Options{}).Roles); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}
