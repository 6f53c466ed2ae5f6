package dffmpeg

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Role decides which calls an identity may make.
type Role string

// The roles of an identity.
const (
	RoleClient Role = "client" // submits jobs and sees its own
	RoleWorker Role = "worker" // runs jobs
	RoleAdmin  Role = "admin"  // sees and steers everything
	// RoleCoordinator is what the coordinators of a cluster are to each other. Nobody
	// is given it: they make their identity themselves.
	RoleCoordinator Role = "coordinator"
)

// Roles lists every role.
func Roles() []Role { return []Role{RoleClient, RoleWorker, RoleAdmin} }

// Valid reports whether r is one of the known roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Identity is somebody who may sign requests. Its key is not part of it: the
// store keeps keys sealed, and only the authenticator opens them.
type Identity struct {
	ClientID     string         `json:"client_id"`
	Role         Role           `json:"role"`
	AllowedCIDRs []netip.Prefix `json:"allowed_cidrs"` // addresses it may call from
	// Priorities are those of its jobs. (Extension to 0.4.)
	Priorities Priorities `json:"priorities,omitzero"`
	CreatedAt  time.Time  `json:"created_at"`
}

// AnyAddress returns the default scope of an identity: every IPv4 and IPv6
// address.
func AnyAddress() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}

// Priorities say which priority an identity's jobs have and may have. The zero value is
// what its role gives.
type Priorities struct {
	// Default is that of jobs for which none is asked, as far as Ceiling allows; nil for
	// DefaultPriority.
	Default *int `json:"default,omitempty" minimum:"-100" maximum:"100" doc:"Priority of jobs for which none is asked; 0 when absent"`
	// Ceiling is the highest that may be asked for; nil for MaxPriority of admins, and
	// DefaultPriority of others.
	Ceiling *int `json:"ceiling,omitempty" minimum:"-100" maximum:"100" doc:"Highest priority that may be asked for; 0 when absent, of admins any"`
}

// Problem says what is wrong with priorities that somebody wants to set, "" when
// nothing is.
func (p Priorities) Problem() string {
	for _, n := range []*int{p.Default, p.Ceiling} {
		if n != nil && (*n < MinPriority || *n > MaxPriority) {
			return fmt.Sprintf("A priority is a number from %d to %d, not %d", MinPriority, MaxPriority, *n)
		}
	}
	if p.Default != nil && p.Ceiling != nil && *p.Default > *p.Ceiling {
		return fmt.Sprintf("The default priority %d is above the ceiling %d", *p.Default, *p.Ceiling)
	}
	return ""
}

// PriorityCeiling returns the highest priority that the identity may ask for.
func (i *Identity) PriorityCeiling() int {
	switch {
	case i.Priorities.Ceiling != nil:
		return *i.Priorities.Ceiling
	case i.Role == RoleAdmin:
		return MaxPriority
	default:
		return max(DefaultPriority, i.defaultPriority()) // who grants the default grants it to be asked for
	}
}

// Priority returns that of a job for which the identity asked one, or none; ok is false
// when it may not.
func (i *Identity) Priority(asked *int) (priority int, ok bool) {
	ceiling := i.PriorityCeiling()
	if asked != nil {
		return *asked, *asked <= ceiling
	}
	return min(i.defaultPriority(), ceiling), true
}

func (i *Identity) defaultPriority() int {
	if i.Priorities.Default != nil {
		return *i.Priorities.Default
	}
	return DefaultPriority
}
