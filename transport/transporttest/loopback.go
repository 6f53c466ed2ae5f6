package transporttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// LoopbackName is what a Loopback is negotiated as.
const LoopbackName = "loopback"

// maxQueued bounds a queue of a Loopback in messages.
const maxQueued = 64

// Loopback is a broker within the process, and with it the least that a pushing
// transport may be: it proves that the contract carries one, and serves tests of
// what is above transports. Its queues outlive servers and receivers. Make one
// with NewLoopback.
type Loopback struct {
	mu     sync.Mutex
	down   bool
	queues map[string]*queue
}

// queue holds encoded messages until somebody took them.
type queue struct {
	messages [][]byte
	waiting  chan struct{} // has a token when there may be messages
	turn     chan struct{} // full while somebody consumes
}

// NewLoopback returns a broker without messages.
func NewLoopback() *Loopback { return &Loopback{queues: make(map[string]*queue)} }

// SetDown makes the broker refuse everything from now on, or work again.
func (b *Loopback) SetDown(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// Plugin returns the transport over this broker.
func (b *Loopback) Plugin() transport.Plugin {
	return transport.Plugin{
		Name:      LoopbackName,
		NewServer: func(transport.ServerOptions) (transport.Server, error) { return loopbackServer{b}, nil },
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			address, ok := o.Subscription.Metadata["queue"].(string)
			if !ok {
				return nil, errors.New("the coordinator did not name a queue")
			}
			return loopbackClient{b, address}, nil
		},
	}
}

var (
	errDown = errors.New("the broker is down")
	errFull = errors.New("the queue is full")
)

// put appends to a queue that is not full: a batch is taken as a whole.
func (b *Loopback) put(address string, texts [][]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refuses(address); err != nil {
		return err
	}
	q := b.queue(address)
	q.messages = append(q.messages, texts...)
	q.tell()
	return nil
}

// room returns why put would fail now.
func (b *Loopback) room(address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refuses(address)
}

func (b *Loopback) refuses(address string) error {
	switch {
	case b.down:
		return errDown
	case len(b.queue(address).messages) >= maxQueued:
		return errFull
	default:
		return nil
	}
}

// consume waits for a message, has it handled, and then removes it. Consumers
// of one queue take turns.
func (b *Loopback) consume(ctx context.Context, address string, handle func(text []byte) error) error {
	b.mu.Lock()
	q := b.queue(address)
	b.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case q.turn <- struct{}{}:
	}
	defer func() { <-q.turn }()
	for {
		if text := b.first(q); text != nil {
			if err := handle(text); err != nil {
				return err
			}
			b.mu.Lock()
			q.messages = q.messages[1:]
			b.mu.Unlock()
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.waiting:
		}
	}
}

// first returns the oldest message, nil when there is none.
func (b *Loopback) first(q *queue) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(q.messages) == 0 {
		return nil
	}
	return q.messages[0]
}

func (b *Loopback) queue(address string) *queue {
	q, ok := b.queues[address]
	if !ok {
		q = &queue{waiting: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
		b.queues[address] = q
	}
	return q
}

func (q *queue) tell() {
	select {
	case q.waiting <- struct{}{}:
	default:
	}
}

type loopbackServer struct{ broker *Loopback }

var _ transport.Pusher = loopbackServer{}

func (s loopbackServer) Name() string { return LoopbackName }

func (s loopbackServer) Address(to dffmpeg.Recipient) transport.Metadata {
	return transport.Metadata{"queue": fmt.Sprintf("%s/%s/%s", to.Kind, to.ID, to.JobID)}
}

func (s loopbackServer) Health(context.Context) (string, error) {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	if s.broker.down {
		return "", errDown
	}
	return "Loopback", nil
}

func (s loopbackServer) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s loopbackServer) Publish(ctx context.Context, _ dffmpeg.Recipient, where transport.Metadata, messages []dffmpeg.Message) error {
	address, ok := where["queue"].(string)
	if !ok {
		return errors.New("the address has no queue")
	}
	if err := s.broker.room(address); err != nil {
		return err
	}
	texts := make([][]byte, len(messages))
	for i := range messages {
		var err error
		if texts[i], err = json.Marshal(&messages[i]); err != nil {
			return fmt.Errorf("encode message %s: %w", messages[i].ID, err)
		}
	}
	return errors.Join(ctx.Err(), s.broker.put(address, texts))
}

type loopbackClient struct {
	broker  *Loopback
	address string
}

var _ transport.Client = loopbackClient{}

// Listen implements transport.Client; a message leaves its queue when it was
// handled.
func (c loopbackClient) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	for ctx.Err() == nil {
		err := c.broker.consume(ctx, c.address, func(text []byte) error {
			var message dffmpeg.Message
			if err := json.Unmarshal(text, &message); err != nil {
				return fmt.Errorf("decode message: %w", err)
			}
			return handle(ctx, []dffmpeg.Message{message})
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
