package rabbitmq

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// service is a broker that tests may kill.
const service = "rabbitmq-crash"

// fixture is the transport over RabbitMQ, with exchanges of its own.
func fixture(t *testing.T) transporttest.Fixture {
	t.Helper()
	prefix := "test-" + rand.Text()
	removeQueues(t)
	return transporttest.Fixture{
		Plugin: Plugin(),
		ServerSettings: settings(t, func(s *Settings) {
			s.WorkersExchange, s.JobsExchange, s.CoordinatorsExchange = prefix+".workers", prefix+".jobs", prefix+".coordinators"
		}),
		ClientSettings: settings(t, nil),
		Features:       transporttest.Features{Keeps: true, Buffers: true},
		Refused:        settings(t, func(s *Settings) { s.Password = secret.New("wrong") }),
		RestartBroker: func(t *testing.T) {
			t.Helper()
			testservices.Kill(t, service)
			testservices.Start(t, service)
		},
	}
}

// removeQueues removes what other tests have left in the queues of workers, whose
// names follow from the workers'.
func removeQueues(t *testing.T) {
	t.Helper()
	s := DefaultSettings()
	if err := settings(t, nil).Decode(&s); err != nil {
		t.Fatal(err)
	}
	b, err := newBroker(&s)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := b.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		q := queueOf(dffmpeg.ToWorker(fmt.Sprintf("worker%d", i)), "", "", "")
		if _, err := channel.QueueDelete(q.name, false, false, false); err != nil {
			t.Fatal(err)
		}
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
	b := testservices.Broker(t, "RABBITMQ_CRASH")
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

// TestReachWithoutVHost: peers use the vhost that the coordinator names, so that ours
// need not be there.
func TestReachWithoutVHost(t *testing.T) {
	if err := Plugin().Reach(t.Context(), settings(t, func(s *Settings) { s.VHost = "nowhere" })); err != nil {
		t.Error(err)
	}
}
