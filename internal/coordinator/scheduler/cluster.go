package scheduler

import (
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Cluster is who works, and on how much, at one moment. Planning counts in it what it
// assigns.
type Cluster struct {
	now        time.Time
	workers    []dffmpeg.Worker // all but those long offline
	candidates []*candidate     // them, in the same order
	shares     map[share]int
}

// candidate is a worker that may be given jobs.
type candidate struct {
	worker *dffmpeg.Worker
	load   dffmpeg.JobLoad
	kept   *dffmpeg.Job // counted in load, but not there yet: see Cluster.keep
}

// share is what fairness counts: the jobs of a requester in the hands of workers, the
// light ones apart.
type share struct {
	requester string
	light     bool
}

func shareOf(job *dffmpeg.Job) share { return share{job.RequesterID, job.Demand.Light} }

// NewCluster returns the cluster of these workers with what they have, now.
func NewCluster(workers []dffmpeg.Worker, held []store.Held, now time.Time) *Cluster {
	c := &Cluster{now: now, workers: workers, shares: make(map[share]int)}
	byID := make(map[string]*candidate, len(workers))
	for i := range workers {
		one := &candidate{worker: &workers[i]}
		byID[one.worker.ID] = one
		c.candidates = append(c.candidates, one)
	}
	for i := range held {
		h := &held[i]
		c.shares[share{h.RequesterID, h.Demand.Light}] += h.Jobs
		if one := byID[h.WorkerID]; one != nil {
			one.load.Add(h.Job(), h.Jobs)
		}
	}
	return c
}

// qualified returns those that can run the job, whether they have room or not.
func (c *Cluster) qualified(job *dffmpeg.Job) []*candidate {
	var able []*candidate
	for _, one := range c.candidates {
		if one.worker.Qualifies(job) {
			able = append(able, one)
		}
	}
	return able
}

// free returns those that have a slot left, for light jobs and for others.
func (c *Cluster) free() map[bool][]*candidate {
	free := make(map[bool][]*candidate, 2)
	for _, one := range c.candidates {
		if !one.worker.Takes() {
			continue
		}
		if one.slots(true) > 0 {
			free[true] = append(free[true], one)
		}
		if one.slots(false) > 0 {
			free[false] = append(free[false], one)
		}
	}
	return free
}

// slots returns how many slots the worker has left, for light jobs or for others; 1 when
// it sets no limit.
func (c *candidate) slots(light bool) int {
	most, held := c.worker.Offer.MaxJobs, c.load.Jobs
	if light {
		most, held = c.worker.Offer.MaxLightJobs, c.load.LightJobs
	}
	if most == 0 {
		return 1
	}
	return most - held
}

// assign counts a job as the worker's.
func (c *Cluster) assign(job *dffmpeg.Job, to *candidate) {
	to.load.Add(job, 1)
	c.shares[shareOf(job)]++
}

// assumedSlots is what a worker that sets no limit counts as in comparison with others.
const assumedSlots = 4

// burden is how much of its share of the work a worker would have with one job more.
func (c *candidate) burden(job *dffmpeg.Job) float64 {
	held, slots := c.load.Jobs, c.worker.Offer.MaxJobs
	if job.Demand.Light {
		held, slots = c.load.LightJobs, c.worker.Offer.MaxLightJobs
	}
	if slots == 0 {
		slots = assumedSlots
	}
	return float64(held+1) / (float64(slots) * c.worker.Offer.Share())
}

// hasRoom reports whether the worker has room for a job.
func (c *candidate) hasRoom(job *dffmpeg.Job) bool { return c.worker.Reached(job, &c.load) == nil }
