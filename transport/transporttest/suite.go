// Package transporttest is the conformance suite that every transport passes,
// and what it is made of: a mailbox in memory, as much of a coordinator as a
// transport needs, and receivers.
package transporttest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Features declares what a transport can do by itself. What it cannot, the
// layer above makes up for, or does not need.
type Features struct {
	// Copies: several listeners of one recipient each hear everything, rather
	// than share it.
	Copies bool
	// Rewinds: a new subscription hears again what comes after the message it
	// names, or without one what was not acknowledged, although it was sent.
	Rewinds bool
	// Keeps: what is sent while nobody listens waits until somebody does.
	Keeps bool
	// Buffers: a broker takes whatever is sent, and keeps it for a receiver that
	// does not read.
	Buffers bool
	// Most is how many bytes a message's payload may have; 0 if there is no bound.
	Most int
}

// Fixture is a transport as the suite runs it.
type Fixture struct {
	Plugin         transport.Plugin
	ServerSettings transport.Decoder // nil for the defaults
	ClientSettings transport.Decoder
	// ClientFor returns the settings of one identity's client; nil: all have
	// ClientSettings.
	ClientFor func(identity string) transport.Decoder
	Features  Features
	// Refused are settings, of server and client, whose credentials the broker
	// refuses; nil for a transport without credentials of its own.
	Refused transport.Decoder
	// RestartBroker kills the broker and starts it again; nil if there is none.
	RestartBroker func(t *testing.T)
}

// Settings decodes by calling itself: it changes the defaults it is given.
type Settings func(into any) error

// Decode implements transport.Decoder.
func (s Settings) Decode(into any) error {
	if s == nil {
		return nil
	}
	return s(into)
}

// Run runs the suite. fixture is called for each test; what it returns shares
// nothing with what it returned before.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) { run(t, fixture, false) }

// RunReliable runs the suite with a lossy transport as peers listen to it: by
// transport.Reliable. Then it does what all transports promise.
func RunReliable(t *testing.T, fixture func(t *testing.T) Fixture) {
	run(t, func(t *testing.T) Fixture {
		t.Helper()
		f := fixture(t)
		f.Features.Rewinds, f.Features.Keeps, f.Features.Most = true, true, 0
		return f
	}, true)
}

func run(t *testing.T, fixture func(t *testing.T) Fixture, reliable bool) {
	tests := []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"Delivery", delivery},
		{"Order", order},
		{"AwaitedMailComesAtOnce", awaited},
		{"LargeMessages", large},
		{"AwkwardText", awkward},
		{"ManyRecipients", many},
		{"RecipientsApart", apart},
		{"ReceiverAwayAndBack", away},
		{"ReceiverFails", failing},
		{"ServerRestarts", restarts},
		{"SlowReceiver", slow},
		{"TwoListeners", two},
		{"Rewind", rewind},
		{"UnacknowledgedAgain", unacknowledged},
		{"CancelIsPrompt", cancelPrompt},
		{"CleanClose", cleanClose},
		{"Names", names},
		{"BrokerRestarts", brokerRestarts},
		{"CredentialsRefused", refused},
		{"Reach", reach},
		{"OthersMailIsRefused", eavesdropper},
		{"Broadcasts", broadcasts},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fixture(t)
			if f.ServerSettings == nil {
				f.ServerSettings = Settings(nil)
			}
			if f.ClientSettings == nil {
				f.ClientSettings = Settings(nil)
			}
			accounts := f.ClientFor != nil
			if !accounts {
				f.ClientFor = func(string) transport.Decoder { return f.ClientSettings }
			}
			s := &suite{Fixture: f, accounts: accounts, mailbox: NewMailbox(), reliable: reliable}
			s.coordinator = StartCoordinator(t, f.Plugin, f.ServerSettings, s.mailbox)
			s.awaitHealthy(t)
			test.run(t, s)
		})
	}
}

// suite is one test's world.
type suite struct {
	Fixture
	mailbox     *Mailbox
	coordinator *Coordinator
	reliable    bool
	accounts    bool // everybody has one of their own
}

// ready is told when a client hears.
type ready chan struct{}

func (r ready) listening(hears bool) {
	if !hears {
		return
	}
	select {
	case r <- struct{}{}:
	default:
	}
}

// await waits until the client hears; one that is not lossy needs not say so.
func (r ready) await(t *testing.T, s *suite) {
	t.Helper()
	if !s.Plugin.Lossy || s.Features.Keeps {
		return
	}
	select {
	case <-r:
	case <-time.After(patience):
		t.Fatal("the client does not become ready")
	}
}

// client makes a peer's end that begins after a message, "" for none.
func (s *suite) client(t *testing.T, to dffmpeg.Recipient, after string) (transport.Client, ready) {
	t.Helper()
	r := make(ready, 1)
	client, err := s.clientWith(t, s.ClientFor(to.ID), transport.Subscription{
		Recipient: to, Metadata: s.coordinator.Server.Address(to), After: after, Listening: r.listening,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, r
}

func (s *suite) clientWith(t *testing.T, settings transport.Decoder, subscription transport.Subscription) (transport.Client, error) {
	t.Helper()
	registry, err := transport.NewRegistry(s.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	open := func(subscription transport.Subscription) (transport.Client, error) {
		return registry.NewClient(s.Plugin.Name, transport.ClientOptions{
			Settings:     settings,
			Subscription: subscription,
			Caller:       s.coordinator.Caller(t, subscription.Recipient.ID),
			Logger:       Discard(),
		})
	}
	if !s.reliable {
		return open(subscription)
	}
	return transport.Reliable(open, subscription, s.mailbox.fetch(subscription.Recipient), Discard())
}

// listen starts a receiver that hears what is sent from now on, if no more.
func (s *suite) listen(t *testing.T, to dffmpeg.Recipient, after string) *Receiver {
	t.Helper()
	client, ready := s.client(t, to, after)
	receiver := Listen(t, client, nil)
	receiver.ready = ready
	ready.await(t, s)
	return receiver
}

// awaitHealthy waits until the server may be offered, as peers do.
func (s *suite) awaitHealthy(t *testing.T) {
	t.Helper()
	awaitHealthy(t, s.coordinator)
}

func awaitHealthy(t *testing.T, c *Coordinator) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		_, err := c.Server.Health(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not become healthy: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitSent waits until so many messages count as sent.
func (s *suite) awaitSent(t *testing.T, to dffmpeg.Recipient, count int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.mailbox.AwaitSent(ctx, to, count); err != nil {
		t.Fatal(err)
	}
}

// requester returns the recipient of a job's messages.
func requester(id, job string) dffmpeg.Recipient {
	return dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester, ID: id, JobID: job}
}

// numbered returns so many payloads that differ.
func numbered(from, count int) []any {
	payloads := make([]any, count)
	for i := range payloads {
		payloads[i] = map[string]any{"status": "running", "number": from + i, "name": fmt.Sprintf("ü %d", from+i)}
	}
	return payloads
}
