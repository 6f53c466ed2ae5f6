package nats

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

const (
	// waiting bounds the messages that were received and not handled yet.
	waiting = 32
	// idle is how long the server keeps a consumer that nobody reads.
	idle = time.Minute
)

// client is a peer's end.
type client struct {
	login           login
	stream, subject string
	subscription    transport.Subscription
	logger          *slog.Logger
}

var _ transport.Client = (*client)(nil)

// Listen implements transport.Client.
func (c *client) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	backoff := transport.NewBackoff("NATS server "+c.login.address, c.logger)
	return backoff.Reconnect(ctx, func(ctx context.Context) error {
		defer c.subscription.Hears(false)
		return c.connect(ctx, backoff, handle)
	})
}

// connect listens over one connection, and returns why it ended.
func (c *client) connect(ctx context.Context, backoff *transport.Backoff, handle func(context.Context, []dffmpeg.Message) error) error {
	connection, err := c.login.dial(ctx)
	if err != nil {
		return err
	}
	defer connection.close()
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-connection.gone:
			cancel()
		case <-reading.Done():
		}
	}()
	consumer, err := connection.js.OrderedConsumer(reading, c.stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{c.subject}, DeliverPolicy: jetstream.DeliverNewPolicy, InactiveThreshold: idle,
		// By default it tries for ever, even when the connection has ended, and
		// neither the context nor Stop ends that.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return fmt.Errorf("NATS server %s: read %s of stream %s: %w", c.login.address, c.subject, c.stream, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(waiting))
	if err != nil {
		return fmt.Errorf("NATS server %s: read %s of stream %s: %w", c.login.address, c.subject, c.stream, err)
	}
	defer messages.Stop()
	c.subscription.Hears(true)
	for {
		m, err := messages.Next(jetstream.NextContext(reading))
		if err != nil {
			return err
		}
		backoff.Reset()
		if err := c.pass(ctx, m.Data(), handle); err != nil {
			return err
		}
	}
}

// pass hands on one message.
func (c *client) pass(ctx context.Context, text []byte, handle func(context.Context, []dffmpeg.Message) error) error {
	if len(text) == 0 {
		c.subscription.Hears(true) // there is one that is to be fetched
		return nil
	}
	message, err := transport.Decode(text)
	if err != nil {
		c.logger.Warn("a message from the server is malformed", "subject", c.subject, "error", err)
		return nil
	}
	if err := handle(ctx, []dffmpeg.Message{message}); err != nil {
		return transport.Final{Err: err}
	}
	return nil
}
