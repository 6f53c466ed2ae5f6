package nats

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// server is the coordinator's end: it only publishes.
type server struct {
	login  login
	stream jetstream.StreamConfig
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

func newServer(l login, s *Settings, logger *slog.Logger) *server {
	return &server{
		login: l, prefix: s.SubjectPrefix, logger: logger,
		stream: jetstream.StreamConfig{
			Name: s.Stream, Description: "Messages of dffmpeg", Subjects: subjects(s.SubjectPrefix),
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
			MaxAge: s.MaxAge, Replicas: s.Replicas,
		},
		reason: fmt.Errorf("NATS server %s is not connected yet", l.address),
	}
}

// Name implements transport.Server.
func (s *server) Name() string { return Name }

// Address implements transport.Server.
func (s *server) Address(to dffmpeg.Recipient) transport.Metadata {
	return transport.Metadata{streamKey: s.stream.Name, subjectKey: subject(s.prefix, to)}
}

// Health implements transport.Server.
func (s *server) Health(context.Context) (string, error) {
	if _, err := s.current(); err != nil {
		return "", err
	}
	return "Connected to NATS server " + s.login.address, nil
}

// Run keeps a connection until ctx ends.
func (s *server) Run(ctx context.Context) error {
	return transport.NewBackoff("NATS server "+s.login.address, s.logger).Reconnect(ctx, s.connect)
}

// connect keeps one connection, and returns why it ended.
func (s *server) connect(ctx context.Context) error {
	c, err := s.login.dial(ctx)
	if err == nil {
		defer c.close()
		if _, err = c.js.CreateOrUpdateStream(ctx, s.stream); err != nil {
			err = fmt.Errorf("NATS server %s: stream %s: %w", s.login.address, s.stream.Name, explain(err))
		}
	}
	if err == nil {
		err = s.listen(c)
	}
	if err != nil {
		s.set(nil, err)
		return err
	}
	s.set(c, nil)
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.gone:
		err = fmt.Errorf("NATS server %s: the connection was lost", s.login.address)
	}
	s.set(nil, err)
	return err
}

// channel is the subject among coordinators. It is not in the stream.
func (s *server) channel() string { return s.prefix + ".coordinators" }

// Overhear implements transport.Broadcaster.
func (s *server) Overhear(handle func(text []byte)) { s.overhear = handle }

// listen subscribes to what coordinators tell each other.
func (s *server) listen(c *connection) error {
	if s.overhear == nil {
		return nil
	}
	_, err := c.nats.Subscribe(s.channel(), func(m *nats.Msg) { s.overhear(m.Data) })
	return err
}

// Broadcast implements transport.Broadcaster.
func (s *server) Broadcast(_ context.Context, text []byte) error {
	c, err := s.current()
	if err != nil {
		return err
	}
	return c.nats.Publish(s.channel(), text)
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

// headers bounds what a message needs besides its body.
const headers = 512

// Publish implements transport.Pusher; the server has taken a message when its
// stream has stored it.
func (s *server) Publish(ctx context.Context, to dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	_, subject, err := parse(where)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", to, err)
	}
	c, err := s.current()
	if err != nil {
		return err
	}
	futures := make([]jetstream.PubAckFuture, len(messages))
	for i := range messages {
		text, err := transport.Encode(&messages[i])
		if err != nil {
			return err
		}
		if int64(len(text)) > c.nats.MaxPayload()-headers {
			text = nil // the peer fetches it
		}
		// A repetition within two minutes is recognised by its ID.
		id := jetstream.WithMsgID(subject + "/" + messages[i].ID)
		if futures[i], err = c.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: text}, id); err != nil {
			return fmt.Errorf("publish to %s: %w", to, err)
		}
	}
	for _, future := range futures {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			return fmt.Errorf("publish to %s: %w", to, err)
		case <-c.gone:
			return fmt.Errorf("publish to %s: the connection was lost", to)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
