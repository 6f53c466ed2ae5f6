package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// server is the coordinator's end: it only publishes.
type server struct {
	broker        broker
	workers, jobs string // exchanges
	coordinators  string // the same, for what coordinators tell each other
	offers        time.Duration
	logger        *slog.Logger

	mu         sync.Mutex
	connection *amqp.Connection // nil while there is none
	reason     error            // why there is none
	idle       []*channel       // of this connection

	overhear func(text []byte) // nil: nothing is to be heard
}

var (
	_ transport.Pusher      = (*server)(nil)
	_ transport.Broadcaster = (*server)(nil)
)

func newServer(b broker, workers, jobs, coordinators string, offers time.Duration, logger *slog.Logger) *server {
	return &server{broker: b, workers: workers, jobs: jobs, coordinators: coordinators, offers: offers, logger: logger, reason: fmt.Errorf("%s is not connected yet", b)}
}

// Name implements transport.Server.
func (s *server) Name() string { return Name }

// Address implements transport.Server.
func (s *server) Address(to dffmpeg.Recipient) transport.Metadata {
	return queueOf(to, s.broker.vhost, s.workers, s.jobs).metadata()
}

// Health implements transport.Server.
func (s *server) Health(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection == nil {
		return "", s.reason
	}
	return "Connected to " + s.broker.String(), nil
}

// Run keeps a connection until ctx ends.
func (s *server) Run(ctx context.Context) error {
	return transport.NewBackoff(s.broker.String(), s.logger).Reconnect(ctx, s.connect)
}

// connect keeps one connection, and returns why it ended.
func (s *server) connect(ctx context.Context) error {
	var hearing sync.WaitGroup
	defer hearing.Wait() // ends with the connection
	connection, err := s.broker.dial(ctx)
	if err == nil {
		defer func() { _ = connection.CloseDeadline(time.Now().Add(goodbye)) }()
		err = s.declare(connection)
	}
	if err == nil {
		err = s.listen(connection, &hearing)
	}
	if err != nil {
		s.set(nil, err)
		return err
	}
	lost := connection.NotifyClose(make(chan *amqp.Error, 1))
	s.set(connection, nil)
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case reason := <-lost:
		err = fmt.Errorf("%s: the connection was lost: %w", s.broker, reason)
	}
	s.set(nil, err)
	return err
}

// declare makes the exchanges.
func (s *server) declare(connection *amqp.Connection) error {
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	for _, exchange := range []string{s.workers, s.jobs} {
		if err := channel.ExchangeDeclare(exchange, amqp.ExchangeTopic, true, false, false, false, nil); err != nil {
			return fmt.Errorf("%s: declare exchange %s: %w", s.broker, exchange, err)
		}
	}
	return channel.Close()
}

// Overhear implements transport.Broadcaster.
func (s *server) Overhear(handle func(text []byte)) { s.overhear = handle }

// listen hears what coordinators tell each other, by a queue that ends with the
// connection.
func (s *server) listen(connection *amqp.Connection, hearing *sync.WaitGroup) error {
	if s.overhear == nil {
		return nil
	}
	channel, err := connection.Channel()
	if err != nil {
		return err
	}
	if err := channel.ExchangeDeclare(s.coordinators, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("%s: declare exchange %s: %w", s.broker, s.coordinators, err)
	}
	queue, err := channel.QueueDeclare("", false, true, true, false, nil)
	if err == nil {
		err = channel.QueueBind(queue.Name, "", s.coordinators, false, nil)
	}
	var deliveries <-chan amqp.Delivery
	if err == nil {
		deliveries, err = channel.Consume(queue.Name, "", true, true, false, false, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: hear exchange %s: %w", s.broker, s.coordinators, err)
	}
	hearing.Go(func() {
		for delivery := range deliveries {
			s.overhear(delivery.Body)
		}
	})
	return nil
}

// Broadcast implements transport.Broadcaster.
func (s *server) Broadcast(ctx context.Context, text []byte) error {
	c, err := s.take()
	if err != nil {
		return err
	}
	confirm, err := c.PublishWithDeferredConfirmWithContext(ctx, s.coordinators, "", false, false, amqp.Publishing{Body: text})
	if err == nil {
		_, err = confirm.WaitContext(ctx)
	}
	if err != nil {
		_ = c.Close()
		return err
	}
	s.give(c)
	return nil
}

func (s *server) set(connection *amqp.Connection, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connection, s.reason, s.idle = connection, reason, nil
}

// channel is one on which a publication has its confirms and returns for itself.
type channel struct {
	*amqp.Channel
	of      *amqp.Connection
	returns chan amqp.Return
}

// atOnce bounds how many messages are published before they are confirmed.
const atOnce = 100

// take returns a channel that nobody else uses.
func (s *server) take() (*channel, error) {
	s.mu.Lock()
	connection, reason := s.connection, s.reason
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	if connection == nil {
		return nil, reason
	}
	ch, err := connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := ch.Confirm(false); err != nil {
		return nil, errors.Join(err, ch.Close())
	}
	return &channel{Channel: ch, of: connection, returns: ch.NotifyReturn(make(chan amqp.Return, atOnce))}, nil
}

// give takes a channel back for the next publication.
func (s *server) give(c *channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection == c.of {
		s.idle = append(s.idle, c)
	}
}

// Publish implements transport.Pusher. The broker has taken a message when it has
// confirmed it; it returns what no queue is bound for, which is
// transport.ErrAbsent.
func (s *server) Publish(ctx context.Context, to dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	q, err := parseQueue(where)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", to, err)
	}
	c, err := s.take()
	if err != nil {
		return err
	}
	// The first alone: while nobody listens, none may be taken behind one that
	// was not.
	for count := 1; len(messages) > 0; count = min(atOnce, len(messages)) {
		if err := s.publish(ctx, c, q, messages[:count]); err != nil {
			if !errors.Is(err, transport.ErrAbsent) {
				_ = c.Close() // what it still has to say is about these messages
				return fmt.Errorf("publish to %s: %w", to, err)
			}
			s.give(c)
			return err
		}
		messages = messages[count:]
	}
	s.give(c)
	return nil
}

func (s *server) publish(ctx context.Context, c *channel, q queue, messages []dffmpeg.Message) error {
	confirms := make([]*amqp.DeferredConfirmation, len(messages))
	for i := range messages {
		text, err := transport.Encode(&messages[i])
		if err != nil {
			return err
		}
		publishing := amqp.Publishing{
			ContentType: "application/json", DeliveryMode: amqp.Persistent,
			MessageId: messages[i].ID, Timestamp: messages[i].Timestamp, Body: text,
		}
		if s.offers > 0 && messages[i].Type == dffmpeg.MessageJobRequest {
			publishing.Expiration = strconv.FormatInt(s.offers.Milliseconds(), 10)
		}
		if confirms[i], err = c.PublishWithDeferredConfirmWithContext(ctx, q.exchange, q.key, true, false, publishing); err != nil {
			return err
		}
	}
	for _, confirm := range confirms {
		acked, err := confirm.WaitContext(ctx)
		switch {
		case err != nil:
			return err
		case !acked:
			return errors.New("the broker did not take the message")
		}
	}
	// A return comes before the confirm.
	absent := false
	for len(c.returns) > 0 {
		<-c.returns
		absent = true
	}
	if absent {
		return transport.ErrAbsent
	}
	return nil
}
