package mqtt

import (
	"context"
	"errors"
	"fmt"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	connectTimeout = 10 * time.Second
	keepAlive      = 60 * time.Second // as 0.4
	// goodbye bounds how long a connection takes to end in good order, in
	// milliseconds.
	goodbye = 250
)

// connection is one connection to the broker. It does not reconnect: what paho
// would keep for the next connection could arrive out of order.
type connection struct {
	paho paho.Client
	lost chan error // gets the reason when the connection is lost
}

// dial connects. received is called for each message, in order, by one goroutine
// at a time; it must not block for longer than the broker waits for a sign of
// life.
func (b broker) dial(ctx context.Context, received func(paho.Message)) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // paho connects without a context, perhaps before anybody looks
	}
	c := &connection{lost: make(chan error, 1)}
	options := paho.NewClientOptions().
		AddBroker(b.url).SetClientID(clientID()).SetProtocolVersion(4).SetCleanSession(true).
		SetKeepAlive(keepAlive).SetConnectTimeout(connectTimeout).SetWriteTimeout(connectTimeout).
		SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true).SetAutoAckDisabled(true).
		SetTLSConfig(b.tls).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { received(m) }).
		SetConnectionLostHandler(func(_ paho.Client, err error) { c.lost <- err })
	if b.username != "" {
		options.SetUsername(b.username)
	}
	if !b.password.IsZero() {
		options.SetPassword(b.password.Reveal())
	}
	c.paho = paho.NewClient(options)
	if err := wait(ctx, c.paho.Connect()); err != nil {
		c.paho.Disconnect(0)
		return nil, fmt.Errorf("MQTT broker %s %w", b.address, explain(err))
	}
	return c, nil
}

// close ends the connection.
func (c *connection) close() { c.paho.Disconnect(goodbye) }

// notGranted is what a broker answers to a subscription that it refuses (MQTT
// 3.1.1, 3.9.3).
const notGranted = 0x80

// subscribe begins to hear what is published to a topic.
func (c *connection) subscribe(ctx context.Context, b broker, topic string, qos byte) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	token := c.paho.Subscribe(topic, qos, nil)
	if err := wait(ctx, token); err != nil {
		return fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	if s, ok := token.(*paho.SubscribeToken); ok && s.Result()[topic] == notGranted {
		return fmt.Errorf("MQTT broker %s refuses our subscription to %s", b.address, topic)
	}
	return nil
}

// wait waits for what a token stands for.
func wait(ctx context.Context, token paho.Token) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-token.Done():
		return token.Error()
	}
}

// explain continues a sentence about the broker.
func explain(err error) error {
	if errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword) || errors.Is(err, packets.ErrorRefusedNotAuthorised) {
		return errors.New("refuses our user name or password")
	}
	return fmt.Errorf("cannot be reached: %w", err)
}
