package mqtt

import (
	"strconv"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// TestEncryptedConnections: the broker's certificate is checked unless the
// configuration says otherwise.
func TestEncryptedConnections(t *testing.T) {
	port, err := strconv.Atoi(testservices.URL(t, "MOSQUITTO_CRASH_TLS_PORT"))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*Settings)) transport.Decoder {
		return settings(t, func(s *Settings) {
			s.UseTLS = true
			s.Port = port
			change(s)
		})
	}
	transporttest.RunEncrypted(t, Plugin(),
		with(func(s *Settings) {
			s.CA, s.Cert, s.Key = testservices.URL(t, "CA"), testservices.URL(t, "CLIENT_CERT"), testservices.URL(t, "CLIENT_KEY")
		}),
		with(func(*Settings) {}),
		with(func(s *Settings) { s.Verify = false }))
}
