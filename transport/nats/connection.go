package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	connectTimeout = 5 * time.Second
	// answerTimeout bounds how long the server takes for a request.
	answerTimeout = 5 * time.Second
	// pings are how often the server is asked for a sign of life; after two
	// without the connection is given up.
	pings = 15 * time.Second
)

// connection is one connection to the server. It does not reconnect, so that
// what is published afterwards is never something old.
type connection struct {
	nats *nats.Conn
	js   jetstream.JetStream
	gone chan struct{} // closed when the connection has ended
}

// dial connects. It is bounded by connectTimeout.
func (l login) dial(ctx context.Context) (*connection, error) {
	c := &connection{gone: make(chan struct{})}
	options := []nats.Option{
		nats.Name("dffmpeg"), nats.NoReconnect(), nats.Timeout(connectTimeout), nats.PingInterval(pings), nats.MaxPingsOutstanding(2),
		nats.SetCustomDialer(dialer{ctx}),
		nats.ClosedHandler(func(*nats.Conn) { close(c.gone) }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // each has its own caller
	}
	if l.username != "" || !l.password.IsZero() {
		options = append(options, nats.UserInfo(l.username, l.password.Reveal()))
	}
	if l.credentials != "" {
		options = append(options, nats.UserCredentials(l.credentials))
	}
	scheme := "nats://"
	if l.tls != nil {
		scheme = "tls://"
		options = append(options, nats.Secure(l.tls))
	}
	var err error
	if c.nats, err = nats.Connect(scheme+l.address, options...); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("NATS server %s %w", l.address, explain(err))
	}
	if c.js, err = jetstream.New(c.nats, jetstream.WithDefaultTimeout(answerTimeout)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close ends the connection.
func (c *connection) close() { c.nats.Close() }

// dialer dials until a context ends.
type dialer struct{ ctx context.Context } //nolint:containedctx // nats.go dials without one

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: connectTimeout}).DialContext(d.ctx, network, address)
}

// explain continues a sentence about the server.
func explain(err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return errors.New("refuses our user name, password or credentials")
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return errors.New("has no JetStream: it must run with -js, or jetstream in its configuration")
	}
	return fmt.Errorf("cannot be reached: %w", err)
}
