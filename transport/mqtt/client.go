package mqtt

import (
	"context"
	"fmt"
	"log/slog"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// waiting bounds the messages that were received and not handled yet. Brokers
// send no more than their own bound before the first is acknowledged: Mosquitto
// 20. When more come, the connection is not read.
const waiting = 256

// client is a peer's end.
type client struct {
	broker       broker
	topic        string
	subscription transport.Subscription
	logger       *slog.Logger
}

var _ transport.Client = (*client)(nil)

// Listen implements transport.Client. A message is acknowledged to the broker
// when it was handled.
func (c *client) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	backoff := transport.NewBackoff("MQTT broker "+c.broker.address, c.logger)
	return backoff.Reconnect(ctx, func(ctx context.Context) error {
		defer c.subscription.Hears(false)
		return c.connect(ctx, backoff, handle)
	})
}

// connect listens over one connection, and returns why it ended.
func (c *client) connect(ctx context.Context, backoff *transport.Backoff, handle func(context.Context, []dffmpeg.Message) error) error {
	received := make(chan paho.Message, waiting)
	ended := make(chan struct{})
	connection, err := c.broker.dial(ctx, func(m paho.Message) {
		select {
		case received <- m:
		case <-ended:
		}
	})
	if err != nil {
		return err
	}
	defer connection.close()
	defer close(ended)
	if err := connection.subscribe(ctx, c.broker, c.topic, atLeastOnce); err != nil {
		return err
	}
	c.subscription.Hears(true)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-connection.lost:
			return fmt.Errorf("the connection was lost: %w", err)
		case m := <-received:
			backoff.Reset()
			message, err := transport.Decode(m.Payload())
			if err != nil {
				// Nobody can do anything with it; it would come again and again.
				c.logger.Warn("a message from the broker is malformed", "topic", c.topic, "error", err)
			} else if err := handle(ctx, []dffmpeg.Message{message}); err != nil {
				return transport.Final{Err: err}
			}
			m.Ack()
		}
	}
}
