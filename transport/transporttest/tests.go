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
)

var worker = dffmpeg.ToWorker("worker1")

func delivery(t *testing.T, s *suite) {
	for _, to := range []dffmpeg.Recipient{worker, requester("alice", "01JOB")} {
		want := s.coordinator.Send(to, numbered(0, 3)...)
		s.listen(t, to, "").Await(t, want)
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
	payload := map[string]string{"content": strings.Repeat("0123456789abcdef", 1<<16)} // 1 MiB
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
	second := s.listen(t, worker, "")
	second.Await(t, want)
	// It hears what comes later, too.
	second.Await(t, append(want, s.coordinator.Send(worker, numbered(23, 2)...)...))
}

// failing checks that a handler's error ends Listen, and that what it did not
// accept is not lost.
func failing(t *testing.T, s *suite) {
	refused := errors.New("refused")
	want := s.coordinator.Send(worker, numbered(0, 2)...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := s.client(t, worker, "").Listen(ctx, func(context.Context, []dffmpeg.Message) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("Listen returned %v, want the handler's error", err)
	}
	s.listen(t, worker, "").Await(t, want)
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
	receiver := Listen(t, s.client(t, worker, ""), func(ctx context.Context, _ []dffmpeg.Message) error {
		handling <- struct{}{}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-proceed:
			return nil
		}
	})
	payload := map[string]string{"content": strings.Repeat("x", 100<<10)}
	want := s.coordinator.Send(worker, payload)
	<-handling // it is busy from now on
	for range total - 1 {
		want = append(want, s.coordinator.Send(worker, payload)...)
	}
	// Another recipient's mail passes.
	s.listen(t, requester("alice", "01A"), "").Await(t, s.coordinator.Send(requester("alice", "01A"), "passes"))
	if sent := s.mailbox.SentCount(worker); sent > most {
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
	want := s.coordinator.Send(worker, numbered(0, 10)...)
	first := s.listen(t, worker, "")
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
	want := s.coordinator.Send(worker, numbered(0, 6)...)
	first := s.listen(t, worker, "")
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
