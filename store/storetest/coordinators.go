package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testCoordinators(t *testing.T) {
	t.Run("signs of life", s.testBeat)
	t.Run("leases", s.testLeases)
	t.Run("racing leases", s.testRacingLeases)
	t.Run("homes", s.testHomes)
	t.Run("positions", s.testPositions)
}

func (s *suite) testBeat(t *testing.T) {
	w := s.world(t)
	a := dffmpeg.Coordinator{ID: numbered(1), Host: "one:8000", Version: "1.0", URL: "https://one.example"}
	b := dffmpeg.Coordinator{ID: numbered(2), Host: "two:8000"}
	list := func(window time.Duration) []dffmpeg.Coordinator {
		t.Helper()
		return must[[]dffmpeg.Coordinator](t)(w.ListCoordinators(t.Context(), window))
	}
	beat := func(c dffmpeg.Coordinator) {
		t.Helper()
		if err := w.Beat(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	times := cmpopts.IgnoreFields(dffmpeg.Coordinator{}, "StartedAt", "LastSeen")
	beat(b)
	beat(a)
	same(t, "all that live are listed, by ID", list(time.Minute), []dffmpeg.Coordinator{a, b}, times)
	first := list(time.Minute)[0]
	w.isNow("StartedAt", &first.StartedAt, first.StartedAt)
	a.Version = "1.1"
	beat(a)
	again := list(time.Minute)[0]
	same(t, "a record is what was said last", again, a, times)
	if !again.StartedAt.Equal(first.StartedAt) {
		t.Errorf("StartedAt was %s and is %s", first.StartedAt, again.StartedAt)
	}
	if s.features.InjectedClock {
		w.clock.advance(time.Minute)
		beat(a)
		same(t, "only those seen within the window are listed", list(30*time.Second), []dffmpeg.Coordinator{a}, times)
		w.clock.advance(store.CoordinatorsKept)
		beat(dffmpeg.Coordinator{ID: numbered(3)})
		if got := list(10 * store.CoordinatorsKept); len(got) != 2 {
			t.Errorf("%d coordinators are remembered, want those seen within %s: 2", len(got), store.CoordinatorsKept)
		}
	}
	for range 2 {
		if err := w.Leave(t.Context(), a.ID); err != nil {
			t.Errorf("Leave, known or not: %v", err)
		}
	}
	for _, c := range list(time.Hour) {
		if c.ID == a.ID {
			t.Error("one that has left is listed")
		}
	}
}

func (s *suite) testLeases(t *testing.T) {
	w := s.world(t)
	lease := func(name, holder string, want bool) {
		t.Helper()
		if got := must[bool](t)(w.Lease(t.Context(), name, holder, time.Minute)); got != want {
			t.Errorf("Lease of %s by %s = %t, want %t", name, holder, got, want)
		}
	}
	lease("janitor", "a", true)
	lease("janitor", "b", false)
	lease("janitor", "a", true)
	lease("other", "b", true)
	if err := w.Leave(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	lease("janitor", "b", true)
	lease("janitor", "a", false)
	if s.features.InjectedClock {
		w.clock.advance(time.Minute - time.Second)
		lease("janitor", "a", false)
		w.clock.advance(time.Second)
		lease("janitor", "a", true)
		lease("janitor", "b", false)
	}
}

// testRacingLeases has many want a lease at once, which one gets.
func (s *suite) testRacingLeases(t *testing.T) {
	w := s.world(t)
	for round := range 10 {
		var (
			holders atomic.Int64
			all     sync.WaitGroup
		)
		for i := range 8 {
			all.Go(func() {
				held, err := w.Lease(t.Context(), fmt.Sprint("lease ", round), fmt.Sprint("holder ", i), time.Minute)
				if err != nil {
					t.Error(err)
				}
				if held {
					holders.Add(1)
				}
			})
		}
		all.Wait()
		if holders.Load() != 1 {
			t.Errorf("%d hold the lease", holders.Load())
		}
	}
}

func (s *suite) testHomes(t *testing.T) {
	w := s.world(t)
	job := w.submit()
	home := func(own, instead, want string) {
		t.Helper()
		same(t, "Home for "+own+" instead of "+instead, must[string](t)(w.Home(t.Context(), job.ID, own, instead)), want)
	}
	home(numbered(1), "", numbered(1))
	home(numbered(2), "", numbered(1))
	home(numbered(2), numbered(3), numbered(1))
	home(numbered(2), numbered(1), numbered(2))
	home(numbered(1), "", numbered(2))
	same(t, "a job with a home is the same job", w.job(job.ID), job)
	_, err := w.Home(t.Context(), numbered(404), numbered(1), "")
	coded(t, "Home of an unknown job", err, dffmpeg.CodeNotFound)

	var all sync.WaitGroup
	contested, homes := w.submit(), make([]string, 8)
	for i := range homes {
		all.Go(func() { homes[i] = must[string](t)(w.Home(t.Context(), contested.ID, numbered(int64(i+1)), "")) })
	}
	all.Wait()
	for _, h := range homes {
		if h != homes[0] || h == "" {
			t.Errorf("several homes: %q", homes)
			break
		}
	}
}

func (s *suite) testPositions(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	running := w.running()
	waiting := w.submit()
	recipients := []dffmpeg.Recipient{
		dffmpeg.ToWorker(b1), running.Requester(), waiting.Requester(), dffmpeg.ToWorker("unknown"), {Kind: dffmpeg.RecipientRequester, ID: alice, JobID: numbered(999)},
	}
	want := map[dffmpeg.Recipient]int64{
		recipients[0]: int64(len(w.all(recipients[0]))), recipients[1]: int64(len(w.all(recipients[1]))), recipients[2]: 0,
	}
	same(t, "positions are the numbers of the last messages", must[map[dffmpeg.Recipient]int64](t)(w.Positions(t.Context(), recipients)), want)
	if _, err := w.Renew(t.Context(), running.ID, by1); err != nil {
		t.Fatal(err)
	}
	want[recipients[1]]++
	same(t, "a message moves the position", must[map[dffmpeg.Recipient]int64](t)(w.Positions(t.Context(), recipients)), want)
	same(t, "nobody has no positions", must[map[dffmpeg.Recipient]int64](t)(w.Positions(t.Context(), nil)), map[dffmpeg.Recipient]int64{})
}
