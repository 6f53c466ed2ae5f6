// Package peer connects workers and clients to the coordinator that their
// configuration names: signed calls up, a transport down.
package peer

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

// NewCaller returns a caller of the coordinator at address as the identity
// whose credentials are given. Errors say what is wrong with them and do not
// contain the key.
func NewCaller(id string, key secret.Value, address *url.URL, userAgent string) (*signedhttp.Caller, error) {
	parsed, err := httpauth.ParseKey(key)
	if err != nil {
		return nil, fmt.Errorf("hmac_key of %s: %w", id, err)
	}
	signer, err := httpauth.NewSigner(id, parsed, address.Path)
	if err != nil {
		return nil, err
	}
	return signedhttp.New(signedhttp.Options{BaseURL: address, Signer: signer, UserAgent: userAgent}), nil
}

// Connector makes the peer's end of transports. It serves the Go library and
// the worker.
type Connector struct {
	registry transport.Registry
	settings config.Transports
	enabled  []string
	caller   transport.Caller
	logger   *slog.Logger
}

// NewConnector returns a connector of the enabled transports; names that the
// program does not know are refused.
func NewConnector(registry transport.Registry, settings config.Transports, caller transport.Caller, logger *slog.Logger) (*Connector, error) {
	if err := settings.Check(registry.ClientSettings()); err != nil {
		return nil, err
	}
	return &Connector{registry: registry, settings: settings, enabled: settings.Enabled, caller: caller, logger: logger}, nil
}

// PollingCaller returns the caller that polls use: the general one, unless the
// configuration overrides identity, key or coordinator for polling alone.
func PollingCaller(general *signedhttp.Caller, id string, key secret.Value, address *url.URL, polling config.HTTPPollingPeer, userAgent string) (*signedhttp.Caller, error) {
	if polling.ClientID == "" && polling.HMACKey.IsZero() && polling.CoordinatorURL == "" {
		return general, nil
	}
	if !polling.HMACKey.IsZero() {
		key = polling.HMACKey
	}
	if polling.CoordinatorURL != "" {
		other, err := config.ParseAddress(polling.CoordinatorURL)
		if err != nil {
			return nil, fmt.Errorf("coordinator_url of http_polling: %w", err)
		}
		address = other.URL()
	}
	return NewCaller(cmp.Or(polling.ClientID, id), key, address, userAgent)
}

// Names implements the connectors' contract: the enabled transports.
func (c *Connector) Names() []string { return c.enabled }

// Connect implements the connectors' contract.
func (c *Connector) Connect(name string, subscription transport.Subscription, fetch transport.Fetch) (transport.Client, error) {
	open := func(subscription transport.Subscription) (transport.Client, error) {
		return c.registry.NewClient(name, transport.ClientOptions{
			Settings:     c.settings.Settings(name),
			Subscription: subscription,
			Caller:       c.caller,
			Logger:       c.logger,
		})
	}
	if !c.registry.Lossy(name) {
		return open(subscription)
	}
	return transport.Reliable(open, subscription, fetch, c.logger)
}
