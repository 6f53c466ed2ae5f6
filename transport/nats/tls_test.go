package nats

import (
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// TestEncryptedConnections: the broker's certificate is checked unless the
// configuration says otherwise.
func TestEncryptedConnections(t *testing.T) {
	t.Cleanup(func() { removeStream(t, "test-tls") })
	with := func(change func(*Settings)) transport.Decoder {
		return settings(t, func(s *Settings) {
			s.UseTLS = true
			s.Stream, s.SubjectPrefix = "test-tls", "test-tls"
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
