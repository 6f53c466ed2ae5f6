package httpapi

import (
	"net/http"
	"net/netip"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// userEndpoints manage identities over HTTP. (Extension to 0.4, whose admin
// tool works on the database only.)
func (a *api) userEndpoints() []endpoint {
	admin := signedBy(dffmpeg.RoleAdmin)
	add := define(route{http.MethodPost, "/admin/users", "Add an identity; the answer has its key", admin}, a.addUser)
	add.status = http.StatusCreated
	return []endpoint{
		define(route{http.MethodGet, "/admin/users", "List identities", admin}, a.listUsers),
		add,
		define(route{http.MethodGet, "/admin/users/{client_id}", "Show an identity", admin}, a.showUser),
		define(route{http.MethodGet, "/admin/users/{client_id}/key", "Show an identity's key", admin}, a.userKey),
		define(route{http.MethodDelete, "/admin/users/{client_id}", "Delete an identity", admin}, a.deleteUser),
		define(route{http.MethodPost, "/admin/users/{client_id}/rotate-key", "Give an identity a new key", admin}, a.rotateKey),
		define(route{http.MethodPut, "/admin/users/{client_id}/scope", "Set the addresses an identity may call from", admin}, a.setScope),
		define(route{http.MethodPut, "/admin/users/{client_id}/role", "Set an identity's role", admin}, a.setRole),
		define(route{http.MethodPut, "/admin/users/{client_id}/priorities", "Set which priorities an identity's jobs have and may have", admin}, a.setPriorities),
	}
}

func (a *api) listUsers(c *call, _ nothing) ([]dffmpeg.Identity, error) {
	users, err := a.Accounts.List(c.ctx())
	if users == nil {
		users = []dffmpeg.Identity{}
	}
	return users, err
}

func (a *api) addUser(c *call, in dffmpeg.AddUserRequest) (dffmpeg.UserKeyAnswer, error) {
	cidrs, err := scope(in.AllowedCIDRs)
	if err != nil {
		return dffmpeg.UserKeyAnswer{}, err
	}
	user, key, err := a.Accounts.Add(c.ctx(), in.ClientID, in.Role, cidrs)
	return dffmpeg.UserKeyAnswer{Identity: user, HMACKey: key.Reveal()}, err
}

// scope reads addresses and CIDR blocks.
func scope(texts []string) ([]netip.Prefix, error) {
	cidrs, err := httpauth.ParsePrefixes(texts)
	if err != nil {
		return nil, invalidBody("allowed_cidrs", err.Error())
	}
	return cidrs, nil
}

func (a *api) showUser(c *call, _ nothing) (dffmpeg.Identity, error) {
	id, err := userID(c)
	if err != nil {
		return dffmpeg.Identity{}, err
	}
	return a.Accounts.Show(c.ctx(), id)
}

// userID returns the identity that the path names.
func userID(c *call) (string, error) {
	id := c.PathValue("client_id")
	if !plain(id) {
		return id, dffmpeg.Errorf(dffmpeg.CodeNotFound, "There is no such identity: a client ID has no control characters")
	}
	return id, nil
}

func (a *api) userKey(c *call, _ nothing) (dffmpeg.UserKeyAnswer, error) {
	user, err := a.showUser(c, nothing{})
	if err != nil {
		return dffmpeg.UserKeyAnswer{}, err
	}
	key, err := a.Accounts.Key(c.ctx(), user.ClientID)
	return dffmpeg.UserKeyAnswer{Identity: user, HMACKey: key.Reveal()}, err
}

func (a *api) deleteUser(c *call, _ nothing) (dffmpeg.OKAnswer, error) {
	id, err := userID(c)
	if err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	return dffmpeg.OKAnswer{Status: "ok"}, a.Accounts.Delete(c.ctx(), id)
}

func (a *api) rotateKey(c *call, _ nothing) (dffmpeg.UserKeyAnswer, error) {
	user, err := a.showUser(c, nothing{})
	if err != nil {
		return dffmpeg.UserKeyAnswer{}, err
	}
	key, err := a.Accounts.RotateKey(c.ctx(), user.ClientID)
	return dffmpeg.UserKeyAnswer{Identity: user, HMACKey: key.Reveal()}, err
}

func (a *api) setScope(c *call, in dffmpeg.ScopeRequest) (dffmpeg.OKAnswer, error) {
	id, err := userID(c)
	if err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	cidrs, err := scope(in.AllowedCIDRs)
	if err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	return dffmpeg.OKAnswer{Status: "ok"}, a.Accounts.SetScope(c.ctx(), id, cidrs)
}

func (a *api) setRole(c *call, in dffmpeg.RoleRequest) (dffmpeg.OKAnswer, error) {
	id, err := userID(c)
	if err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	return dffmpeg.OKAnswer{Status: "ok"}, a.Accounts.SetRole(c.ctx(), id, in.Role)
}

func (a *api) setPriorities(c *call, in dffmpeg.PrioritiesRequest) (dffmpeg.OKAnswer, error) {
	id, err := userID(c)
	if err != nil {
		return dffmpeg.OKAnswer{}, err
	}
	return dffmpeg.OKAnswer{Status: "ok"}, a.Accounts.SetPriorities(c.ctx(), id, in.Priorities)
}
