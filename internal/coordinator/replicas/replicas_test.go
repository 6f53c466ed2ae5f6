package replicas

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// replica is one that runs.
type replica struct {
	*Replicas
	stop context.CancelFunc

	mu    sync.Mutex
	woken []dffmpeg.Recipient
}

// start runs a replica in the bubble until the test ends.
func start(t *testing.T, id string, state store.Coordinators, waiting ...dffmpeg.Recipient) *replica {
	r := &replica{}
	r.Replicas = New(dffmpeg.Coordinator{ID: id}, state, func() []dffmpeg.Recipient { return waiting }, func(to dffmpeg.Recipient) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.woken = append(r.woken, to)
	}, []string{"janitor"}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx) // ends with ctx's error
	}()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

// crashed is a state that one replica no longer reaches.
type crashed struct {
	store.Coordinators
	mu   sync.Mutex
	away bool
}

func (c *crashed) crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = true
}

func (c *crashed) Beat(ctx context.Context, own dffmpeg.Coordinator) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return errors.New("away")
	}
	return c.Coordinators.Beat(ctx, own)
}

func (c *crashed) Leave(ctx context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return errors.New("away")
	}
	return c.Coordinators.Leave(ctx, id)
}

// TestOneHoldsTheLease: never two, and another one soon after it left or died.
func TestOneHoldsTheLease(t *testing.T) {
	for name, end := range map[string]func(r *replica, state *crashed){
		"left": func(r *replica, _ *crashed) { r.stop() },
		"died": func(_ *replica, state *crashed) { state.crash() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := memory.New(time.Now, dffmpeg.NewIDSource())
				state := &crashed{Coordinators: shared}
				a := start(t, "a", state)
				b := start(t, "b", shared)
				time.Sleep(time.Minute)
				if !a.Holds("janitor") || b.Holds("janitor") {
					t.Fatalf("a holds it: %t, b: %t; want a alone", a.Holds("janitor"), b.Holds("janitor"))
				}
				end(a, state)
				ended := time.Now()
				for !b.Holds("janitor") {
					time.Sleep(100 * time.Millisecond)
					if time.Since(ended) > 17*time.Second {
						t.Fatal("b does not take it over")
					}
				}
				if name == "died" && a.Holds("janitor") {
					t.Error("both hold it")
				}
				if took := time.Since(ended); took > 15*time.Second {
					t.Errorf("b took it over after %s", took)
				}
			})
		})
	}
}

// TestMailFromOthersIsFound within half a second, and only looked for while there
// are others.
func TestMailFromOthersIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		to := dffmpeg.ToWorker("w1")
		register := func() {
			t.Helper()
			if _, err := state.Register(t.Context(), store.Registration{Worker: dffmpeg.Worker{ID: "w1", Status: dffmpeg.WorkerOnline}, Token: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		a := start(t, "a", state, to)
		count := func() int {
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.woken)
		}
		time.Sleep(time.Minute)
		register()
		if got := count(); got != 0 {
			t.Errorf("woken %d times, alone", got)
		}
		b := start(t, "b", state)
		time.Sleep(time.Minute)
		before := count()
		register()
		if got := count(); got != before+1 || !slices.Equal(a.woken[before:], []dffmpeg.Recipient{to}) {
			t.Errorf("woken %d times, want once for the message of the other one", got-before)
		}
		if all, err := a.List(t.Context()); err != nil || len(all) != 2 {
			t.Errorf("List() = %v, %v", all, err)
		}
		b.stop()
		if all, err := a.List(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("List() after one left = %v, %v", all, err)
		}
	})
}
