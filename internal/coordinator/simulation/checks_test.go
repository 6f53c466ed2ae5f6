//go:build !race

package simulation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// The invariants, by what a violation is called.
const (
	overCommitted = "a slot is over-committed"
	twiceAtOnce   = "two attempts of a job run at once"
	twiceDone     = "a job is completed twice"
	lost          = "a job is lost"
	outOfOrder    = "a job of lower priority goes first"
	unfair        = "a requester gets more than its share"
	idle          = "a fitting job waits while a slot idles"
	tooOld        = "a job waits for longer than those that came after it"
	starved       = "a job waits for too long that somebody could run"
	unable        = "a job is begun where it must fail"
	backAgain     = "a job goes back to where it may still run"
)

// checks knows what must hold and what was violated.
type checks struct {
	w *world

	mu        sync.Mutex
	found     map[string][]string
	jobs      map[string]*dffmpeg.Job    // as submitted
	runs      map[string]map[string]bool // the machines where processes run now, by job
	completed map[string]int
	lostOn    map[string][]string // the machines of 0.4 that have lost a job, by job
	said      map[string]said     // by worker
	claims    int
	given     map[string]int       // how many jobs each worker was given
	fitted    map[string]fit       // jobs that fitted in the last look
	wide      []*dffmpeg.Job       // those that room was kept for in the last look, or is about to be
	vigils    map[string]*vigil    // by queue
	shares    map[share]int        // in the last look
	begun     map[string][]start   // jobs that were begun, by ID, by what jobs are alike in
	suspected map[string]suspicion // jobs that should have gone first, unless they do so now
}

// share is what fairness counts: the jobs of a requester in the hands of workers, light
// ones apart.
type share struct {
	requester string
	light     bool
}

func shareOf(job *dffmpeg.Job) share { return share{job.RequesterID, job.Demand.Light} }

// start is when a job was first claimed.
type start struct {
	id      string
	created time.Time // by the database's clock
	at      time.Time // true
}

// fit is that somebody has room for a job that waits.
type fit struct {
	since time.Time      // it waits
	roomy map[string]int // who has room, with how many jobs each was given
	kept  map[string]bool
	most  int // of so many of them room may be kept
}

// suspicion is that a job waits although it should have gone before another.
type suspicion struct {
	since     time.Time // it waits
	invariant string
	detail    string
}

func newChecks(w *world) *checks {
	return &checks{
		w: w, found: make(map[string][]string), jobs: make(map[string]*dffmpeg.Job), runs: make(map[string]map[string]bool),
		completed: make(map[string]int), lostOn: make(map[string][]string), said: make(map[string]said), given: make(map[string]int),
		begun: make(map[string][]start), suspected: make(map[string]suspicion),
	}
}

func (c *checks) violated(invariant, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(invariant, detail)
}

// note is violated for who holds the mutex.
func (c *checks) note(invariant, detail string) {
	c.found[invariant] = append(c.found[invariant], detail)
}

func (c *checks) has(invariant string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.found[invariant]) > 0
}

func (c *checks) submitted(job *dffmpeg.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs[job.ID] = job
}

// job returns a job as it was submitted; one that nobody has noted yet needs nothing.
func (c *checks) job(id string) *dffmpeg.Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.jobs[id], &dffmpeg.Job{})
}

// qualifies reports whether a worker can run a job. The engine does not know what its
// ffmpeg can do.
func (c *checks) qualifies(worker *dffmpeg.Worker, job *dffmpeg.Job) bool {
	return worker.Qualifies(job) && c.said[worker.ID].build.meets(job)
}

// began and stopped follow processes.
func (c *checks) began(m *machine, r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	on := c.runs[r.ref.JobID]
	if on == nil {
		on = make(map[string]bool)
		c.runs[r.ref.JobID] = on
	}
	if on[m.id] = true; len(on) > 1 {
		c.note(twiceAtOnce, fmt.Sprintf("%v on %s, of %v", r.ref, m.id, on))
	}
}

func (c *checks) stopped(m *machine, r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.runs[r.ref.JobID], m.id)
}

// loses notes that coordinators gave up an attempt. One of 0.4 goes on with it, where the
// requester has asked for another attempt; from then on it must not have the job again.
func (c *checks) loses(jobID, workerID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.w.machines[workerID].old {
		c.lostOn[jobID] = append(c.lostOn[jobID], workerID)
		delete(c.runs[jobID], workerID)
	}
}

func (c *checks) completes(jobID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.completed[jobID]++; c.completed[jobID] > 1 {
		c.note(twiceDone, jobID)
	}
	if on := c.runs[jobID]; len(on) > 0 {
		c.note(twiceDone, fmt.Sprintf("%s is completed while another attempt runs on %v", jobID, on))
	}
}

// claimed looks at the cluster just after a claim.
func (c *checks) claimed(ctx context.Context, job *dffmpeg.Job) {
	m := c.w.machines[job.Worker()]
	held, err := c.w.engine.HeldBy(ctx, job.Worker())
	if err != nil {
		return
	}
	var load dffmpeg.JobLoad
	for i := range held {
		load.Add(&held[i], 1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.claims++
	c.given[m.id]++
	if over(&m.offer, &load) {
		c.note(overCommitted, fmt.Sprintf("%s has %+v of %+v", m.id, load, m.offer))
	}
	c.ableTo(job)
	if slices.Contains(c.lostOn[job.ID], m.id) {
		c.note(backAgain, fmt.Sprintf("%s goes to %s, which has lost it", job.ID, m.id))
	}
	c.countAhead(job, m)
	if job.Attempt == 1 {
		c.inOrder(job)
	}
	if c.claims%20 == 0 {
		c.firstInLine(ctx, job, &m.offer, &load)
	}
}

// over reports whether there is more than is offered.
func over(offer *dffmpeg.Offer, load *dffmpeg.JobLoad) bool {
	exceeds := func(held, most int) bool { return most > 0 && held > most }
	if exceeds(load.Jobs, offer.MaxJobs) || exceeds(load.LightJobs, offer.MaxLightJobs) {
		return true
	}
	for name, most := range offer.MaxPerBinary {
		if load.Binaries[name] > most {
			return true
		}
	}
	for name, most := range offer.Resources {
		if load.Uses[name] > most {
			return true
		}
	}
	return false
}

// slack is how much the shares of requesters may differ more than they should: what
// schedulers claim at once.
const slack = 60

// firstInLine suspects those jobs that the worker could have run instead and that should
// have gone first.
func (c *checks) firstInLine(ctx context.Context, job *dffmpeg.Job, offer *dffmpeg.Offer, load *dffmpeg.JobLoad) {
	worker, err := c.w.engine.Worker(ctx, job.Worker())
	if err != nil {
		return
	}
	held, err := c.w.engine.Loads(ctx)
	if err != nil {
		return
	}
	shares := make(map[string]int)
	for i := range held {
		if held[i].Demand.Light == job.Demand.Light {
			shares[held[i].RequesterID] += held[i].Jobs
		}
	}
	load.Add(job, -1)
	defer load.Add(job, 1)
	heads, err := c.heads(ctx)
	if err != nil {
		return
	}
	for _, other := range heads {
		// What takes other room may have been planned before there was some for this one.
		if len(other.Attempts) > 0 || c.w.now().Sub(other.LastUpdate) <= tick || !contend(job, other, offer) || !c.qualifies(&worker, other) ||
			offer.Reached(other, load) != nil || c.keptFrom(other, &worker, load) {
			continue
		}
		why := ""
		switch {
		case other.Priority > job.Priority:
			why = outOfOrder
		case other.Priority == job.Priority && other.Demand.Light == job.Demand.Light && shares[other.RequesterID]+slack < shares[job.RequesterID]:
			why = unfair
		default:
			continue
		}
		c.suspected[other.ID] = suspicion{other.LastUpdate, why, fmt.Sprintf("%s (%d, %s with %d, %v) waits; %s (%d, %s with %d, %v) is begun on %s",
			other.ID, other.Priority, other.RequesterID, shares[other.RequesterID], other.Demand,
			job.ID, job.Priority, job.RequesterID, shares[job.RequesterID], job.Demand, worker.ID)}
	}
}

// confirm notes the suspicions about jobs that wait still.
func (c *checks) confirm(ctx context.Context) {
	for id, s := range c.suspected {
		job, err := c.w.engine.Job(ctx, id)
		if err == nil && job.Status == dffmpeg.JobPending && s.since.Equal(job.LastUpdate) {
			c.note(s.invariant, s.detail)
		}
	}
	clear(c.suspected)
}

// overtaken is by how many others that came after it a job may be overtaken: those that
// were claimed while its own claim was refused, because its worker had just left.
const overtaken = 8

// inOrder notes a job that is begun after too many others that are like it and came long
// after it; what is begun in one moment has no order.
func (c *checks) inOrder(job *dffmpeg.Job) {
	alike := fmt.Sprint(job.RequesterID, job.Priority, job.BinaryName, job.Paths, job.Demand)
	list := c.begun[alike]
	at, _ := slices.BinarySearchFunc(list, job.ID, func(s start, id string) int { return cmp.Compare(s.id, id) })
	count := 0
	for _, s := range list[at:] {
		if s.created.Sub(job.CreatedAt) > tick && time.Now().After(s.at) {
			count++
		}
	}
	if count > overtaken {
		c.note(tooOld, fmt.Sprintf("%s was begun after %d that came after it", job.ID, count))
	}
	c.begun[alike] = slices.Insert(list, at, start{job.ID, job.CreatedAt, time.Now()})
}

// conclude checks that every job has ended, in the way that its attempts did. One that was
// lost on a worker of 0.4 fails unless its requester asked for more.
func (c *checks) conclude(ctx context.Context) {
	for id := range c.jobs {
		job, err := c.w.engine.Job(ctx, id)
		c.mu.Lock()
		switch {
		case err != nil:
			c.note(lost, id+" is gone")
		case !job.Status.Terminal():
			c.note(lost, fmt.Sprintf("%s is %s for ever", id, job.Status))
		case job.Status == dffmpeg.JobCompleted && c.completed[id] != 1:
			c.note(lost, fmt.Sprintf("%s is completed, and %d reports said so", id, c.completed[id]))
		case job.Status == dffmpeg.JobFailed && job.Started() < job.Retry.MaxAttempts && (job.Retry.Asked || !c.w.machines[job.Worker()].old):
			c.note(lost, fmt.Sprintf("%s failed after %d attempts: %s", id, job.Started(), job.Reason))
		}
		c.mu.Unlock()
	}
}
