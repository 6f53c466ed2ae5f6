package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/transport"
)

// base is the part of a transport that these tests do not use.
type base struct{ name string }

func (b base) Name() string                               { return b.name }
func (base) Address(dffmpeg.Recipient) transport.Metadata { return nil }
func (base) Health(context.Context) (string, error)       { return "", nil }
func (base) Run(ctx context.Context) error                { <-ctx.Done(); return ctx.Err() }

// puller notes who was woken, and when.
type puller struct {
	base
	mu    sync.Mutex
	woken []time.Time
}

func (p *puller) Wake(dffmpeg.Recipient) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken = append(p.woken, time.Now())
}

func (*puller) Waiting() []dffmpeg.Recipient { return nil }

func (*puller) Routes() []transport.Route { return nil }

// pusher notes what was published, and fails as often as told.
type pusher struct {
	base
	mu        sync.Mutex
	failures  int
	published []string
}

func (p *pusher) Publish(_ context.Context, _ dffmpeg.Recipient, _ transport.Metadata, messages []dffmpeg.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures > 0 {
		p.failures--
		return errors.New("broker is away")
	}
	for _, m := range messages {
		p.published = append(p.published, m.ID)
	}
	return nil
}

// start runs an outbox in the bubble until the test ends.
func start(t *testing.T, state store.State, servers ...transport.Server) *Outbox {
	o := New(state, servers, func() bool { return true }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.Run(ctx) // ends with ctx's error
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	synctest.Wait()
	return o
}

// register makes a message for worker w1 on transport "push".
func register(t *testing.T, state store.State, delay time.Duration) dffmpeg.Message {
	t.Helper()
	registered, err := state.Register(t.Context(), store.Registration{
		Worker: dffmpeg.Worker{ID: "w1", Status: dffmpeg.WorkerOnline, Transport: "push"},
		Token:  "x",
		Delay:  delay,
	})
	if err != nil {
		t.Fatal(err)
	}
	return registered.Messages[0]
}

func TestPullersAreWokenAtOnceOrWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &puller{}
		o := start(t, memory.New(time.Now, dffmpeg.NewIDSource()), p)
		begin := time.Now()
		to := dffmpeg.ToWorker("w1")
		o.Notify(to, time.Time{})
		o.Notify(to, begin.Add(time.Second))
		o.Notify(dffmpeg.ToWorker("w2"), begin.Add(3*time.Second))
		time.Sleep(10 * time.Second)
		p.mu.Lock()
		defer p.mu.Unlock()
		want := []time.Duration{0, time.Second, 3 * time.Second}
		if len(p.woken) != len(want) {
			t.Fatalf("woken %d times, want %d", len(p.woken), len(want))
		}
		for i, at := range p.woken {
			if at.Sub(begin) != want[i] {
				t.Errorf("wake-up %d after %s, want %s", i, at.Sub(begin), want[i])
			}
		}
	})
}

func TestPushersPublishAndMarkAsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		p := &pusher{base: base{"push"}, failures: 2}
		o := start(t, state, p)
		m := register(t, state, 0)
		o.Notify(m.To, time.Time{})
		o.Notify(m.To, time.Time{})
		time.Sleep(3 * time.Second) // two failures, a second apart
		synctest.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.published) != 1 || p.published[0] != m.ID {
			t.Errorf("published %v, want [%s]", p.published, m.ID)
		}
		unsent, err := state.Mail(t.Context(), m.To, store.MailQuery{Select: store.MailUnsent})
		if err != nil || len(unsent) != 0 {
			t.Errorf("unsent afterwards: %v, %v", unsent, err)
		}
	})
}

func TestSweepFindsWhatNobodyToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		before := register(t, state, 0) // committed by a coordinator that died
		p := &pusher{base: base{"push"}}
		start(t, state, p)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.published) != 1 || p.published[0] != before.ID {
			t.Errorf("published %v at the start, want [%s]", p.published, before.ID)
		}
	})
}

// TestMailOfOthersIsNotPublished: who stored it does that. Those who poll here are
// woken, when it is due.
func TestMailOfOthersIsNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		push, pull := &pusher{base: base{"push"}}, &puller{}
		o := New(state, []transport.Server{push, pull}, func() bool { return false }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = o.Run(ctx) // ends with ctx's error
		}()
		m := register(t, state, 0)
		o.Wake(m.To, time.Time{})
		o.Wake(m.To, time.Now().Add(time.Second))
		time.Sleep(time.Minute)
		cancel()
		<-done
		if len(push.published) != 0 || len(pull.woken) != 2 {
			t.Errorf("published %v, woken %d times; want nothing and twice", push.published, len(pull.woken))
		}
	})
}
