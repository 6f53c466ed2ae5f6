package scheduler

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// patience is for how long a job that needs several things at once waits before a
// worker's room is kept for it. What is kept idles, so jobs that fit go first for a while.
const patience = 30 * time.Second

// keep keeps the room of a worker for the first job of a queue for which nobody has room,
// if it might otherwise wait for ever: it needs several things at once (two sessions of
// an encoder, say), jobs that need fewer of them take every one that becomes free, and it
// has waited for long. The room counts as taken for those that come after it in this
// round, and in every one until the job has it. A worker keeps room for one job at a time.
//
// The worker is the one with the least that is lacking. Others get nothing of what it
// has, so it lacks less each time a job ends there, whichever worker is chosen meanwhile,
// and any coordinator that looks keeps the same.
func (c *Cluster) keep(q *queue, more feed) error {
	if q.kept || !q.greedy() {
		return nil
	}
	best := c.nearest(&q.like)
	if best == nil {
		return nil
	}
	if there, err := more.first(q); err != nil || !there {
		return err
	}
	if c.now.Sub(q.waitsSince()) < patience {
		return nil
	}
	q.kept = true
	best.keep(&q.jobs[0])
	return nil
}

// waitsSince returns since when one of the queue's jobs waits, of those that were read: the
// first one may be there for another attempt, and would end what is kept for those behind.
func (q *queue) waitsSince() time.Time {
	since := q.jobs[0].WaitsSince()
	for i := range q.jobs {
		if one := q.jobs[i].WaitsSince(); one.Before(since) {
			since = one
		}
	}
	return since
}

// greedy reports whether the jobs of the queue may need several things at once.
func (q *queue) greedy() bool { return len(q.like.Demand.Uses) > 0 }

// nearest returns the worker that will soonest have room for a job that needs several
// things at once wherever it could run, nil for none and for any other job.
func (c *Cluster) nearest(job *dffmpeg.Job) *candidate {
	var best *candidate
	for _, one := range c.qualified(job) {
		if one.several(job) < 2 {
			return nil // there its turn comes
		}
		if one.kept == nil && (best == nil || nearer(job, one, best)) {
			best = one
		}
	}
	return best
}

// nearer reports whether a lacks less for a job than b does. Of two that lack the same it
// is always the same one: what is free on the one would be given away while it is the
// other's turn.
func nearer(job *dffmpeg.Job, a, b *candidate) bool {
	return cmp.Or(cmp.Compare(a.lacking(job), b.lacking(job)), cmp.Compare(a.worker.ID, b.worker.ID)) < 0
}

// keep counts a job as the worker's that it has not got.
func (c *candidate) keep(job *dffmpeg.Job) {
	c.kept = job
	c.load.Add(job, 1)
}

// keepsFrom returns the job that the worker's room is kept for, if that alone keeps
// another from it.
func (c *candidate) keepsFrom(job *dffmpeg.Job) *dffmpeg.Job {
	if c.kept == nil || c.kept.ID == job.ID {
		return nil
	}
	c.load.Add(c.kept, -1)
	defer c.load.Add(c.kept, 1)
	if !c.hasRoom(job) {
		return nil
	}
	return c.kept
}

// several is how many things that the worker counts, slots aside, a job needs at once.
// Those that become free one by one may each be given to others; a slot becomes free with
// them.
func (c *candidate) several(job *dffmpeg.Job) int {
	count := 0
	for name, units := range job.Demand.Uses {
		if _, counted := c.worker.Offer.Resources[name]; counted {
			count += units
		}
	}
	if c.worker.Offer.MaxPerBinary[job.BinaryName] > 0 {
		count++
	}
	return count
}

// lacking is how much must become free before the worker has room for a job.
func (c *candidate) lacking(job *dffmpeg.Job) int {
	offer, slots, held := &c.worker.Offer, c.worker.Offer.MaxJobs, c.load.Jobs
	if job.Demand.Light {
		slots, held = offer.MaxLightJobs, c.load.LightJobs
	}
	count := missing(slots, held, 1) + missing(offer.MaxPerBinary[job.BinaryName], c.load.Binaries[job.BinaryName], 1)
	for name, units := range job.Demand.Uses {
		if most, counted := offer.Resources[name]; counted {
			count += max(0, c.load.Uses[name]+units-most)
		}
	}
	return count
}

// missing is how much is missing to the units wanted when so many are held of the most
// there are, which is 0 for any number.
func missing(most, held, units int) int {
	if most == 0 {
		return 0
	}
	return max(0, held+units-most)
}

// Keep counts what rounds keep for jobs that wait, so that Explain says so. It changes
// the Cluster, and may be called once.
func (c *Cluster) Keep(ctx context.Context, state Queues) error {
	queues, err := (&kinds{state: state}).queues(ctx)
	if err != nil {
		return err
	}
	c.enter(queues)
	slices.SortFunc(queues, func(a, b *queue) int {
		if c.before(a, b) {
			return -1
		}
		return 1
	})
	for _, q := range queues {
		if !q.fits() {
			if err := c.keep(q, feeding(ctx, state)); err != nil {
				return err
			}
		}
	}
	return nil
}
