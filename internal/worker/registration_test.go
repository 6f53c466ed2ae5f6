package worker

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Rest implements caller.
func (n *notebook) Rest() { n.notes = append(n.notes, "rest") }

// desk is a coordinator that keeps registrations.
type desk struct {
	caller // for what these tests do not use

	features []string
	refuses  []any // a place in registrations of which it takes none with programs
	mu       sync.Mutex
	got      []dffmpeg.RegisterRequest
	rests    int
}

func (d *desk) Rest() { d.rests++ }

// registrations returns what it got.
func (d *desk) registrations() []dffmpeg.RegisterRequest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

func (d *desk) Call(_ context.Context, _, _ string, _ url.Values, in, out any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	request := in.(dffmpeg.RegisterRequest)
	if d.refuses != nil && request.Offer.Programs != nil {
		return &dffmpeg.Error{Code: dffmpeg.CodeValidation, Fields: []dffmpeg.FieldError{{Loc: []any{"body", "paths", 1.0}}, {Loc: d.refuses}}}
	}
	d.got = append(d.got, request)
	*out.(*dffmpeg.RegisterAnswer) = dffmpeg.RegisterAnswer{Transport: "t", Features: d.features}
	return nil
}

// ear is a transport's client that hears, or not, until it is told to end.
type ear struct{ hears atomic.Bool }

func (e *ear) Hears() bool { return e.hears.Load() }

func (e *ear) Listen(ctx context.Context, _ func(context.Context, []dffmpeg.Message) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// deaf is one that cannot tell.
type deaf struct{ transport.Client }

// connector gives out one client.
type connector struct{ client transport.Client }

func (c connector) Names() []string { return []string{"t"} }

func (c connector) Connect(string, transport.Subscription, transport.Fetch) (transport.Client, error) {
	return c.client, nil
}

type nowhere struct{}

func (nowhere) Available(context.Context) []string { return nil }

// nothing is known of programs.
type nothing struct{}

func (nothing) Look(context.Context, func() bool, func(map[string]Build)) {}

// TestSaysThatItHears: only to a coordinator that asks for no verification then,
// and only when it is so.
func TestSaysThatItHears(t *testing.T) {
	renews := []string{dffmpeg.FeatureRenew}
	hearing := &ear{}
	hearing.hears.Store(true)
	for name, tt := range map[string]struct {
		features []string
		client   transport.Client
		want     bool
	}{
		"it hears":                             {renews, hearing, true},
		"it does not hear":                     {renews, &ear{}, false},
		"a transport that cannot tell":         {renews, deaf{hearing}, false},
		"a coordinator that wants to be asked": {nil, hearing, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{features: tt.features}
			w := New(Settings{ID: "w"}, d, connector{tt.client}, nowhere{}, nothing{}, nil, slog.New(slog.DiscardHandler))
			var current *listening
			for range 2 {
				if err := w.register(t.Context()); err != nil {
					t.Fatal(err)
				}
				current = w.listen(t.Context(), current, <-w.answers, nil)
				w.listening.Store(current)
			}
			if d.got[0].Hears {
				t.Error("it says that it hears before it listens")
			}
			if d.got[1].Hears != tt.want {
				t.Errorf("it says that it hears: %t, want %t", d.got[1].Hears, tt.want)
			}
			if rested := d.rests > 0; rested != tt.want {
				t.Errorf("it rests: %t, want %t", rested, tt.want)
			}
			current.end()
			if w.hears() {
				t.Error("it hears although it does not listen any more")
			}
		})
	}
}

// gate is a coordinator that takes registrations and no tokens.
type gate struct{ desk }

func (g *gate) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	if strings.HasSuffix(path, "/verify") {
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "Invalid registration token")
	}
	return g.desk.Call(ctx, method, path, query, in, out)
}

// TestVoidTokens: a token is void when another registration overtook it, which is nothing
// to warn of; else it is.
func TestVoidTokens(t *testing.T) {
	message := dffmpeg.Message{Type: dffmpeg.MessageVerifyRegistration, Payload: []byte(`{"registration_token": "x"}`)}
	for name, tt := range map[string]struct {
		apart, later time.Duration // between two registrations, and after them
		warns        bool
	}{
		"one upon the other":               {time.Second, 0, false},
		"in their turn":                    {15 * time.Second, 0, true},
		"one upon the other, but long ago": {time.Second, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				w := New(Settings{ID: "w", RegistrationInterval: 15 * time.Second}, &gate{}, connector{&ear{}}, nowhere{}, nothing{}, nil, slog.New(slog.NewTextHandler(&log, nil)))
				for range 2 {
					if err := w.register(t.Context()); err != nil {
						t.Fatal(err)
					}
					<-w.answers
					time.Sleep(tt.apart)
				}
				time.Sleep(tt.later)
				w.act(t.Context(), t.Context(), &message, nil)
				if warns := strings.Contains(log.String(), "Invalid registration token"); warns != tt.warns {
					t.Errorf("warns: %t, want %t: %s", warns, tt.warns, &log)
				}
			})
		})
	}
}
