package dffmpeg

import (
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
	CreatedAt    time.Time      `json:"created_at"`
}

// AnyAddress returns the default scope of an identity: every IPv4 and IPv6
// address.
func AnyAddress() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
}
