package rabbitmq

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// records answers look-ups, and notes what was asked.
type records struct {
	asked   []string
	records []*net.SRV
	err     error
}

func (r *records) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	r.asked = append(r.asked, "_"+service+"._"+proto+"."+name)
	return "", r.records, r.err
}

// TestDiscovery: lowest priority first, then highest weight; host and port when
// there are no records. Each connection looks anew.
func TestDiscovery(t *testing.T) {
	s := DefaultSettings()
	s.Host, s.UseSRV, s.UseTLS = "example.org", true, true
	b, err := newBroker(&s)
	if err != nil {
		t.Fatal(err)
	}
	own := []place{{"example.org", encryptedPort}}
	for name, test := range map[string]struct {
		records records
		want    []place
	}{
		"records": {records{records: []*net.SRV{
			{Target: "c.example.org.", Port: 3, Priority: 20, Weight: 100},
			{Target: "b.example.org.", Port: 2, Priority: 10, Weight: 5},
			{Target: "a.example.org.", Port: 1, Priority: 10, Weight: 50},
		}}, []place{{"a.example.org", 1}, {"b.example.org", 2}, {"c.example.org", 3}}},
		"none":    {records{}, own},
		"failure": {records{err: errors.New("no such host")}, own},
	} {
		b.resolver = &test.records
		for range 2 {
			if diff := cmp.Diff(test.want, b.places(t.Context()), cmp.AllowUnexported(place{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if want := []string{"_amqps._tcp.example.org", "_amqps._tcp.example.org"}; !cmp.Equal(want, test.records.asked) {
			t.Errorf("%s: asked for %v, want %v", name, test.records.asked, want)
		}
	}
}

// TestNextBrokerIsTried when the best one cannot be reached.
func TestNextBrokerIsTried(t *testing.T) {
	s := DefaultSettings()
	if err := settings(t, nil).Decode(&s); err != nil {
		t.Fatal(err)
	}
	s.UseSRV = true
	b, err := newBroker(&s)
	if err != nil {
		t.Fatal(err)
	}
	b.resolver = &records{records: []*net.SRV{
		{Target: "127.0.0.1.", Port: 1, Priority: 1},
		{Target: s.Host + ".", Port: uint16(s.Port), Priority: 2}, //nolint:gosec // a port
	}}
	connection, err := b.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
}
