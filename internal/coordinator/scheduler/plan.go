package scheduler

import (
	"cmp"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// queue is the known part of one of the store's queues. All its jobs have the same
// priority and requester, and the same workers qualify for them.
type queue struct {
	name  string
	jobs  []dffmpeg.Job // not considered yet, by ID
	like  dffmpeg.Job   // one of them
	last  string        // the ID of the last job that was read
	more  bool          // whether the store may have more of them
	page  int           // how many to read then
	roomy []*candidate  // those that qualify and had room when that was last looked at
	in    *cluster
}

// assignment is a job and who should run it.
type assignment struct {
	job    dffmpeg.Job
	worker *candidate
}

// queues makes queues of what the store's Queues returned, with those who qualify for
// each.
func (c *cluster) queues(rows []store.Queued) []*queue {
	queues := make([]*queue, 0, len(rows))
	for i := range rows {
		q := c.queue(rows[i].Queue, &rows[i].Job)
		q.more, q.page = true, leastPage
		q.add(rows[i].Job)
		queues = append(queues, q)
	}
	return queues
}

// queue returns an empty queue of jobs like the one given.
func (c *cluster) queue(name string, like *dffmpeg.Job) *queue {
	q := &queue{name: name, like: *like, in: c}
	for _, one := range c.candidates {
		if one.hasRoom(like) && one.worker.Qualifies(like) {
			q.roomy = append(q.roomy, one)
		}
	}
	return q
}

func (q *queue) add(job dffmpeg.Job) {
	q.jobs, q.last = append(q.jobs, job), job.ID
}

// fits reports whether somebody has room for the jobs of the queue.
func (q *queue) fits() bool {
	q.roomy = slices.DeleteFunc(q.roomy, func(c *candidate) bool { return !c.hasRoom(&q.like) })
	return len(q.roomy) > 0
}

// plan assigns the jobs of the queues as long as there is room, up to a batch: those of
// the highest priority first, then of the requester that has the least in the hands of
// workers, then the oldest. It takes from the queues what it has considered, feeds those
// of which nothing more is known, so that none is passed over, and counts in the cluster
// what it assigns.
func (c *cluster) plan(queues []*queue, feed func(*queue) error) ([]assignment, error) {
	var planned []assignment
	active := slices.DeleteFunc(slices.Clone(queues), func(q *queue) bool { return len(q.jobs) == 0 })
	for len(active) > 0 && len(planned) < batch {
		at := 0
		for i := range active {
			if c.before(&active[i].jobs[0], &active[at].jobs[0]) {
				at = i
			}
		}
		next := active[at]
		if next.fits() {
			job := next.jobs[0]
			next.jobs = next.jobs[1:]
			if worker := choose(&job, next.willing(&job)); worker != nil {
				c.assign(&job, worker)
				planned = append(planned, assignment{job, worker})
			}
		}
		if len(next.jobs) == 0 && next.more && next.fits() {
			if err := feed(next); err != nil {
				return nil, err
			}
		}
		if len(next.jobs) == 0 || len(next.roomy) == 0 {
			active = slices.Delete(active, at, at+1)
		}
	}
	return planned, nil
}

// before reports whether job a goes before job b.
func (c *cluster) before(a, b *dffmpeg.Job) bool {
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		cmp.Compare(c.shares[shareOf(a)], c.shares[shareOf(b)]),
		cmp.Compare(a.ID, b.ID),
	) < 0
}

// willing returns those that have room for a job of the queue and may have it. One
// that has just lost it may only if nobody else qualifies, with room or without.
func (q *queue) willing(job *dffmpeg.Job) []*candidate {
	if len(job.Attempts) == 0 {
		return q.roomy
	}
	spare := func(c *candidate) bool { return !mayStillRun(job, c.worker) && !justLost(job, c.worker) }
	others := slices.ContainsFunc(q.in.candidates, func(c *candidate) bool { return spare(c) && c.worker.Qualifies(job) })
	var may []*candidate
	for _, c := range q.roomy {
		if spare(c) || !others && !mayStillRun(job, c.worker) {
			may = append(may, c)
		}
	}
	return may
}
