package transporttest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// RunEncrypted tests a transport over TLS: with settings that trust the broker's
// authority and have a certificate of ours a message comes through; with settings
// that know no authority the broker is refused; without verification it is not.
func RunEncrypted(t *testing.T, plugin transport.Plugin, trusted, unknown, careless transport.Decoder) {
	for name, settings := range map[string]transport.Decoder{"Trusted": trusted, "Careless": careless} {
		t.Run(name, func(t *testing.T) {
			s := &suite{Fixture: Fixture{Plugin: plugin, ServerSettings: settings, ClientSettings: settings}, mailbox: NewMailbox()}
			s.ClientFor = func(string) transport.Decoder { return settings }
			s.coordinator = StartCoordinator(t, plugin, settings, s.mailbox)
			s.awaitHealthy(t)
			to := dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester, ID: "alice", JobID: "01TLS" + name}
			receiver := s.listen(t, to, "")
			receiver.Await(t, s.coordinator.Send(to, "secret"))
		})
	}
	t.Run("UnknownAuthority", func(t *testing.T) {
		c := StartCoordinator(t, plugin, unknown, NewMailbox())
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for {
			_, err := c.Server.Health(ctx)
			if err == nil {
				t.Fatal("a broker of an unknown authority was trusted")
			}
			if strings.Contains(err.Error(), "certificate") {
				return
			}
			if ctx.Err() != nil {
				t.Fatalf("Health() = %v, want that its certificate is not trusted", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}
