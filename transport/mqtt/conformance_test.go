package mqtt

import (
	"crypto/rand"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// service is a broker that tests may kill.
const service = "mosquitto-crash"

// fixture is the transport over Mosquitto, with topics of its own.
func fixture(t *testing.T) transporttest.Fixture {
	t.Helper()
	prefix := "test-" + rand.Text()
	return transporttest.Fixture{
		Plugin:         Plugin(),
		ServerSettings: settings(t, func(s *Settings) { s.TopicPrefix = prefix }),
		ClientSettings: settings(t, nil),
		Features:       transporttest.Features{Copies: true, Buffers: true},
		Refused:        settings(t, func(s *Settings) { s.Password = secret.New("wrong") }),
		RestartBroker: func(t *testing.T) {
			t.Helper()
			testservices.Kill(t, service)
			testservices.Start(t, service)
		},
	}
}

// restricted is the transport with default names, where everybody has an account
// of their own with the permissions that docs/operations.md has.
func restricted(t *testing.T) transporttest.Fixture {
	t.Helper()
	f := fixture(t)
	f.ServerSettings = settings(t, func(s *Settings) { s.Username = "coordinator" })
	f.ClientFor = func(identity string) transport.Decoder {
		return settings(t, func(s *Settings) { s.Username = identity })
	}
	f.RestartBroker = nil // as with all permissions
	return f
}

// settings returns where the broker for tests is.
func settings(t *testing.T, change func(*Settings)) transport.Decoder {
	t.Helper()
	b := testservices.Broker(t, "MOSQUITTO_CRASH")
	return transporttest.Settings(func(into any) error {
		s := into.(*Settings)
		s.Host, s.Port, s.Username, s.Password = b.Host, b.Port, b.User, b.Password
		if change != nil {
			change(s)
		}
		return nil
	})
}

func TestConformance(t *testing.T) { transporttest.Run(t, fixture) }

func TestConformanceAsPeersListen(t *testing.T) { transporttest.RunReliable(t, fixture) }

func TestConformanceWithLeastPermissions(t *testing.T) { transporttest.Run(t, restricted) }
