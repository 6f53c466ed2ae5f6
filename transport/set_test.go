package transport_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// patient is a server whose health check takes a while.
type patient struct {
	puller
	takes  time.Duration
	broken atomic.Bool
	checks atomic.Int32
	runs   func(ctx context.Context) error
}

func newPatient(name string, takes time.Duration) *patient {
	return &patient{puller: puller{plain{name}}, takes: takes}
}

func (p *patient) Health(ctx context.Context) (string, error) {
	p.checks.Add(1)
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(p.takes):
	}
	if p.broken.Load() {
		return "", errors.New("broker away")
	}
	return "fine", nil
}

func (p *patient) Run(ctx context.Context) error {
	if p.runs != nil {
		return p.runs(ctx)
	}
	return p.puller.Run(ctx)
}

func negotiated(t *testing.T, set *transport.Set, names ...string) string {
	t.Helper()
	server, ok := set.Negotiate(t.Context(), names)
	if !ok {
		return ""
	}
	return server.Name()
}

func TestNegotiateTakesThePeersFirst(t *testing.T) {
	set := transport.NewSet(newPatient("a", 0), newPatient("b", 0))
	for _, test := range []struct {
		names []string
		want  string
	}{
		{[]string{"a", "b"}, "a"},
		{[]string{"b", "a"}, "b"},
		{[]string{"x", "b", "b"}, "b"},
		{[]string{"x"}, ""},
		{nil, ""},
	} {
		if got := negotiated(t, set, test.names...); got != test.want {
			t.Errorf("of %v, %q is negotiated, want %q", test.names, got, test.want)
		}
	}
}

func TestNegotiatePassesOverTheUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPatient("a", 0), newPatient("b", 0)
		set := transport.NewSet(a, b)
		a.broken.Store(true)
		if got := negotiated(t, set, "a", "b"); got != "b" {
			t.Errorf("%q is negotiated while a is away", got)
		}
		a.broken.Store(false)
		time.Sleep(3 * time.Second) // virtual
		if got := negotiated(t, set, "a", "b"); got != "a" {
			t.Errorf("%q is negotiated after a came back", got)
		}
	})
}

func TestHealthChecksAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newPatient("a", time.Second)
		set := transport.NewSet(a)
		var peers sync.WaitGroup
		for range 100 {
			peers.Go(func() {
				if _, ok := set.Negotiate(t.Context(), []string{"a"}); !ok {
					t.Error("a is not offered")
				}
			})
		}
		peers.Wait()
		set.Health(t.Context())
		if n := a.checks.Load(); n != 1 {
			t.Errorf("%d checks for 101 callers within a moment, want 1", n)
		}
		time.Sleep(2 * time.Second) // virtual
		set.Health(t.Context())
		if n := a.checks.Load(); n != 2 {
			t.Errorf("%d checks after the first had aged, want 2", n)
		}
	})
}

// TestCallerThatLeavesSpoilsNothing checks that a request which is canceled
// during its check does not make a transport look unhealthy to others.
func TestCallerThatLeavesSpoilsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := transport.NewSet(newPatient("a", time.Second))
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		set.Negotiate(gone, []string{"a"})
		if got := negotiated(t, set, "a"); got != "a" {
			t.Error("a is not offered")
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fine, broken, stuck, slow := newPatient("fine", 0), newPatient("broken", 0), newPatient("stuck", time.Hour), newPatient("slow", 2*time.Second)
		broken.broken.Store(true)
		began := time.Now()
		health := transport.NewSet(fine, broken, stuck, slow).Health(t.Context())
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("health took %s, want the bound of 3s", took)
		}
		for name, want := range map[string]dffmpeg.ComponentHealth{
			"fine":   {Status: dffmpeg.HealthOnline, Detail: new("fine")},
			"slow":   {Status: dffmpeg.HealthOnline, Detail: new("fine")},
			"broken": {Status: dffmpeg.HealthUnhealthy, Detail: new("broker away")},
			"stuck":  {Status: dffmpeg.HealthUnhealthy, Detail: new(context.DeadlineExceeded.Error())},
		} {
			got, ok := health[name]
			if !ok || got.Status != want.Status || got.Detail == nil || *got.Detail != *want.Detail {
				t.Errorf("health of %s is %+v, want %+v", name, got, want)
			}
		}
	})
}

func TestLookup(t *testing.T) {
	a, b := newPatient("a", 0), newPatient("b", 0)
	set := transport.NewSet(a, b)
	b.broken.Store(true)
	if server, ok := set.Lookup("b"); !ok || server != transport.Server(b) {
		t.Errorf("Lookup(b) = %v, %v", server, ok)
	}
	if _, ok := set.Lookup("c"); ok {
		t.Error("c is found")
	}
	if servers := set.Servers(); len(servers) != 2 || servers[0] != transport.Server(a) {
		t.Errorf("Servers() = %v", servers)
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- transport.NewSet(newPatient("a", 0), newPatient("b", 0)).Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunEndsWithAFailure(t *testing.T) {
	broken := errors.New("out of order")
	b := newPatient("b", 0)
	b.runs = func(context.Context) error { return broken }
	if err := transport.NewSet(newPatient("a", 0), b).Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Run: %v", err)
	}
}
