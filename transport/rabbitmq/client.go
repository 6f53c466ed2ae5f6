package rabbitmq

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// prefetch bounds the messages that were received and not handled yet, as 0.4.
const prefetch = 10

// client is a peer's end.
type client struct {
	broker       broker
	queue        queue
	subscription transport.Subscription
	logger       *slog.Logger
}

var _ transport.Client = (*client)(nil)

// Listen implements transport.Client. Messages leave the queue when they were
// handled. Several who listen share what comes.
func (c *client) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	backoff := transport.NewBackoff(c.broker.String(), c.logger)
	return backoff.Reconnect(ctx, func(ctx context.Context) error {
		defer c.subscription.Hears(false)
		return c.connect(ctx, backoff, handle)
	})
}

// connect listens over one connection, and returns why it ended.
func (c *client) connect(ctx context.Context, backoff *transport.Backoff, handle func(context.Context, []dffmpeg.Message) error) error {
	connection, err := c.broker.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.CloseDeadline(time.Now().Add(goodbye)) }()
	lost := connection.NotifyClose(make(chan *amqp.Error, 1))
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	closed := channel.NotifyClose(make(chan *amqp.Error, 1))
	deliveries, err := c.consume(channel)
	if err != nil {
		return err
	}
	c.subscription.Hears(true)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case reason := <-lost:
			return fmt.Errorf("%s: the connection was lost: %w", c.broker, reason)
		case reason := <-closed:
			return fmt.Errorf("%s: the channel was closed: %w", c.broker, reason)
		case delivery, ok := <-deliveries:
			if !ok {
				return fmt.Errorf("%s: the queue %s was deleted, or its connection lost", c.broker, c.queue.name)
			}
			backoff.Reset()
			if err := c.pass(ctx, delivery, handle); err != nil {
				return err
			}
		}
	}
}

// consume declares the queue, binds it, and begins to listen.
func (c *client) consume(channel *amqp.Channel) (<-chan amqp.Delivery, error) {
	q := c.queue
	if _, err := channel.QueueDeclare(q.name, q.durable, q.autoDelete, false, false, nil); err != nil {
		return nil, fmt.Errorf("%s: declare queue %s: %w", c.broker, q.name, err)
	}
	if err := channel.QueueBind(q.name, q.key, q.exchange, false, nil); err != nil {
		return nil, fmt.Errorf("%s: bind queue %s to exchange %s: %w", c.broker, q.name, q.exchange, err)
	}
	if err := channel.Qos(prefetch, 0, false); err != nil {
		return nil, fmt.Errorf("%s: %w", c.broker, err)
	}
	deliveries, err := channel.Consume(q.name, "", false, false, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: consume queue %s: %w", c.broker, q.name, err)
	}
	return deliveries, nil
}

// pass hands on one message.
func (c *client) pass(ctx context.Context, delivery amqp.Delivery, handle func(context.Context, []dffmpeg.Message) error) error {
	message, err := transport.Decode(delivery.Body)
	if err != nil {
		// Nobody can do anything with it; it would come again and again.
		c.logger.Warn("a message from the broker is malformed", "queue", c.queue.name, "error", err)
	} else if err := handle(ctx, []dffmpeg.Message{message}); err != nil {
		return transport.Final{Err: err}
	}
	return delivery.Ack(false)
}
