package scheduler

import (
	"cmp"
	"slices"

	"github.com/dffmpeg/dffmpeg"
)

// queue is the known part of one of the store's queues. All its jobs have the same
// priority and requester, and the same workers qualify for them.
type queue struct {
	name  string
	like  dffmpeg.Job   // what they have in common
	next  string        // no job that was not considered has a lesser ID
	jobs  []dffmpeg.Job // read and not considered, by ID
	last  string        // the ID of the last job that was read
	more  bool          // whether the store may have more of them
	page  int           // how many to read then
	roomy []*candidate  // those that qualify and had room when that was last looked at
	kept  bool          // whether a worker's room is being kept for its first job
}

// assignment is a job and who should run it.
type assignment struct {
	job    dffmpeg.Job
	worker *candidate
}

// enter finds those who qualify for the jobs of the queues and have room.
func (c *Cluster) enter(queues []*queue) {
	free := c.free()
	for _, q := range queues {
		for _, one := range free[q.like.Demand.Light] {
			if one.hasRoom(&q.like) && one.worker.Qualifies(&q.like) {
				q.roomy = append(q.roomy, one)
			}
		}
	}
}

// fits reports whether somebody has room for the jobs of the queue.
func (q *queue) fits() bool {
	q.roomy = slices.DeleteFunc(q.roomy, func(c *candidate) bool { return !c.hasRoom(&q.like) })
	return len(q.roomy) > 0
}

// known adds what was read of the queue when so many were asked for.
func (q *queue) known(jobs []dffmpeg.Job, limit int) {
	q.more = len(jobs) == limit
	q.jobs = append(q.jobs, jobs...)
	if len(q.jobs) > 0 {
		q.next, q.last = q.jobs[0].ID, q.jobs[len(q.jobs)-1].ID
	}
}

// take takes the first job out of those that were read.
func (q *queue) take() dffmpeg.Job {
	job := q.jobs[0]
	q.jobs = q.jobs[1:]
	if q.next = job.ID; len(q.jobs) > 0 {
		q.next = q.jobs[0].ID
	}
	return job
}

// feed reads more of a queue of which nothing is left that was not considered.
type feed func(*queue) error

// first reads the queue's first job if that was not done yet, and reports whether there
// is one.
func (f feed) first(q *queue) (bool, error) {
	if len(q.jobs) > 0 || !q.more {
		return len(q.jobs) > 0, nil
	}
	err := f(q)
	return len(q.jobs) > 0, err
}

// plan assigns the jobs of the queues as long as there is room, up to a batch: those of
// the highest priority first, then of the requester that has the least in the hands of
// workers, then the oldest. It takes from the queues what it has considered, feeds those
// of which nothing more is known, so that none is passed over, and counts in the cluster
// what it assigns, and what it keeps for jobs that find room nowhere (see keep).
func (c *Cluster) plan(queues []*queue, more feed) ([]assignment, error) {
	var planned []assignment
	idle := func(q *queue) bool { return !q.fits() && !q.greedy() }
	active := slices.DeleteFunc(slices.Clone(queues), idle)
	for len(active) > 0 && len(planned) < batch {
		at := 0
		for i := range active {
			if c.before(active[i], active[at]) {
				at = i
			}
		}
		q := active[at]
		if !q.fits() {
			if err := c.keep(q, more); err != nil {
				return nil, err
			}
			active = slices.DeleteFunc(active, func(other *queue) bool { return other == q || idle(other) })
			continue
		}
		if len(q.jobs) == 0 { // it may have gone, or not be the first then
			if there, err := more.first(q); err != nil {
				return nil, err
			} else if !there {
				active = slices.Delete(active, at, at+1)
			}
			continue
		}
		job := q.take()
		if worker := choose(&job, c.willing(q, &job)); worker != nil {
			c.assign(&job, worker)
			planned = append(planned, assignment{job, worker})
		}
	}
	return planned, nil
}

// before reports whether the first job of queue a goes before that of queue b.
func (c *Cluster) before(a, b *queue) bool {
	return cmp.Or(
		cmp.Compare(b.like.Priority, a.like.Priority),
		cmp.Compare(c.shares[shareOf(&a.like)], c.shares[shareOf(&b.like)]),
		cmp.Compare(a.next, b.next),
	) < 0
}

// willing returns those that have room for a job of the queue and may have it. One
// that has just lost it may only if nobody else qualifies, with room or without.
func (c *Cluster) willing(q *queue, job *dffmpeg.Job) []*candidate {
	if len(job.Attempts) == 0 {
		return q.roomy
	}
	may := func(one *candidate) bool { return !job.MayStillRun(one.worker, c.now) }
	spare := func(one *candidate) bool { return may(one) && !justLost(job, one.worker) }
	others := slices.ContainsFunc(c.candidates, func(one *candidate) bool { return spare(one) && one.worker.Qualifies(job) })
	var willing []*candidate
	for _, one := range q.roomy {
		if spare(one) || !others && may(one) {
			willing = append(willing, one)
		}
	}
	return willing
}
