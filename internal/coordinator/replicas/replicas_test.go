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
	return startOn(t, nil, id, state, waiting...)
}

// startOn does so with a broker, nil for none.
func startOn(t *testing.T, on *ether, id string, state store.Coordinators, waiting ...dffmpeg.Recipient) *replica {
	var o Options
	if on != nil {
		o.Backend = on.join()
	}
	return startWith(t, o, id, state, waiting...)
}

// startWith does so with the ways to the others that o has.
func startWith(t *testing.T, o Options, id string, state store.Coordinators, waiting ...dffmpeg.Recipient) *replica {
	r := &replica{}
	o.Own, o.State, o.Waiting = dffmpeg.Coordinator{ID: id}, state, func() []dffmpeg.Recipient { return waiting }
	o.Wake = func(to dffmpeg.Recipient, _ time.Time) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.woken = append(r.woken, to)
	}
	o.Leases, o.Logger = []string{"janitor"}, slog.New(slog.DiscardHandler)
	r.Replicas = New(o)
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

// ether carries broadcasts within a test.
type ether struct {
	mu        sync.Mutex
	listeners []func([]byte)
	texts     []string
}

// station is one coordinator's end of it.
type station struct{ *ether }

func (e *ether) join() station { return station{e} }

func (s station) Overhear(handle func([]byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, handle)
}

func (s station) Broadcast(_ context.Context, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, string(text))
	for _, handle := range s.listeners {
		handle(text)
	}
	return nil
}

// TestOthersAreToldOverTheBroker at once, one broadcast for what comes together,
// and never by an echo of its own.
func TestOthersAreToldOverTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		var e ether
		a := startOn(t, &e, "a", state)
		b := startOn(t, &e, "b", state)
		a.Notify(dffmpeg.ToWorker("w0"), time.Time{}) // a knows of no other yet
		time.Sleep(time.Minute)
		a.Notify(dffmpeg.ToWorker("w1"), time.Time{})
		a.Notify(dffmpeg.ToWorker("w1"), time.Now().Add(time.Second))
		a.Notify(dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester, ID: "c", JobID: "j"}, time.Time{})
		time.Sleep(2 * gather)
		synctest.Wait()
		b.mu.Lock()
		defer b.mu.Unlock()
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(e.texts) != 1 || len(b.woken) != 2 || len(a.woken) != 0 {
			t.Errorf("%d broadcasts woke %v at b and %v at a; want one, two, and none", len(e.texts), b.woken, a.woken)
		}
	})
}

// directly connects replicas that reach each other, by ID.
type directly struct {
	mu      sync.Mutex
	members map[string]*replica
	calls   int
	down    bool
}

func (d *directly) tell(to dffmpeg.Coordinator) Tell {
	return func(_ context.Context, request dffmpeg.WakeRequest) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.calls++
		if d.down {
			return errors.New("cannot be reached")
		}
		d.members[to.ID].Hear(request)
		return nil
	}
}

// set makes calls fail, or not.
func (d *directly) set(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
}

// count returns how many calls there were.
func (d *directly) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// TestOthersAreToldDirectly without a broker: those who are there, each once, and
// again after they could not be reached.
func TestOthersAreToldDirectly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := memory.New(time.Now, dffmpeg.NewIDSource())
		d := &directly{members: make(map[string]*replica)}
		for _, id := range []string{"a", "b", "c"} {
			d.mu.Lock()
			d.members[id] = startWith(t, Options{Direct: d.tell}, id, state)
			d.mu.Unlock()
		}
		woken := func(id string) int {
			synctest.Wait()
			r := d.members[id]
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.woken)
		}
		time.Sleep(time.Minute)
		to := dffmpeg.ToWorker("w1")
		d.members["a"].Notify(to, time.Time{})
		time.Sleep(2 * gather)
		if woken("a") != 0 || woken("b") != 1 || woken("c") != 1 || d.count() != 2 {
			t.Errorf("woken %d, %d, %d times by %d calls", woken("a"), woken("b"), woken("c"), d.count())
		}
		d.set(true)
		d.members["a"].Notify(to, time.Time{})
		time.Sleep(2 * gather)
		d.set(false)
		time.Sleep(2 * tellPause)
		d.members["a"].Notify(to, time.Time{})
		time.Sleep(2 * gather)
		if woken("b") != 2 {
			t.Errorf("b was woken %d times, want also after it could not be reached", woken("b"))
		}
		d.members["b"].stop()
		time.Sleep(time.Minute)
		before := d.count()
		d.members["a"].Notify(to, time.Time{})
		time.Sleep(2 * gather)
		if synctest.Wait(); d.count() != before+1 {
			t.Errorf("%d calls, want one: b has left", d.count()-before)
		}
	})
}

// TestStrangeBroadcastsAreIgnored.
func TestStrangeBroadcastsAreIgnored(t *testing.T) {
	var e ether
	woken := 0
	New(Options{
		Own: dffmpeg.Coordinator{ID: "a"}, Backend: e.join(), Wake: func(dffmpeg.Recipient, time.Time) { woken++ },
		Logger: slog.New(slog.DiscardHandler),
	})
	for _, text := range []string{"", "{", "[]", `{"from":"a","to":[{"kind":"worker","id":"x"}]}`, `{"from":"b"}`} {
		if err := e.join().Broadcast(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if woken != 0 {
		t.Errorf("woken %d times", woken)
	}
}
