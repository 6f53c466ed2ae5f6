package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	connectTimeout = 10 * time.Second
	heartbeat      = 10 * time.Second
	// goodbye bounds how long a connection takes to end in good order.
	goodbye = time.Second
)

// resolver looks up records of services; net.Resolver does.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// String is for people.
func (b broker) String() string {
	return "RabbitMQ broker " + net.JoinHostPort(b.host, strconv.Itoa(b.port))
}

// place is where one broker is.
type place struct {
	host string
	port int
}

// places returns where to try, best first. Records are looked up anew each time.
func (b broker) places(ctx context.Context) []place {
	own := []place{{b.host, b.port}}
	if b.srv == "" {
		return own
	}
	_, records, err := b.resolver.LookupSRV(ctx, b.srv, "tcp", b.host)
	if err != nil || len(records) == 0 {
		return own
	}
	// As 0.4 does, for want of a choice at random: lowest priority, then highest
	// weight.
	slices.SortStableFunc(records, func(x, y *net.SRV) int {
		return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(y.Weight, x.Weight))
	})
	var places []place
	for _, r := range records {
		places = append(places, place{strings.TrimSuffix(r.Target, "."), int(r.Port)})
	}
	return places
}

// dial connects to the first broker that can be reached.
func (b broker) dial(ctx context.Context) (*amqp.Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var errs []error
	for _, p := range b.places(ctx) {
		connection, err := b.dialOne(ctx, p)
		if err == nil {
			return connection, nil
		}
		errs = append(errs, fmt.Errorf("RabbitMQ broker %s %w", net.JoinHostPort(p.host, strconv.Itoa(p.port)), b.explain(err)))
	}
	return nil, errors.Join(errs...)
}

func (b broker) dialOne(ctx context.Context, p place) (*amqp.Connection, error) {
	config := amqp.Config{
		SASL:       []amqp.Authentication{&amqp.PlainAuth{Username: b.username, Password: b.password.Reveal()}},
		Vhost:      b.vhost,
		Heartbeat:  heartbeat,
		Properties: amqp.Table{"connection_name": "dffmpeg", "product": "dffmpeg"},
	}
	scheme := "amqp"
	if b.tls != nil {
		scheme = "amqps"
		config.TLSClientConfig = b.tls.Clone()
		config.TLSClientConfig.ServerName = p.host
	}
	shaken := func() bool { return true }
	config.Dial = func(network, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// The handshake knows no context.
		shaken = context.AfterFunc(ctx, func() { _ = raw.Close() })
		return raw, nil
	}
	connection, err := amqp.DialConfig(scheme+"://"+net.JoinHostPort(p.host, strconv.Itoa(p.port)), config)
	if !shaken() || err != nil {
		if err == nil { // too late
			_ = connection.CloseDeadline(time.Now().Add(goodbye))
		}
		return nil, cmp.Or(ctx.Err(), err)
	}
	return connection, nil
}

// noVHost is a vhost that the broker has not, or not for us; it took our credentials.
type noVHost string

// Error continues a sentence about the broker.
func (v noVHost) Error() string { return "has no vhost " + string(v) + " for us" }

// explain continues a sentence about the broker.
func (b broker) explain(err error) error {
	var protocol *amqp.Error
	switch {
	case errors.Is(err, amqp.ErrCredentials), errors.As(err, &protocol) && protocol.Code == amqp.AccessRefused:
		return errors.New("refuses our user name or password, or access to vhost " + b.vhost)
	case errors.Is(err, amqp.ErrVhost), errors.As(err, &protocol) && protocol.Code == amqp.NotAllowed:
		return noVHost(b.vhost)
	}
	return fmt.Errorf("cannot be reached: %w", err)
}
