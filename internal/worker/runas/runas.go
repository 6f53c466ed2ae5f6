// Package runas finds out about the account that a worker's processes run as.
package runas

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
)

// User is an account by what processes need of it.
type User struct {
	executor.Account
	Name string // "" for one that is only a number
	Home string
}

// Want says which account; see config.RunAs. User is not "".
type Want struct {
	User, Group string
	Groups      []string
}

// Find looks an account up for a worker whose effective user is euid. Names and
// memberships are those of the system's database at this moment. A user or group
// that is only a number need not be in it; such a user has the groups that are
// given.
func Find(want Want, euid int) (*User, error) {
	if euid != 0 {
		return nil, fmt.Errorf("run_as: this worker runs as user %d, and only root may start processes as %s; start the worker as root, or as %[2]s and without run_as", euid, want.User)
	}
	found, err := lookUp(want.User)
	if err != nil {
		return nil, err
	}
	u := &User{Name: found.Username, Home: found.HomeDir}
	if u.UID, err = number(found.Uid); err != nil {
		return nil, fmt.Errorf("run_as: user %s: %w", want.User, err)
	}
	switch {
	case want.Group != "":
		u.GID, err = group(want.Group)
	case found.Gid == "":
		err = fmt.Errorf("run_as: user %s is not in this system's database, so its group is not known; give run_as.group, too", want.User)
	default:
		u.GID, err = number(found.Gid)
	}
	if err != nil {
		return nil, err
	}
	names := want.Groups
	if len(names) == 0 && found.Username != "" {
		if names, err = found.GroupIds(); err != nil {
			return nil, fmt.Errorf("run_as: groups of user %s: %w; give run_as.groups", want.User, err)
		}
	}
	u.Groups = []uint32{u.GID}
	for _, name := range names {
		gid, err := group(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(u.Groups, gid) {
			u.Groups = append(u.Groups, gid)
		}
	}
	return u, nil
}

// lookUp returns a user by name or number.
func lookUp(name string) (*user.User, error) {
	found, err := user.Lookup(name)
	if err == nil {
		return found, nil
	}
	if _, notNumber := number(name); notNumber != nil {
		return nil, fmt.Errorf("run_as: there is no user %s on this machine (%w); give one that there is, or a number", name, err)
	}
	if found, err = user.LookupId(name); err != nil {
		return &user.User{Uid: name, HomeDir: "/"}, nil //nolint:nilerr // a number need not have a name
	}
	return found, nil
}

// group returns the number of a group by name or number.
func group(name string) (uint32, error) {
	if gid, err := number(name); err == nil {
		return gid, nil
	}
	found, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("run_as: there is no group %s on this machine (%w); give one that there is, or a number", name, err)
	}
	return number(found.Gid)
}

// number reads the number of a user or group. The greatest means none (chown(2)).
func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err == nil && n == 1<<32-1 {
		err = errors.New("not the number of an account")
	}
	return uint32(n), err
}

// Environment returns a worker's environment, as NAME=value, with the home and
// the name of the user.
func (u *User) Environment(own []string) []string {
	env := slices.DeleteFunc(slices.Clone(own), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == "HOME" || name == "USER" || name == "LOGNAME"
	})
	if u.Name != "" {
		env = append(env, "USER="+u.Name, "LOGNAME="+u.Name)
	}
	return append(env, "HOME="+u.Home)
}
