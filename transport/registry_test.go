package transport_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// plain is a Server that neither pulls nor pushes.
type plain struct{ name string }

func (p plain) Name() string                                    { return p.name }
func (p plain) Address(dffmpeg.Recipient) transport.Metadata    { return nil }
func (p plain) Health(context.Context) (detail string, _ error) { return "fine", nil }
func (p plain) Run(ctx context.Context) error                   { <-ctx.Done(); return ctx.Err() }

type puller struct{ plain }

func (puller) Wake(dffmpeg.Recipient)       {}
func (puller) Waiting() []dffmpeg.Recipient { return nil }
func (puller) Routes() []transport.Route    { return nil }

type both struct{ puller }

func (both) Publish(context.Context, dffmpeg.Recipient, transport.Metadata, []dffmpeg.Message) error {
	return nil
}

func plugin(name string, server transport.Server, err error) transport.Plugin {
	return transport.Plugin{
		Name:      name,
		NewServer: func(transport.ServerOptions) (transport.Server, error) { return server, err },
		NewClient: func(transport.ClientOptions) (transport.Client, error) { return nil, err },
	}
}

func TestRegistryRefusesNames(t *testing.T) {
	if _, err := transport.NewRegistry(plugin("a", nil, nil), plugin("a", nil, nil)); err == nil {
		t.Error("two transports of one name are accepted")
	}
	if _, err := transport.NewRegistry(plugin("", nil, nil)); err == nil {
		t.Error("an empty name is accepted")
	}
}

func TestRegistryNamesWhatItKnows(t *testing.T) {
	registry, err := transport.NewRegistry(plugin("b", nil, nil), plugin("a", nil, nil), transport.Plugin{Name: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if names := registry.Names(); !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("Names() = %v", names)
	}
	_, serverErr := registry.NewServer("x", transport.ServerOptions{})
	_, clientErr := registry.NewClient("x", transport.ClientOptions{})
	for _, err := range []error{serverErr, clientErr} {
		var unknown *transport.UnknownError
		if !errors.As(err, &unknown) || unknown.Name != "x" || !strings.Contains(err.Error(), "a, b, c") {
			t.Errorf("an unknown name gives %v", err)
		}
	}
	if _, err := registry.NewServer("c", transport.ServerOptions{}); err == nil {
		t.Error("a transport without the server's end makes one")
	}
	if _, err := registry.NewClient("c", transport.ClientOptions{}); err == nil {
		t.Error("a transport without the client's end makes one")
	}
}

func TestRegistryChecksServers(t *testing.T) {
	broken := errors.New("no host")
	for name, test := range map[string]struct {
		server transport.Server
		err    error
		want   string
	}{
		"neither":    {plain{"neither"}, nil, "Puller or a Pusher"},
		"both":       {both{puller{plain{"both"}}}, nil, "Puller or a Pusher"},
		"other name": {puller{plain{"elsewhere"}}, nil, "elsewhere"},
		"fails":      {nil, broken, "no host"},
	} {
		registry, err := transport.NewRegistry(plugin(name, test.server, test.err))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := registry.NewServer(name, transport.ServerOptions{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error about %q", name, err, test.want)
		}
		if _, err := registry.NewClient(name, transport.ClientOptions{}); !errors.Is(err, test.err) {
			t.Errorf("%s: the client's end: %v", name, err)
		}
	}
}
