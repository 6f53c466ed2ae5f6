package transition

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Tally counts jobs for the metrics, one after the other (store.Jobs.Tally).
type Tally struct{ answer dffmpeg.MetricsAnswer }

// NewTally returns a tally of no jobs.
func NewTally() *Tally {
	return &Tally{answer: dffmpeg.MetricsAnswer{
		PerBinary: make(map[string]dffmpeg.JobCounts),
		PerWorker: make(map[string]dffmpeg.JobCounts),
	}}
}

// Add counts a job of this age. The worker is nil for one that never had any;
// it counts as current for its worker only while it is in that one's hands.
func (t *Tally) Add(binary string, worker *string, status dffmpeg.JobStatus, age time.Duration) {
	t.answer.Total = counted(t.answer.Total, status.Active(), age)
	countInto(t.answer.PerBinary, binary, status.Active(), age)
	if worker != nil {
		countInto(t.answer.PerWorker, *worker, status.HasWorker(), age)
	}
}

// Answer returns the counts; binaries and workers with nothing to count are
// left out.
func (t *Tally) Answer() dffmpeg.MetricsAnswer { return t.answer }

// countInto counts a job for a binary or a worker, if there is something to
// count.
func countInto(counts map[string]dffmpeg.JobCounts, name string, current bool, age time.Duration) {
	if c := counted(counts[name], current, age); c != (dffmpeg.JobCounts{}) {
		counts[name] = c
	}
}

// counted returns c with one job more.
func counted(c dffmpeg.JobCounts, current bool, age time.Duration) dffmpeg.JobCounts {
	if current {
		c.Current++
	}
	if age < time.Minute {
		c.Last1m++
	}
	if age < 5*time.Minute {
		c.Last5m++
	}
	return c
}
