package transporttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

var worker = dffmpeg.ToWorker("worker1")

func delivery(t *testing.T, s *suite) {
	for _, to := range []dffmpeg.Recipient{worker, requester("alice", "01JOB")} {
		var want []dffmpeg.Message
		if s.Features.Keeps {
			want = s.coordinator.Send(to, numbered(0, 3)...)
		}
		receiver := s.listen(t, to, "")
		want = append(want, s.coordinator.Send(to, numbered(3, 3)...)...)
		receiver.Await(t, want)
		s.awaitSent(t, to, len(want))
	}
}

func order(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	var want []dffmpeg.Message
	for i := range 500 {
		want = append(want, s.coordinator.Send(worker, numbered(i, 1)...)...)
	}
	receiver.Await(t, want)
	s.awaitSent(t, worker, len(want))
}

// awaited sends the next message only once the one before was heard, so that
// each needs a wake-up of its own.
func awaited(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	var want []dffmpeg.Message
	began := time.Now()
	for i := range 100 {
		want = append(want, s.coordinator.Send(worker, numbered(i, 1)...)...)
		receiver.Await(t, want)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("100 messages, one after the other, took %s", took)
	}
}

func large(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	size := 1 << 20
	if s.Features.Most > 0 {
		size = s.Features.Most - len(`{"content":""}`)
	}
	payload := map[string]string{"content": strings.Repeat("0123456789abcdef", size/16)}
	want := s.coordinator.Send(worker, payload, "small", payload, payload, payload, payload, payload, payload)
	receiver.Await(t, want)
}

func awkward(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	receiver.Await(t, s.coordinator.Send(worker, "a\nb\r\nc", "a\u0085b\u2028c\u2029d", "\x00\x01\x7f", "𝄞 <&> \"\\", strings.Repeat("\u0085", 5000), nil))
}

func many(t *testing.T, s *suite) {
	const recipients, each = 200, 5
	var (
		receivers [recipients]*Receiver
		want      [recipients][]dffmpeg.Message
	)
	name := func(i int) dffmpeg.Recipient { return dffmpeg.ToWorker(fmt.Sprintf("worker%d", i)) }
	for i := range receivers {
		receivers[i] = s.listen(t, name(i), "")
	}
	for n := range each {
		for i := range receivers {
			want[i] = append(want[i], s.coordinator.Send(name(i), numbered(n, 1)...)...)
		}
	}
	for i := range receivers {
		receivers[i].Await(t, want[i])
	}
}

// apart checks that recipients with parts in common hear only their own mail.
func apart(t *testing.T, s *suite) {
	recipients := []dffmpeg.Recipient{
		worker, dffmpeg.ToWorker("worker11"), requester("alice", "01A"), requester("alice", "01B"), requester("bob", "01C"),
	}
	for i, to := range recipients {
		receiver := s.listen(t, to, "")
		receiver.Await(t, s.coordinator.Send(to, numbered(i, 2)...))
	}
}

func away(t *testing.T, s *suite) {
	first := s.listen(t, worker, "")
	want := s.coordinator.Send(worker, numbered(0, 3)...)
	first.Await(t, want)
	s.awaitSent(t, worker, 3)
	first.Stop(t)
	s.mailbox.Acknowledge(worker, want[0].ID, want[1].ID, want[2].ID)
	want = s.coordinator.Send(worker, numbered(3, 20)...)
	if !s.Features.Keeps {
		s.awaitSent(t, worker, 23)
		want = nil
	}
	second := s.listen(t, worker, "")
	second.Await(t, want)
	// It hears what comes later, too.
	second.Await(t, append(want, s.coordinator.Send(worker, numbered(23, 2)...)...))
}

// failing checks that a handler's error ends Listen, and that what it did not
// accept is not lost.
func failing(t *testing.T, s *suite) {
	refused := errors.New("refused")
	client, ready := s.client(t, worker, "")
	receiver := Listen(t, client, func(context.Context, []dffmpeg.Message) error { return refused })
	ready.await(t, s)
	want := s.coordinator.Send(worker, numbered(0, 2)...)
	if err := receiver.Ended(t); !errors.Is(err, refused) {
		t.Errorf("Listen returned %v, want the handler's error", err)
	}
	receiver.stopped = true
	if !s.Features.Keeps {
		s.awaitSent(t, worker, 2)
		want = nil
	}
	second := s.listen(t, worker, "")
	second.Await(t, append(want, s.coordinator.Send(worker, numbered(2, 2)...)...))
}

func restarts(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	var want []dffmpeg.Message
	for round := range 3 {
		want = append(want, s.coordinator.Send(worker, numbered(10*round, 5)...)...)
		receiver.Await(t, want)
		s.coordinator.Stop()
		for _, payload := range numbered(10*round+5, 5) { // nobody is told of these
			want = append(want, s.mailbox.Add(worker, payload))
		}
		s.coordinator.Restart(t, s.Plugin, s.ServerSettings)
		s.coordinator.Notify(worker)
		receiver.Await(t, want)
	}
}

// slow checks that mail for a receiver that does not read stays in the mailbox:
// what lies between is bounded, and nothing is lost.
func slow(t *testing.T, s *suite) {
	const total, most = 200, 150 // between the ends lie the sockets' buffers, 10 MB
	s.mailbox.Limit = 10
	proceed, handling := make(chan struct{}), make(chan struct{}, total)
	client, ready := s.client(t, worker, "")
	receiver := Listen(t, client, func(ctx context.Context, _ []dffmpeg.Message) error {
		handling <- struct{}{}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-proceed:
			return nil
		}
	})
	ready.await(t, s)
	payload := map[string]string{"content": strings.Repeat("x", 100<<10)}
	want := s.coordinator.Send(worker, payload)
	<-handling // it is busy from now on
	for range total - 1 {
		want = append(want, s.coordinator.Send(worker, payload)...)
	}
	// Another recipient's mail passes.
	s.listen(t, requester("alice", "01A"), "").Await(t, s.coordinator.Send(requester("alice", "01A"), "passes"))
	if sent := s.mailbox.SentCount(worker); sent > most && !s.Features.Buffers {
		t.Errorf("%d of %d messages of 100 kB were sent to a receiver that does not read", sent, total)
	}
	close(proceed)
	receiver.Await(t, want)
}

func two(t *testing.T, s *suite) {
	to := requester("alice", "01A")
	a, b := s.listen(t, to, ""), s.listen(t, to, "")
	want := s.coordinator.Send(to, numbered(0, 50)...)
	if s.Features.Copies {
		a.Await(t, want)
		b.Await(t, want)
		return
	}
	// They share: together they hear all of it, each in order.
	deadline := time.After(patience)
	for {
		a.mu.Lock()
		ours, ourNext := distinct(a.heard), a.changed
		a.mu.Unlock()
		b.mu.Lock()
		theirs, theirNext := distinct(b.heard), b.changed
		b.mu.Unlock()
		ascending(t, ours)
		ascending(t, theirs)
		if len(distinct(append(ours, theirs...))) == len(want) {
			return
		}
		select {
		case <-ourNext:
		case <-theirNext:
		case <-deadline:
			t.Fatalf("of %d messages, one heard %d and the other %d", len(want), len(ours), len(theirs))
		}
	}
}

func ascending(t *testing.T, messages []dffmpeg.Message) {
	t.Helper()
	for i := 1; i < len(messages); i++ {
		if messages[i].ID <= messages[i-1].ID {
			t.Fatalf("message %s came after %s", messages[i].ID, messages[i-1].ID)
		}
	}
}

func rewind(t *testing.T, s *suite) {
	first := s.listen(t, worker, "")
	want := s.coordinator.Send(worker, numbered(0, 10)...)
	first.Await(t, want)
	s.awaitSent(t, worker, len(want))
	first.Stop(t)
	second := s.listen(t, worker, want[3].ID)
	if s.Features.Rewinds {
		second.Await(t, want[4:])
		return
	}
	// What was sent is the layer above's to send again; new mail comes.
	second.Await(t, s.coordinator.Send(worker, "new"))
}

func unacknowledged(t *testing.T, s *suite) {
	first := s.listen(t, worker, "")
	want := s.coordinator.Send(worker, numbered(0, 6)...)
	first.Await(t, want)
	s.awaitSent(t, worker, len(want))
	first.Stop(t)
	s.mailbox.Acknowledge(worker, want[0].ID, want[1].ID, want[4].ID)
	second := s.listen(t, worker, "")
	if s.Features.Rewinds {
		second.Await(t, []dffmpeg.Message{want[2], want[3], want[5]})
		return
	}
	// What was sent is the layer above's to send again; new mail comes.
	second.Await(t, s.coordinator.Send(worker, "new"))
}

func cancelPrompt(t *testing.T, s *suite) {
	receiver := s.listen(t, worker, "")
	receiver.Await(t, s.coordinator.Send(worker, "one"))
	began := time.Now()
	receiver.Stop(t)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Listen returned %s after it was canceled", took)
	}
}

// cleanClose checks that nothing runs on when both ends have ended.
func cleanClose(t *testing.T, s *suite) {
	s.coordinator.Stop()
	before := goleak.IgnoreCurrent()
	s.coordinator.Restart(t, s.Plugin, s.ServerSettings)
	var last atomic.Pointer[Receiver]
	t.Run("receivers", func(t *testing.T) {
		for i := range 10 {
			to := dffmpeg.ToWorker(fmt.Sprintf("worker%d", i))
			receiver := s.listen(t, to, "")
			receiver.Await(t, s.coordinator.Send(to, numbered(0, 3)...))
			last.Store(receiver)
		}
	})
	if last.Load() == nil {
		t.Fatal("no receiver ran")
	}
	s.coordinator.Stop()
	goleak.VerifyNone(t, before)
}

// brokerRestarts checks that both ends connect again by themselves, and that
// nothing is lost that is sent when they have.
func brokerRestarts(t *testing.T, s *suite) {
	if s.RestartBroker == nil {
		return
	}
	receiver := s.listen(t, worker, "")
	want := s.coordinator.Send(worker, numbered(0, 5)...)
	receiver.Await(t, want)
	s.RestartBroker(t)
	if s.Features.Keeps {
		want = append(want, s.coordinator.Send(worker, numbered(5, 5)...)...)
	}
	receiver.ready.await(t, s)
	want = append(want, s.coordinator.Send(worker, numbered(10, 5)...)...)
	receiver.Await(t, want)
	s.awaitHealthy(t)
}

// refused checks that wrong credentials are said by the server's health, that
// publishing fails, and that a client goes on trying.
func refused(t *testing.T, s *suite) {
	if s.Refused == nil {
		return
	}
	s.coordinator.Restart(t, s.Plugin, s.Refused)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var err error
	for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		if _, err = s.coordinator.Server.Health(ctx); err != nil && strings.Contains(err.Error(), "refuse") {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "refuse") {
		t.Errorf("Health() with wrong credentials: %v, want that the broker refuses them", err)
	}
	if pusher, ok := s.coordinator.Server.(transport.Pusher); ok {
		message := s.mailbox.Add(worker, "x")
		if err := pusher.Publish(ctx, worker, pusher.Address(worker), []dffmpeg.Message{message}); err == nil {
			t.Error("Publish succeeded without credentials")
		}
	}
	client, err := s.clientWith(t, s.Refused, transport.Subscription{Recipient: worker, Metadata: s.coordinator.Server.Address(worker)})
	if err != nil {
		t.Fatal(err)
	}
	receiver := Listen(t, client, nil)
	select {
	case <-receiver.ended:
		t.Errorf("Listen returned %v, want it to go on trying", receiver.err)
	case <-time.After(500 * time.Millisecond):
	}
}

// reach checks that what looks for a mistake in the settings finds none in right ones,
// tells wrong credentials, and ends with its context.
func reach(t *testing.T, s *suite) {
	if s.Plugin.Reach == nil {
		if s.Features.Buffers {
			t.Error("the transport has a broker, and no Reach")
		}
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Plugin.Reach(ctx, s.ClientFor(worker.ID)); err != nil {
		t.Errorf("Reach() with right settings: %v", err)
	}
	if s.Refused != nil {
		if err := s.Plugin.Reach(ctx, s.Refused); err == nil || !strings.Contains(err.Error(), "refuse") {
			t.Errorf("Reach() with wrong credentials: %v, want that the broker refuses them", err)
		}
	}
	cancel()
	if err := s.Plugin.Reach(ctx, s.ClientFor(worker.ID)); err == nil {
		t.Error("Reach() went on after the end of its context")
	}
}

// eavesdropper checks that the broker keeps one identity's mail from another.
func eavesdropper(t *testing.T, s *suite) {
	if !s.accounts {
		return
	}
	for to, other := range map[dffmpeg.Recipient]string{worker: "worker2", requester("alice", "01A"): "bob"} {
		client, err := s.clientWith(t, s.ClientFor(other), transport.Subscription{Recipient: to, Metadata: s.coordinator.Server.Address(to)})
		if err != nil {
			t.Fatal(err)
		}
		spy := Listen(t, client, nil)
		receiver := s.listen(t, to, "")
		var want []dffmpeg.Message
		for i := range 10 {
			want = append(want, s.coordinator.Send(to, numbered(i, 1)...)...)
			time.Sleep(50 * time.Millisecond) // time for the spy to connect, and to hear
		}
		receiver.Await(t, want)
		if heard := spy.Heard(); len(heard) > 0 {
			t.Errorf("%s heard %d messages to %s", other, len(heard), to)
		}
	}
}

// broadcasts checks that all coordinators hear what one of them broadcasts, also
// after the broker was restarted.
func broadcasts(t *testing.T, s *suite) {
	sender, ok := s.coordinator.Server.(transport.Broadcaster)
	if !ok {
		return
	}
	other := StartCoordinator(t, s.Plugin, s.ServerSettings, s.mailbox)
	tell := func(text string) {
		t.Helper()
		awaitHealthy(t, s.coordinator)
		awaitHealthy(t, other)
		if err := sender.Broadcast(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*Coordinator{s.coordinator, other} {
			select {
			case heard := <-c.Overheard:
				if heard != text {
					t.Errorf("heard %q, want %q", heard, text)
				}
			case <-time.After(patience):
				t.Fatalf("%q was not heard", text)
			}
		}
	}
	for i := range 20 {
		tell(fmt.Sprint("wake ", i))
	}
	if s.RestartBroker != nil && !s.reliable {
		s.RestartBroker(t)
		tell("again")
	}
}

// names checks what a registry and the coordinator rely on.
func names(t *testing.T, s *suite) {
	server := s.coordinator.Server
	if server.Name() != s.Plugin.Name {
		t.Errorf("the server of %q calls itself %q", s.Plugin.Name, server.Name())
	}
	if detail, err := server.Health(t.Context()); err != nil || detail == "" {
		t.Errorf("Health() = %q, %v; want a detail and no error", detail, err)
	}
	if a, b := fmt.Sprint(server.Address(worker)), fmt.Sprint(server.Address(requester("worker1", "01A"))); a == b {
		t.Errorf("a worker and a requester of the same name share the address %s", a)
	}
}
