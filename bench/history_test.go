package bench

import (
	"errors"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// aged is a store with a history.
type aged struct {
	store.State
	took time.Duration // by the jobs that were timed
}

// BenchmarkHistory measures how many jobs a second go from submission to their
// end with 0, a hundred thousand and a million jobs in the tables that have ended
// before; by turns, so that whatever else the machine does slows all of them.
// Ratios say how many times as long a job takes as with none.
func BenchmarkHistory(b *testing.B) {
	for _, e := range engines() {
		b.Run(e.name, func(b *testing.B) { benchHistory(b, e.open) })
	}
}

func benchHistory(b *testing.B, open openStore) {
	var stores []*aged
	for _, jobs := range []int{0, 100_000, 1_000_000} {
		stores = append(stores, age(b, open, jobs))
	}
	for range 100 { // warm
		for _, s := range stores {
			s.life(b)
		}
	}
	for _, s := range stores {
		s.took = 0
	}
	for b.Loop() {
		for _, s := range stores {
			s.life(b)
		}
	}
	for i, name := range []string{"0", "100k", "1M"} {
		b.ReportMetric(float64(b.N)/stores[i].took.Seconds(), name+"-jobs/s")
		if i > 0 {
			b.ReportMetric(float64(stores[i].took)/float64(stores[0].took), name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op") // the sum of all says nothing
}

// age opens a store in tables of its own and gives it a history.
func age(b *testing.B, open openStore, jobs int) *aged {
	b.Helper()
	o := openEmpty(b, open)
	began := time.Now()
	conn, err := o.pool.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	o.execute(b, conn, o.prepare...)
	if jobs > 0 {
		if err := history.Fill(b.Context(), conn, o.names.Rebind, history.Size{Jobs: jobs}); err != nil {
			b.Fatal(err)
		}
	}
	o.execute(b, conn, o.settle...)
	b.Logf("%d jobs filled in within %s", jobs, time.Since(began).Round(time.Millisecond))
	if err := history.Present(b.Context(), o.state, 20); err != nil {
		b.Fatal(err)
	}
	return &aged{State: o.state}
}

// life is a job from submission to its end, in four operations: submitted,
// assigned, accepted and completed.
func (s *aged) life(b *testing.B) {
	b.Helper()
	ctx, by := b.Context(), store.By{WorkerID: history.Worker}
	began := time.Now()
	change, err := s.Submit(ctx, dffmpeg.Job{RequesterID: "client-1", BinaryName: "ffmpeg", Arguments: []string{"-i", "$In/a.mkv", "$Out/a.mp4"}})
	if err != nil {
		b.Fatal(err)
	}
	id := change.Job.ID
	_, claimed := s.Claim(ctx, change.Job, history.Worker)
	_, accepted := s.Accept(ctx, id, by)
	_, finished := s.Finish(ctx, id, by, store.Result{Status: dffmpeg.JobCompleted})
	s.took += time.Since(began)
	if err := errors.Join(claimed, accepted, finished); err != nil {
		b.Fatal(err)
	}
}
