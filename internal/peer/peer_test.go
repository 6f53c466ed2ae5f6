package peer

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
)

func TestCallerSigns(t *testing.T) {
	for _, base := range []string{"", "/video/dffmpeg"} {
		k, text := key()
		g := newGate(t, base, map[string]httpauth.Key{"jellyfin": k})
		caller, err := NewCaller("jellyfin", text, g.url(t), agent)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.seen(); len(got) != 0 {
			t.Errorf("base %q: making a caller called: %q", base, got)
		}
		if err := caller.Call(t.Context(), http.MethodGet, "/jobs", nil, nil, nil); err != nil {
			t.Error(err)
		}
		if got, want := g.seen(), []string{"jellyfin GET /jobs " + agent}; !slices.Equal(got, want) {
			t.Errorf("base %q: the coordinator saw %q, want %q", base, got, want)
		}
	}
}

func TestCallerRefusesWrongCredentials(t *testing.T) {
	address := &url.URL{Scheme: "http", Host: "localhost:8000"}
	for text, want := range wrongKeys() {
		caller, err := NewCaller("jellyfin", secret.New(text), address, agent)
		if caller != nil {
			t.Errorf("a caller with a key of %d characters", len(text))
		}
		wantRefusal(t, err, "jellyfin", text, want)
	}
	_, text := key()
	for id, want := range map[string]string{"": "client ID: empty", "jelly\nfin": "client ID: contains the control character U+000A"} {
		if _, err := NewCaller(id, text, address, agent); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("identity %q: %v, want an error that says %q", id, err, want)
		}
	}
}

func TestPollingUsesTheGeneralCaller(t *testing.T) {
	_, text := key()
	address := &url.URL{Scheme: "http", Host: "localhost:8000"}
	general, err := NewCaller("jellyfin", text, address, agent)
	if err != nil {
		t.Fatal(err)
	}
	// These are no overrides of who calls whom.
	polling := config.HTTPPollingPeer{Streaming: true, PollWait: 7}
	if got, err := PollingCaller(general, "jellyfin", text, address, polling, agent); err != nil || got != general {
		t.Errorf("PollingCaller() = %p, %v; want the general caller %p", got, err, general)
	}
}

func TestPollingOverrides(t *testing.T) {
	mine, myText := key()
	other, otherText := key()
	here := newGate(t, "", map[string]httpauth.Key{"jellyfin": mine, "listener": mine, "plex": other})
	there := newGate(t, "/poller", map[string]httpauth.Key{"jellyfin": mine, "plex": other})
	rekeyed := newGate(t, "", map[string]httpauth.Key{"jellyfin": other})
	tests := []struct {
		name    string
		polling config.HTTPPollingPeer
		address *url.URL // nil: here
		at      *gate
		want    string
	}{
		{"identity", config.HTTPPollingPeer{ClientID: "listener"}, nil, here, "listener"},
		{"key", config.HTTPPollingPeer{HMACKey: otherText}, rekeyed.url(t), rekeyed, "jellyfin"},
		{"coordinator", config.HTTPPollingPeer{CoordinatorURL: there.server.URL + "/poller/"}, nil, there, "jellyfin"},
		{"identity and key", config.HTTPPollingPeer{ClientID: "plex", HMACKey: otherText}, nil, here, "plex"},
		{"all", config.HTTPPollingPeer{ClientID: "plex", HMACKey: otherText, CoordinatorURL: there.server.URL + "/poller"}, nil, there, "plex"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := tt.address
			if address == nil {
				address = here.url(t)
			}
			general, err := NewCaller("jellyfin", myText, address, agent)
			if err != nil {
				t.Fatal(err)
			}
			caller, err := PollingCaller(general, "jellyfin", myText, address, tt.polling, agent)
			if err != nil {
				t.Fatal(err)
			}
			if err := caller.Call(t.Context(), http.MethodGet, "/poll/jobs/1", nil, nil, nil); err != nil {
				t.Error(err)
			}
			if got, want := tt.at.seen(), []string{tt.want + " GET /poll/jobs/1 " + agent}; !slices.Equal(got, want) {
				t.Errorf("the coordinator saw %q, want %q", got, want)
			}
		})
	}
}

func TestPollingOverridesThatAreWrong(t *testing.T) {
	_, text := key()
	address := &url.URL{Scheme: "http", Host: "localhost:8000"}
	for wrong, want := range wrongKeys() {
		if wrong == "" {
			continue // no override
		}
		_, err := PollingCaller(nil, "jellyfin", text, address, config.HTTPPollingPeer{HMACKey: secret.New(wrong)}, agent)
		wantRefusal(t, err, "jellyfin", wrong, want)
	}
	_, err := PollingCaller(nil, "jellyfin", text, address, config.HTTPPollingPeer{CoordinatorURL: "http://me:hunter2@coordinator"}, agent)
	if want := "coordinator_url of http_polling: the URL contains a user or password; the key is given separately"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// pigeon is a transport that remembers what its clients are made of.
type pigeon struct {
	made []transport.ClientOptions
	fail error
}

func (p *pigeon) newClient(o transport.ClientOptions) (transport.Client, error) {
	p.made = append(p.made, o)
	return nil, p.fail
}

// plugin returns the transport of a name.
func (p *pigeon) plugin(name string) transport.Plugin {
	return transport.Plugin{Name: name, NewClient: p.newClient}
}

func registry(t *testing.T, plugins ...transport.Plugin) transport.Registry {
	t.Helper()
	r, err := transport.NewRegistry(plugins...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConnector(t *testing.T) {
	cfg := load(t, `
client_id: jellyfin
hmac_key: `+strings.Repeat("A", 43)+`=
transports:
  enabled_transports: [owl, pigeon]
  transport_settings:
    pigeon: {loft: roof}
`)
	p, owl := &pigeon{}, &pigeon{}
	caller, logger := &signedhttp.Caller{}, discard()
	connector, err := NewConnector(registry(t, p.plugin("pigeon"), owl.plugin("owl"), p.plugin("http_polling")), cfg.Transports, caller, logger)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := connector.Names(), []string{"owl", "pigeon"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want the enabled ones, best first: %q", got, want)
	}
	subscription := transport.Subscription{
		Recipient: dffmpeg.ToWorker("b1"), Metadata: transport.Metadata{"ring": "7"}, After: "A",
	}
	if _, err := connector.Connect("pigeon", subscription, nil); err != nil {
		t.Fatal(err)
	}
	if len(p.made) != 1 || len(owl.made) != 0 {
		t.Fatalf("%d pigeons and %d owls were made, want 1 and 0", len(p.made), len(owl.made))
	}
	got := p.made[0]
	if got.Subscription.Recipient != subscription.Recipient || got.Subscription.After != "A" || got.Subscription.Metadata["ring"] != "7" {
		t.Errorf("subscription %+v, want %+v", got.Subscription, subscription)
	}
	if got.Caller != transport.Caller(caller) || got.Logger != logger {
		t.Error("the transport did not get the connector's caller and logger")
	}
	settings := struct {
		Loft string `yaml:"loft"`
	}{}
	if err := got.Settings.Decode(&settings); err != nil || settings.Loft != "roof" {
		t.Errorf("settings %+v, %v; want those of the configuration", settings, err)
	}
}

func TestConnectorRefusesUnknownTransports(t *testing.T) {
	connector, err := NewConnector(registry(t, (&pigeon{}).plugin("pigeon")), config.DefaultClient().Transports, nil, discard())
	if connector != nil || err == nil || !strings.Contains(err.Error(), `unknown transport "http_polling"; known are pigeon`) {
		t.Errorf("NewConnector() = %v, %v; want that the transport is unknown", connector, err)
	}
}

func TestConnectFails(t *testing.T) {
	p := &pigeon{fail: errors.New("the loft is empty")}
	settings := config.DefaultClient().Transports
	settings.Enabled = []string{"pigeon"}
	connector, err := NewConnector(registry(t, p.plugin("pigeon")), settings, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connector.Connect("pigeon", transport.Subscription{}, nil); !errors.Is(err, p.fail) || err.Error() != "transport pigeon: the loft is empty" {
		t.Errorf("Connect() = %v, want the transport's own error", err)
	}
	var unknown *transport.UnknownError
	if _, err := connector.Connect("owl", transport.Subscription{}, nil); !errors.As(err, &unknown) || unknown.Name != "owl" {
		t.Errorf("Connect() = %v, want that the coordinator chose a transport nobody knows", err)
	}
}
