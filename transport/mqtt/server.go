package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// The qualities of service: of messages to peers, and of what coordinators tell
// each other.
const (
	atMostOnce  = 0
	atLeastOnce = 1
)

// server is the coordinator's end: it only publishes.
type server struct {
	broker broker
	prefix string
	logger *slog.Logger

	mu         sync.Mutex
	connection *connection // nil while there is none
	reason     error       // why there is none

	overhear func(text []byte) // nil: nothing is to be heard
}

var (
	_ transport.Pusher      = (*server)(nil)
	_ transport.Broadcaster = (*server)(nil)
)

func newServer(b broker, prefix string, logger *slog.Logger) *server {
	return &server{broker: b, prefix: prefix, logger: logger, reason: fmt.Errorf("MQTT broker %s is not connected yet", b.address)}
}

// Name implements transport.Server.
func (s *server) Name() string { return Name }

// Address implements transport.Server.
func (s *server) Address(to dffmpeg.Recipient) transport.Metadata {
	return transport.Metadata{topicKey: topic(s.prefix, to)}
}

// Health implements transport.Server.
func (s *server) Health(context.Context) (string, error) {
	if _, err := s.current(); err != nil {
		return "", err
	}
	return "Connected to MQTT broker " + s.broker.address, nil
}

// Run keeps a connection until ctx ends.
func (s *server) Run(ctx context.Context) error {
	return transport.NewBackoff("MQTT broker "+s.broker.address, s.logger).Reconnect(ctx, s.connect)
}

// connect keeps one connection, and returns why it ended.
func (s *server) connect(ctx context.Context) error {
	c, err := s.broker.dial(ctx, s.received)
	if err != nil {
		s.set(nil, err)
		return err
	}
	defer c.close()
	if err := s.listen(ctx, c); err != nil {
		s.set(nil, err)
		return err
	}
	s.set(c, nil)
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-c.lost:
		err = fmt.Errorf("MQTT broker %s: the connection was lost: %w", s.broker.address, err)
	}
	s.set(nil, err)
	return err
}

// channel is the topic among coordinators.
func (s *server) channel() string { return s.prefix + "/coordinators" }

// Overhear implements transport.Broadcaster.
func (s *server) Overhear(handle func(text []byte)) { s.overhear = handle }

// listen subscribes to what coordinators tell each other.
func (s *server) listen(ctx context.Context, c *connection) error {
	if s.overhear == nil {
		return nil
	}
	return c.subscribe(ctx, s.broker, s.channel(), atMostOnce)
}

func (s *server) received(m paho.Message) {
	if s.overhear != nil && m.Topic() == s.channel() {
		s.overhear(m.Payload())
	}
}

// Broadcast implements transport.Broadcaster.
func (s *server) Broadcast(ctx context.Context, text []byte) error {
	c, err := s.current()
	if err != nil {
		return err
	}
	return wait(ctx, c.paho.Publish(s.channel(), atMostOnce, false, text))
}

func (s *server) set(c *connection, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connection, s.reason = c, reason
}

func (s *server) current() (*connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection == nil {
		return nil, s.reason
	}
	return s.connection, nil
}

// Publish implements transport.Pusher; the broker has taken a message when it has
// acknowledged it.
func (s *server) Publish(ctx context.Context, to dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	topic, _ := where[topicKey].(string)
	if err := unusable(topic); err != nil {
		return fmt.Errorf("publish to %s: %w", to, err)
	}
	c, err := s.current()
	if err != nil {
		return err
	}
	tokens := make([]paho.Token, len(messages))
	for i := range messages {
		text, err := transport.Encode(&messages[i])
		if err != nil {
			return err
		}
		tokens[i] = c.paho.Publish(topic, atLeastOnce, false, text)
	}
	for _, token := range tokens {
		if err := wait(ctx, token); err != nil {
			return fmt.Errorf("publish to %s: %w", to, err)
		}
	}
	return nil
}
