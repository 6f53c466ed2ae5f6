package bench

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
)

// BenchmarkAssign measures how many jobs a second are given to workers when ten
// thousand wait and a thousand slots become free at once, with one coordinator and with
// three that share the database. An iteration is one such batch.
func BenchmarkAssign(b *testing.B) {
	const freed = 10 // slots of each worker
	for _, e := range engines() {
		for _, coordinators := range []int{1, 3} {
			b.Run(e.name+"/"+strconv.Itoa(coordinators), func(b *testing.B) {
				o := openEmpty(b, e.open)
				o.employ(b, freed)
				o.wait(b, busy, 10_000)
				var took time.Duration
				assigned := 0
				for b.Loop() {
					before := held(b, o)
					began := time.Now()
					var group errgroup.Group
					for range coordinators {
						s := scheduler.New(o.state, time.Hour, slog.New(slog.DiscardHandler))
						group.Go(func() error { return s.Assign(b.Context()) })
					}
					if err := group.Wait(); err != nil {
						b.Fatal(err)
					}
					took += time.Since(began)
					assigned += held(b, o) - before
					release(b, o)
				}
				b.ReportMetric(float64(assigned)/took.Seconds(), "assigned/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// held returns how many jobs workers have.
func held(b *testing.B, o opened) int {
	b.Helper()
	loads, err := o.state.Loads(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	sum := 0
	for _, h := range loads {
		sum += h.Jobs
	}
	return sum
}

// release takes all jobs from workers again.
func release(b *testing.B, o opened) {
	b.Helper()
	jobs, err := o.state.Active(b.Context(), 0, dffmpeg.JobAssigned)
	if err != nil {
		b.Fatal(err)
	}
	for _, job := range jobs {
		if _, err := o.state.Conclude(b.Context(), job, dffmpeg.JobCanceled, "the batch is over"); err != nil {
			b.Fatal(err)
		}
	}
}
