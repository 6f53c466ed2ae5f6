package runas

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// TestFind asks the system's database about accounts that every system has.
func TestFind(t *testing.T) {
	daemon, err := user.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	ids := func(texts ...string) []uint32 {
		var list []uint32
		for _, text := range texts {
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, uint32(n))
		}
		return list
	}
	memberships, err := daemon.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := ids(daemon.Uid)[0], ids(daemon.Gid)[0]
	own := ids(append([]string{daemon.Gid}, slices.DeleteFunc(memberships, func(id string) bool { return id == daemon.Gid })...)...)
	for name, c := range map[string]struct {
		want Want
		user User
	}{
		"a name":              {Want{User: "daemon"}, User{executor.Account{UID: uid, GID: gid, Groups: own}, "daemon", daemon.HomeDir}},
		"its number":          {Want{User: daemon.Uid}, User{executor.Account{UID: uid, GID: gid, Groups: own}, "daemon", daemon.HomeDir}},
		"groups":              {Want{User: "daemon", Group: "root", Groups: []string{"4711", "root", "daemon"}}, User{executor.Account{UID: uid, GID: 0, Groups: []uint32{0, 4711, gid}}, "daemon", daemon.HomeDir}},
		"a number only":       {Want{User: "4000000001", Group: "4000000002"}, User{executor.Account{UID: 4000000001, GID: 4000000002, Groups: []uint32{4000000002}}, "", "/"}},
		"a number and groups": {Want{User: "4000000001", Group: "7", Groups: []string{"8"}}, User{executor.Account{UID: 4000000001, GID: 7, Groups: []uint32{7, 8}}, "", "/"}},
	} {
		got, err := Find(c.want, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&c.user, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		want Want
		euid int
		part string
	}{
		"not root":            {Want{User: "daemon"}, 1000, "this worker runs as user 1000, and only root may start processes as daemon"},
		"unknown user":        {Want{User: "no-such-user"}, 0, "there is no user no-such-user"},
		"unknown group":       {Want{User: "daemon", Group: "no-such-group"}, 0, "there is no group no-such-group"},
		"unknown other group": {Want{User: "daemon", Groups: []string{"no-such-group"}}, 0, "there is no group no-such-group"},
		"number alone":        {Want{User: "4000000001"}, 0, "give run_as.group"},
		"no account":          {Want{User: "4294967295", Group: "0"}, 0, "there is no user 4294967295"},
	} {
		if _, err := Find(c.want, c.euid); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: error %v, want …%s…", name, err, c.part)
		}
	}
	if euid := os.Geteuid(); euid != 0 {
		if _, err := Find(Want{User: "daemon"}, euid); err == nil {
			t.Errorf("user %d may start processes as daemon", euid)
		}
	}
}

func TestEnvironment(t *testing.T) {
	own := []string{"PATH=/bin", "HOME=/root", "USER=root", "LOGNAME=root", "HOMES=x"}
	named, numbered := User{Name: "media", Home: "/srv/media"}, User{Home: "/"}
	if diff := cmp.Diff([]string{"PATH=/bin", "HOMES=x", "USER=media", "LOGNAME=media", "HOME=/srv/media"}, named.Environment(own)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"PATH=/bin", "HOMES=x", "HOME=/"}, numbered.Environment(own)); diff != "" {
		t.Error(diff)
	}
	if own[1] != "HOME=/root" {
		t.Error("the worker's own environment was changed")
	}
}
