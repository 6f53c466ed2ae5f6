package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// choose returns the worker that should take the job: one that qualifies, the
// least loaded first, then the most recently seen, then by ID. The worker that
// had the job before is avoided while another qualifies, and so is one that sends
// lines to a requester that takes bytes; above all one that would get its arguments
// without the paths within them. It returns nil when nobody qualifies.
func choose(job *dffmpeg.Job, workers []dffmpeg.Worker, loads map[string]int) *dffmpeg.Worker {
	var best *dffmpeg.Worker
	for i := range workers {
		w := &workers[i]
		if !w.Qualifies(job) {
			continue
		}
		if best == nil || compare(job, w, best, loads) < 0 {
			best = w
		}
	}
	return best
}

// compare orders two qualifying workers, the better one first.
func compare(job *dffmpeg.Job, a, b *dffmpeg.Worker, loads map[string]int) int {
	return cmp.Or(
		cmp.Compare(cutShort(job, a), cutShort(job, b)),
		cmp.Compare(hadIt(job, a), hadIt(job, b)),
		cmp.Compare(linesOnly(job, a), linesOnly(job, b)),
		cmp.Compare(loads[a.ID], loads[b.ID]),
		lastSeen(b).Compare(lastSeen(a)),
		cmp.Compare(a.ID, b.ID),
	)
}

// cutShort is 1 for a worker that would get only version 1 of arguments that
// need the second form, else 0.
func cutShort(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if job.Segments != nil && !w.Has(dffmpeg.FeatureSegments) {
		return 1
	}
	return 0
}

// linesOnly is 1 for a worker that sends lines to a requester that takes bytes,
// else 0.
func linesOnly(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if w.SendsLines(job) {
		return 1
	}
	return 0
}

// hadIt is 1 for the worker of the job's last attempt, else 0.
func hadIt(job *dffmpeg.Job, w *dffmpeg.Worker) int {
	if job.Worker() == w.ID {
		return 1
	}
	return 0
}

func lastSeen(w *dffmpeg.Worker) time.Time {
	if w.LastSeen == nil {
		return time.Time{}
	}
	return *w.LastSeen
}

// Explain says in a sentence why no worker takes the job; "" when one
// qualifies.
func Explain(job *dffmpeg.Job, workers []dffmpeg.Worker) string {
	var online, withBinary, qualified, withoutStreams int
	missing := slices.Clone(job.Paths)
	for i := range workers {
		w := &workers[i]
		lack := w.Lacks(job)
		if lack.Status != "" {
			continue
		}
		online++
		if lack.Binary != "" {
			continue
		}
		withBinary++
		switch {
		case lack.Nothing():
			qualified++
		case len(lack.Paths) == 0:
			withoutStreams++
		}
		missing = slices.DeleteFunc(missing, func(name string) bool { return slices.Contains(w.Paths, name) })
	}
	switch {
	case qualified > 0:
		return ""
	case online == 0:
		return "no worker is online"
	case withBinary == 0:
		return fmt.Sprintf("no online worker has the binary %s", job.BinaryName)
	case withoutStreams > 0:
		return "the job has media on its standard streams, and no online worker that could run it can connect them; upgrade one to 0.5"
	case len(missing) > 0:
		return fmt.Sprintf("no online worker with %s has the path %s", job.BinaryName, strings.Join(missing, ", "))
	default:
		return fmt.Sprintf("no online worker with %s has all of the paths %s", job.BinaryName, strings.Join(job.Paths, ", "))
	}
}
