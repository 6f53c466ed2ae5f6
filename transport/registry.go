package transport

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Decoder fills a transport's own settings struct from the configuration,
// strictly; set its defaults before.
type Decoder interface{ Decode(into any) error }

// Caller sends signed requests to the coordinator. The path is escaped where it
// has to be; the caller of Do closes the response's body.
type Caller interface {
	Do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error)
}

// ServerOptions is what a Server is made from.
type ServerOptions struct {
	Settings Decoder
	Mailbox  Mailbox
	Logger   *slog.Logger
	// OfferLifetime is how long a job_request means anything: a broker that can
	// forgets it after that. 0: for ever.
	OfferLifetime time.Duration
}

// ClientOptions is what a Client is made from.
type ClientOptions struct {
	Settings     Decoder
	Subscription Subscription
	Caller       Caller
	Logger       *slog.Logger
}

// Plugin is a transport as a registry knows it. A program that plays one end
// only may leave the other constructor nil.
type Plugin struct {
	Name string
	// Lossy says that a client may miss what was sent while it did not listen,
	// or while the broker was away. It calls Subscription.Listening; peers
	// listen through [Reliable], which fetches what is missing.
	Lossy bool
	// ServerSettings and ClientSettings return a pointer to the settings of an end
	// with their defaults, so that a configuration can be checked before anything
	// starts; nil: the constructor checks them.
	ServerSettings, ClientSettings func() any
	NewServer                      func(ServerOptions) (Server, error)
	NewClient                      func(ClientOptions) (Client, error)
	// Reach connects to the broker as a peer with these settings does, and ends the
	// connection; nil says that the broker is reached and takes the credentials. It
	// listens to nothing. It ends with ctx, and has a bound of its own. It is for those
	// who look for a mistake in a configuration; nil for a transport that needs nothing
	// but the coordinator.
	Reach func(ctx context.Context, settings Decoder) error
}

// Registry holds the transports that a program knows, by name. It is a value
// made in main and passed down; it is immutable and safe for concurrent use.
type Registry struct{ plugins map[string]Plugin }

// NewRegistry returns a registry of these transports. Two of one name are an
// error.
func NewRegistry(plugins ...Plugin) (Registry, error) {
	r := Registry{plugins: make(map[string]Plugin, len(plugins))}
	for _, p := range plugins {
		if _, taken := r.plugins[p.Name]; taken || p.Name == "" {
			return Registry{}, fmt.Errorf("transport %q: the name is empty or registered already", p.Name)
		}
		r.plugins[p.Name] = p
	}
	return r, nil
}

// With returns a registry that knows more transports.
func (r Registry) With(more ...Plugin) (Registry, error) {
	return NewRegistry(slices.AppendSeq(more, maps.Values(r.plugins))...)
}

// Names returns the known names, sorted.
func (r Registry) Names() []string { return slices.Sorted(maps.Keys(r.plugins)) }

// ServerSettings returns, by name, how to make each transport's settings in the
// coordinator; nil for one that does not say.
func (r Registry) ServerSettings() map[string]func() any {
	return r.settings(func(p Plugin) func() any { return p.ServerSettings })
}

// ClientSettings does so for peers.
func (r Registry) ClientSettings() map[string]func() any {
	return r.settings(func(p Plugin) func() any { return p.ClientSettings })
}

func (r Registry) settings(of func(Plugin) func() any) map[string]func() any {
	kinds := make(map[string]func() any, len(r.plugins))
	for name, plugin := range r.plugins {
		kinds[name] = of(plugin)
	}
	return kinds
}

// UnknownError is a name that no transport is registered for.
type UnknownError struct {
	Name  string
	Known []string // sorted
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown transport %q; known are %s", e.Name, strings.Join(e.Known, ", "))
}

// NewServer makes the coordinator's end of a transport. A server that is
// neither a Puller nor a Pusher is refused.
func (r Registry) NewServer(name string, options ServerOptions) (Server, error) {
	plugin, ok := r.plugins[name]
	if !ok || plugin.NewServer == nil {
		return nil, &UnknownError{Name: name, Known: r.Names()}
	}
	server, err := plugin.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("transport %s: %w", name, err)
	}
	if server.Name() != name {
		return nil, fmt.Errorf("transport %s: its server calls itself %q", name, server.Name())
	}
	_, pulls := server.(Puller)
	_, pushes := server.(Pusher)
	if pulls == pushes {
		return nil, fmt.Errorf("transport %s: %T must be either a Puller or a Pusher", name, server)
	}
	return server, nil
}

// Lossy reports whether a transport is. See [Plugin].
func (r Registry) Lossy(name string) bool { return r.plugins[name].Lossy }

// Reach connects to a transport's broker; see [Plugin]. Some is false, and nothing
// was done, for a transport without one.
func (r Registry) Reach(ctx context.Context, name string, settings Decoder) (some bool, err error) {
	reach := r.plugins[name].Reach
	if reach == nil {
		return false, nil
	}
	return true, reach(ctx, settings)
}

// NewClient makes a peer's end of a transport.
func (r Registry) NewClient(name string, options ClientOptions) (Client, error) {
	plugin, ok := r.plugins[name]
	if !ok || plugin.NewClient == nil {
		return nil, &UnknownError{Name: name, Known: r.Names()}
	}
	client, err := plugin.NewClient(options)
	if err != nil {
		return nil, fmt.Errorf("transport %s: %w", name, err)
	}
	return client, nil
}
