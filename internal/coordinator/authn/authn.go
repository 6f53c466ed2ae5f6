// Package authn establishes who sends a request: the signature, the identity's
// scope, and the address behind trusted proxies.
package authn

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// Identities is where identities are looked up.
type Identities interface {
	Identity(ctx context.Context, clientID string) (store.StoredIdentity, error)
}

// KeyOpener opens keys at rest.
type KeyOpener interface {
	Open(keyID, token string) (secret.Value, error)
}

// Authenticator verifies requests. It may be used by several goroutines at
// once.
type Authenticator struct {
	identities Identities
	keys       KeyOpener
	trusted    []netip.Prefix
	logger     *slog.Logger
	now        func() time.Time
	decoy      httpauth.Key
}

// New returns an Authenticator. trusted are the proxies whose X-Forwarded-For
// counts.
func New(identities Identities, keys KeyOpener, trusted []netip.Prefix, logger *slog.Logger, now func() time.Time) *Authenticator {
	return &Authenticator{identities: identities, keys: keys, trusted: trusted, logger: logger, now: now, decoy: httpauth.NewKey()}
}

// Address returns where a request came from.
func (a *Authenticator) Address(r *http.Request) netip.Addr {
	return httpauth.ClientAddr(r, a.trusted)
}

// Authenticate returns who sent a request with this body. Errors are of code
// unauthenticated with the details of protocol.md, or say that the store is
// away; the log has the reason.
func (a *Authenticator) Authenticate(r *http.Request, body []byte) (dffmpeg.Identity, error) {
	credentials, err := httpauth.Parse(r.Header)
	if err != nil {
		return dffmpeg.Identity{}, err
	}
	identity, err := a.verify(r, credentials, body)
	if err != nil {
		a.logger.Info("request refused", "client", credentials.ClientID, "address", a.Address(r).String(),
			"method", r.Method, "path", r.URL.Path, "reason", err)
	}
	return identity, err
}

func (a *Authenticator) verify(r *http.Request, credentials httpauth.Credentials, body []byte) (dffmpeg.Identity, error) {
	stored, err := a.identities.Identity(r.Context(), credentials.ClientID)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		// As long as for one that exists, so that the time tells nothing.
		_ = credentials.Verify(a.decoy, r.Method, r.URL.Path, body, a.now())
		return dffmpeg.Identity{}, dffmpeg.Errorf(dffmpeg.CodeUnauthenticated, httpauth.DetailUser)
	}
	if err != nil {
		return dffmpeg.Identity{}, err
	}
	key, err := a.key(stored)
	if err != nil {
		return dffmpeg.Identity{}, err
	}
	// The address first, as 0.4 does: a stolen key learns nothing elsewhere.
	if !httpauth.Allowed(a.Address(r), stored.AllowedCIDRs) {
		return dffmpeg.Identity{}, dffmpeg.Errorf(dffmpeg.CodeUnauthenticated, httpauth.DetailAddress)
	}
	if err := credentials.Verify(key, r.Method, r.URL.Path, body, a.now()); err != nil {
		return dffmpeg.Identity{}, err
	}
	return stored.Identity, nil
}

// CheckProof returns nil when an identity has proven its key over a text (see
// httpauth.Prove).
func (a *Authenticator) CheckProof(ctx context.Context, clientID, text, proof string) error {
	stored, err := a.identities.Identity(ctx, clientID)
	if err != nil {
		return err
	}
	key, err := a.key(stored)
	if err != nil {
		return err
	}
	return httpauth.CheckProof(key, text, proof)
}

// key opens an identity's key. One that cannot be opened is a mistake of the
// operator, who finds the reason in the log.
func (a *Authenticator) key(stored store.StoredIdentity) (httpauth.Key, error) {
	text, err := a.keys.Open(stored.Key.KeyID, stored.Key.Text)
	if err == nil {
		var key httpauth.Key
		if key, err = httpauth.ParseKey(text); err == nil {
			return key, nil
		}
	}
	refused := dffmpeg.Errorf(dffmpeg.CodeUnauthenticated, httpauth.DetailSignature)
	return httpauth.Key{}, refused.WithCause(errors.Join(errors.New("the stored key cannot be used"), err))
}
