package scheduler

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// sessions is a job that needs so many sessions of an encoder.
func sessions(n int) func(*dffmpeg.Job) {
	return func(job *dffmpeg.Job) { job.Demand.Uses = map[string]int{"nvenc": n} }
}

// TestRoomIsKept: a job that needs several sessions at once gets them although there are
// always others that need one; and says why it waits, as the others do.
func TestRoomIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.worker("a", dffmpeg.Offer{MaxJobs: 10, Resources: map[string]int{"nvenc": 3}})
		w.worker("b", dffmpeg.Offer{MaxJobs: 10, Resources: map[string]int{"nvenc": 2}})
		var running []string
		for range 5 {
			running = append(running, w.submit("alice", sessions(1)))
		}
		w.assigned()
		large := w.submit("bob", sessions(3))
		next := func() string {
			time.Sleep(5 * time.Second)
			w.submit("alice", sessions(1))
			w.finish(running[0])
			got := w.assigned()
			running = append(running[1:], got...)
			if len(got) == 0 {
				return ""
			}
			return got[0]
		}
		for range 5 { // 25 s
			if got := next(); got == "" || got == large {
				t.Fatalf("at first what fits goes first; assigned is %q", got)
			}
		}
		waited := 0
		for got := ""; got != large; waited++ {
			if got = next(); waited > 20 {
				t.Fatal("the job waits for ever")
			}
		}
		// Between times, of what becomes free on a, nothing is given away: five jobs run on
		// two workers, and each ends in its turn.
		if waited > 10 {
			t.Errorf("%d jobs ended until the large one had room", waited)
		}
		cpu := w.submit("carol")
		expect(t, "slots are not kept for what has room", w.assigned(), []string{cpu})
	})
}

// TestKeptRoomIsExplained: what waits for room that is kept for another says so.
func TestKeptRoomIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.worker("a", dffmpeg.Offer{MaxJobs: 10, Resources: map[string]int{"nvenc": 3}})
		w.submit("alice", sessions(2))
		w.assigned()
		large, small := w.submit("bob", sessions(3)), w.submit("alice", sessions(1))
		explain := func(id string) string {
			workers, err := w.ListWorkers(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			held, err := w.Loads(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			job, err := w.Job(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			c := NewCluster(workers, held, time.Now())
			if err := c.Keep(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			return c.Explain(&job)
		}
		if why := explain(small); why != "" {
			t.Errorf("a job that fits waits because %q", why)
		}
		time.Sleep(patience)
		for id, want := range map[string]string{
			small: "worker a is kept free for a job that needs 3 nvenc",
			large: "fewer than 3 of the 3 nvenc free on worker a",
		} {
			if why := explain(id); why != want {
				t.Errorf("it waits because %q, want %q", why, want)
			}
		}
		expect(t, "nothing is given away meanwhile", w.assigned(), []string{})
	})
}

// TestKeptRoomIsNotExchanged: when as little is lacking on another worker, room stays kept
// where it is, whichever of them was seen last. Else each of the two gives away what became
// free while it was the other's turn.
func TestKeptRoomIsNotExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		seen := func(id string) {
			time.Sleep(time.Second)
			w.worker(id, dffmpeg.Offer{MaxJobs: 10, Resources: map[string]int{"nvenc": 2}})
		}
		seen("a")
		seen("b")
		for range 4 {
			w.submit("alice", sessions(1))
		}
		w.assigned()
		large := w.submit("alice", sessions(2))
		for range 100 {
			w.submit("alice", sessions(1))
		}
		time.Sleep(patience)
		for i := range 40 {
			id := []string{"a", "b"}[i%2]
			held, err := w.HeldBy(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			for _, job := range held {
				if job.ID == large {
					return
				}
			}
			seen(id)
			w.finish(held[0].ID) // the oldest
			w.assigned()
		}
		t.Error("40 jobs ended, on two workers, and the large one waits")
	})
}

// TestKeepingIsNotInterrupted: room stays kept for a job that has waited for long when an
// older one of its queue, which is to be tried again, goes before it.
func TestKeepingIsNotInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		offer := dffmpeg.Offer{MaxJobs: 10, Resources: map[string]int{"nvenc": 2}}
		sessions := func(n int) func(*dffmpeg.Job) {
			return func(job *dffmpeg.Job) {
				job.Demand.Uses = map[string]int{"nvenc": n}
				job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 20, On: []string{dffmpeg.RetryFailed}}
			}
		}
		w.worker("a", offer)
		older := w.submit("alice", sessions(2))
		w.assigned()
		w.worker("b", offer)
		one := w.submit("alice", sessions(1))
		w.submit("alice", sessions(1))
		w.assigned()
		time.Sleep(time.Millisecond)
		w.submit("alice", sessions(2))
		for range 20 {
			w.submit("alice", sessions(1))
		}
		time.Sleep(patience)
		w.finish(one)
		expect(t, "room is kept on b", w.assigned(), []string{})
		if _, err := w.Finish(t.Context(), older, store.By{WorkerID: "a"}, store.Result{Status: dffmpeg.JobFailed, ExitCode: new(1)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Deregister(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		expect(t, "room is still kept on b", w.assigned(), []string{})
	})
}
