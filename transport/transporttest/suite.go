// Package transporttest is the conformance suite that every transport passes,
// and what it is made of: a mailbox in memory, as much of a coordinator as a
// transport needs, and receivers.
package transporttest

import (
	"context"
	"fmt"
	"testing"

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
}

// Fixture is a transport as the suite runs it.
type Fixture struct {
	Plugin         transport.Plugin
	ServerSettings transport.Decoder // nil for the defaults
	ClientSettings transport.Decoder
	Features       Features
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
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
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
			s := &suite{Fixture: f, mailbox: NewMailbox()}
			s.coordinator = StartCoordinator(t, f.Plugin, f.ServerSettings, s.mailbox)
			test.run(t, s)
		})
	}
}

// suite is one test's world.
type suite struct {
	Fixture
	mailbox     *Mailbox
	coordinator *Coordinator
}

// client makes a peer's end that begins after a message, "" for none.
func (s *suite) client(t *testing.T, to dffmpeg.Recipient, after string) transport.Client {
	t.Helper()
	registry, err := transport.NewRegistry(s.Plugin)
	if err != nil {
		t.Fatal(err)
	}
	client, err := registry.NewClient(s.Plugin.Name, transport.ClientOptions{
		Settings:     s.ClientSettings,
		Subscription: transport.Subscription{Recipient: to, Metadata: s.coordinator.Server.Address(to), After: after},
		Caller:       s.coordinator.Caller(t, to.ID),
		Logger:       Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// listen starts a receiver.
func (s *suite) listen(t *testing.T, to dffmpeg.Recipient, after string) *Receiver {
	t.Helper()
	return Listen(t, s.client(t, to, after), nil)
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
