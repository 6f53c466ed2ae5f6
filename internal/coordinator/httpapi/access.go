package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// access says who may call an endpoint. The zero access lets nobody in.
type access struct {
	roles []dffmpeg.Role // signed, with one of these
	open  bool           // anybody, from
	from  []netip.Prefix // these addresses
}

// everybody lets anybody in, unsigned.
func everybody() access {
	return access{open: true, from: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
}

// fromAddresses lets anybody in who calls from there, unsigned.
func fromAddresses(from []netip.Prefix) access { return access{open: true, from: from} }

// signedBy lets identities in that have one of the roles.
func signedBy(roles ...dffmpeg.Role) access { return access{roles: roles} }

// anyIdentity lets every identity in.
func anyIdentity() access { return signedBy(dffmpeg.Roles()...) }

// requesters lets identities in that may submit jobs, and admins.
func requesters() access { return signedBy(dffmpeg.RoleClient, dffmpeg.RoleAdmin) }

// admit returns who calls, or why not.
func (a *api) admit(r *http.Request, rule access, body []byte) (dffmpeg.Identity, error) {
	if rule.open {
		// A local call (a Unix socket) has no address and is nobody's stranger.
		if address := a.Authenticator.Address(r); address.IsValid() && !httpauth.Allowed(address, rule.from) {
			return dffmpeg.Identity{}, dffmpeg.Errorf(dffmpeg.CodeForbidden, httpauth.DetailAddress)
		}
		return dffmpeg.Identity{}, nil
	}
	identity, err := a.Authenticator.Authenticate(r, body)
	if err != nil {
		return identity, err
	}
	if !slices.Contains(rule.roles, identity.Role) {
		return identity, wrongRole(identity, rule.roles)
	}
	return identity, nil
}

// wrongRole says which role is needed, and how to get it.
func wrongRole(identity dffmpeg.Identity, roles []dffmpeg.Role) error {
	if len(roles) == 1 && roles[0] == dffmpeg.RoleAdmin {
		return dffmpeg.Errorf(dffmpeg.CodeForbidden, "Admin role required")
	}
	names := make([]string, 0, len(roles))
	for _, role := range roles {
		names = append(names, string(role))
	}
	return dffmpeg.Errorf(dffmpeg.CodeForbidden,
		"This needs the role %s; %s has the role %s. An admin can change it: dffmpeg admin user set-role %s ROLE",
		strings.Join(names, " or "), identity.ClientID, identity.Role, identity.ClientID)
}
