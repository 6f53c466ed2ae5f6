package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// wire is a lossy transport's end that a test plays: what it sends is delivered.
type wire struct {
	subscription Subscription
	incoming     chan []dffmpeg.Message
}

func (w *wire) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case messages := <-w.incoming:
			if err := handle(ctx, messages); err != nil {
				return err
			}
		}
	}
}

// stored is a coordinator's store of numbered messages, some withdrawn.
type stored struct {
	mu       sync.Mutex
	messages []dffmpeg.Message
	err      error
	fetches  int
}

func message(n int) dffmpeg.Message {
	return dffmpeg.Message{ID: fmt.Sprintf("%04d", n), Seq: int64(n)}
}

func (s *stored) add(numbers ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		s.messages = append(s.messages, message(n))
	}
}

func (s *stored) fetch(_ context.Context, after string) ([]dffmpeg.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	if s.err != nil {
		err := s.err
		s.err = nil
		return nil, err
	}
	var found []dffmpeg.Message
	for _, m := range s.messages {
		if m.ID > after && len(found) < 3 {
			found = append(found, m)
		}
	}
	return found, nil
}

// listener is a reliable client at work.
type listener struct {
	wire   *wire
	stored *stored
	heard  chan string
	ended  chan error
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{
		wire: &wire{incoming: make(chan []dffmpeg.Message)}, stored: &stored{},
		heard: make(chan string, 100), ended: make(chan error, 1),
	}
	client, err := Reliable(func(s Subscription) (Client, error) {
		l.wire.subscription = s
		return l.wire, nil
	}, Subscription{}, l.stored.fetch, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.ended <- client.Listen(ctx, func(_ context.Context, messages []dffmpeg.Message) error {
			for _, m := range messages {
				l.heard <- m.ID
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-over
	})
	return l
}

// hears fails unless these are heard next, each once.
func (l *listener) hears(t *testing.T, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		select {
		case id := <-l.heard:
			if want := message(n).ID; id != want {
				t.Fatalf("heard %s, want %s", id, want)
			}
		case err := <-l.ended:
			t.Fatalf("Listen returned %v, want message %d", err, n)
		case <-time.After(10 * time.Second):
			t.Fatalf("message %d was not heard", n)
		}
	}
	if len(l.heard) > 0 {
		t.Fatalf("heard %s too", <-l.heard)
	}
}

func (l *listener) bring(numbers ...int) {
	var messages []dffmpeg.Message
	for _, n := range numbers {
		messages = append(messages, message(n))
	}
	l.wire.incoming <- messages
}

// TestReliableFetchesWhatWasMissed: when it becomes ready, and when a number is
// missing, before what comes next; repetitions and latecomers are dropped.
func TestReliableFetchesWhatWasMissed(t *testing.T) {
	l := listen(t)
	l.stored.add(1, 2, 3, 4)
	l.wire.subscription.Listening(true)
	l.hears(t, 1, 2, 3, 4)
	l.stored.add(5)
	l.bring(5)
	l.hears(t, 5)
	l.stored.add(6, 7, 9) // 8 was withdrawn
	l.bring(7)
	l.hears(t, 6, 7, 9)
	l.bring(9)
	l.bring(3)
	l.stored.add(10)
	l.bring(10)
	l.hears(t, 10)
	l.stored.mu.Lock()
	defer l.stored.mu.Unlock()
	if l.stored.fetches != 5 { // three for the first four, two for the gap
		t.Errorf("%d fetches, want 5", l.stored.fetches)
	}
}

// TestReliableWaitsForTheCoordinator: nothing is delivered before what was missed
// could be fetched.
func TestReliableWaitsForTheCoordinator(t *testing.T) {
	l := listen(t)
	l.stored.add(1, 2)
	l.stored.err = errors.New("away")
	l.wire.subscription.Listening(true)
	l.bring(2)
	l.hears(t, 1, 2)
}

// TestReliableGoesOnWithoutItsBroker: what is stored is heard although the inner
// client never hears anything.
func TestReliableGoesOnWithoutItsBroker(t *testing.T) {
	l := listen(t)
	l.stored.add(1, 2)
	l.hears(t, 1, 2)
	l.stored.add(3)
	l.hears(t, 3)
}

// TestReliableEnds with an error that will not go away.
func TestReliableEnds(t *testing.T) {
	l := listen(t)
	l.stored.err = dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found")
	l.wire.subscription.Listening(true)
	select {
	case err := <-l.ended:
		if dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
			t.Errorf("Listen = %v, want not found", err)
		}
		l.ended <- err
	case <-time.After(10 * time.Second):
		t.Error("Listen does not end")
	}
}

// TestOldCoordinatorsSendNoNumbers: then order is the broker's.
func TestOldCoordinatorsSendNoNumbers(t *testing.T) {
	l := listen(t)
	for n := range 3 {
		m := message(2*n + 1)
		m.Seq = 0
		l.wire.incoming <- []dffmpeg.Message{m}
		l.hears(t, 2*n+1)
	}
	if l.stored.fetches > 0 {
		t.Errorf("%d fetches", l.stored.fetches)
	}
}
