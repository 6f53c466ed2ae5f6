package nats

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// service is a broker that tests may kill.
const service = "nats-crash"

// fixture is the transport over NATS, with a stream of its own.
func fixture(t *testing.T) transporttest.Fixture {
	t.Helper()
	prefix := "test-" + rand.Text()
	t.Cleanup(func() { removeStream(t, prefix) })
	return transporttest.Fixture{
		Plugin:         Plugin(),
		ServerSettings: settings(t, func(s *Settings) { s.Stream, s.SubjectPrefix = prefix, prefix }),
		ClientSettings: settings(t, nil),
		Features:       transporttest.Features{Copies: true, Buffers: true, Most: 1 << 19},
		Refused:        settings(t, func(s *Settings) { s.Password = secret.New("wrong") }),
		RestartBroker: func(t *testing.T) {
			t.Helper()
			testservices.Kill(t, service)
			testservices.Start(t, service)
		},
	}
}

// removeStream removes a test's stream, if there is one.
func removeStream(t *testing.T, name string) {
	t.Helper()
	s := DefaultSettings()
	if err := settings(t, nil).Decode(&s); err != nil {
		t.Fatal(err)
	}
	l, err := newLogin(&s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.dial(context.Background()) // the test's has ended
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.js.DeleteStream(context.Background(), name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Error(err)
	}
}

// settings returns where the server for tests is.
func settings(t *testing.T, change func(*Settings)) transport.Decoder {
	t.Helper()
	b := testservices.Broker(t, "NATS_CRASH")
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
