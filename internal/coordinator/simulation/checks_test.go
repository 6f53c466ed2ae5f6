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
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
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
)

// checks knows what must hold and what was violated.
type checks struct {
	w *world

	mu        sync.Mutex
	found     map[string][]string
	jobs      map[string]*dffmpeg.Job // as submitted
	runs      map[string]int          // processes of each job that run now
	completed map[string]int
	claims    int
	fitted    map[string]time.Time // jobs that fitted in the last look, and since when they wait
	begun     map[string][]start   // jobs that were begun, by ID, by what jobs are alike in
	suspected map[string]suspicion // jobs that should have gone first, unless they do so now
}

// start is when a job was first claimed.
type start struct {
	id      string
	created time.Time
	at      time.Time
}

// suspicion is that a job waits although it should have gone before another.
type suspicion struct {
	since     time.Time // it waits
	invariant string
	detail    string
}

func newChecks(w *world) *checks {
	return &checks{
		w: w, found: make(map[string][]string), jobs: make(map[string]*dffmpeg.Job), runs: make(map[string]int),
		completed: make(map[string]int), fitted: make(map[string]time.Time), begun: make(map[string][]start), suspected: make(map[string]suspicion),
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

func (c *checks) submitted(job *dffmpeg.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs[job.ID] = job
}

// began and stopped follow processes.
func (w *world) began(m *machine, r *run) {
	w.checks.mu.Lock()
	defer w.checks.mu.Unlock()
	if w.checks.runs[r.ref.JobID]++; w.checks.runs[r.ref.JobID] > 1 {
		w.checks.note(twiceAtOnce, fmt.Sprintf("%v on %s", r.ref, m.id))
	}
}

func (w *world) stopped(_ *machine, r *run) {
	w.checks.mu.Lock()
	defer w.checks.mu.Unlock()
	w.checks.runs[r.ref.JobID]--
}

// watched is the store with an eye on what operations do.
type watched struct {
	store.State
	checks *checks
}

func (c *checks) watch(state store.State) store.State { return &watched{state, c} }

// Register hides limits from a store that is to ignore them.
func (s *watched) Register(ctx context.Context, registration store.Registration) (store.Registered, error) {
	if s.checks.w.broken.ignoresRoom {
		registration.Worker.Offer.MaxJobs, registration.Worker.Offer.Resources = 0, nil
	}
	return s.State.Register(ctx, registration)
}

// Claim looks whether the claim was right.
func (s *watched) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	change, err := s.State.Claim(ctx, seen, workerID)
	if err == nil && change.Outcome == store.Applied {
		s.checks.claimed(ctx, &change.Job)
	}
	return change, err
}

// Finish counts completions, and lets old attempts count where nothing is fenced.
func (s *watched) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	if s.checks.w.broken.unfenced {
		if job, err := s.Job(ctx, jobID); err == nil {
			by = store.By{WorkerID: job.Worker()}
		}
	}
	change, err := s.State.Finish(ctx, jobID, by, result)
	if err == nil && change.Outcome == store.Applied && result.Status == dffmpeg.JobCompleted {
		s.checks.mu.Lock()
		defer s.checks.mu.Unlock()
		if s.checks.completed[jobID]++; s.checks.completed[jobID] > 1 {
			s.checks.note(twiceDone, jobID)
		}
		if s.checks.w.broken.unfenced && s.checks.runs[jobID] > 0 {
			s.checks.note(twiceDone, jobID+" is completed while another attempt runs")
		}
	}
	return change, err
}

// Lose gives attempts up at once where leases are ignored.
func (s *watched) Active(ctx context.Context, limit int, statuses ...dffmpeg.JobStatus) ([]dffmpeg.Job, error) {
	jobs, err := s.State.Active(ctx, limit, statuses...)
	if s.checks.w.broken.ignoresLeases {
		for i := range jobs {
			jobs[i].Retry.LostAfter = 0
		}
	}
	return jobs, err
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
	if over(&m.offer, &load) {
		c.note(overCommitted, fmt.Sprintf("%s has %+v of %+v", m.id, load, m.offer))
	}
	if job.Attempt == 1 {
		c.inOrder(job)
	}
	if c.claims%20 == 0 {
		c.firstInLine(ctx, job, &m.offer, &load)
	}
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
	for after := ""; ; {
		rows, err := c.w.engine.Queues(ctx, after, 1)
		if err != nil || len(rows) == 0 {
			return
		}
		after = rows[0].Queue
		other, err := c.w.engine.Job(ctx, rows[0].JobID)
		if err != nil {
			return
		}
		if len(other.Attempts) > 0 || time.Since(other.LastUpdate) <= tick || !worker.Qualifies(&other) || offer.Reached(&other, load) != nil {
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
		c.suspected[other.ID] = suspicion{other.LastUpdate, why, fmt.Sprintf("%s (%d, %s with %d) waits; %s (%d, %s with %d) is begun", other.ID, other.Priority,
			other.RequesterID, shares[other.RequesterID], job.ID, job.Priority, job.RequesterID, shares[job.RequesterID])}
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

// over reports whether there is more than is offered.
func over(offer *dffmpeg.Offer, load *dffmpeg.JobLoad) bool {
	if load.Jobs > offer.MaxJobs || load.LightJobs > offer.MaxLightJobs {
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

// look checks what must hold of the whole while nothing happens, and returns how many
// jobs have not ended.
func (c *checks) look(ctx context.Context) int {
	workers, loads, left := c.cluster(ctx)
	depths, err := c.w.engine.Depths(ctx)
	if err != nil {
		return 0
	}
	fitted := make(map[string]time.Time)
	after := ""
	for _, d := range depths {
		left += d.Jobs
		rows, err := c.w.engine.Queues(ctx, after, 1) // the oldest of it, if one may begin
		after = d.Queue
		if err != nil || len(rows) == 0 || rows[0].Queue != d.Queue {
			continue
		}
		one, err := c.w.engine.Job(ctx, rows[0].JobID)
		if err != nil || len(one.Attempts) > 0 {
			continue // others may have to run it
		}
		job := &one
		if slices.ContainsFunc(workers, func(w dffmpeg.Worker) bool { return w.Qualifies(job) && w.Reached(job, loads[w.ID]) == nil }) {
			fitted[job.ID] = job.LastUpdate
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confirm(ctx)
	for id, since := range fitted {
		if before, did := c.fitted[id]; did && before.Equal(since) {
			c.note(idle, id)
		}
	}
	c.fitted = fitted
	return left
}

// cluster returns who works and on how much, and the number of jobs that are in
// anybody's hands.
func (c *checks) cluster(ctx context.Context) ([]dffmpeg.Worker, map[string]*dffmpeg.JobLoad, int) {
	workers, err := c.w.engine.ListWorkers(ctx, 0)
	if err != nil {
		return nil, nil, 0
	}
	loads := make(map[string]*dffmpeg.JobLoad, len(workers))
	for _, w := range workers {
		loads[w.ID] = &dffmpeg.JobLoad{}
	}
	held, err := c.w.engine.Loads(ctx)
	if err != nil {
		return nil, nil, 0
	}
	count := 0
	for i := range held {
		count += held[i].Jobs
		if load := loads[held[i].WorkerID]; load != nil {
			load.Add(held[i].Job(), held[i].Jobs)
		}
	}
	return workers, loads, count
}

// conclude checks that every job has ended, in the way that its attempts did.
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
		case job.Status == dffmpeg.JobFailed && job.Started() < job.Retry.MaxAttempts:
			c.note(lost, fmt.Sprintf("%s failed after %d attempts: %s", id, job.Started(), job.Reason))
		}
		c.mu.Unlock()
	}
}

// blinded returns the store as a scheduler sees it that is broken in some way.
func blinded(state store.State, b broken) scheduler.State { return &blind{state, b} }

type blind struct {
	store.State
	broken broken
}

func (s *blind) Queued(ctx context.Context, queue, after string, limit int) ([]dffmpeg.Job, error) {
	if s.broken.newestFirst {
		limit = everything
	}
	jobs, err := s.State.Queued(ctx, queue, after, limit)
	if s.broken.newestFirst && len(jobs) > 1 {
		jobs = jobs[len(jobs)-1:]
	}
	for i := range jobs {
		if s.broken.ignoresOrder {
			jobs[i].Priority = -jobs[i].Priority
		}
		if s.broken.ignoresShares {
			jobs[i].RequesterID = "anybody"
		}
	}
	return jobs, err
}

// everything is more than any queue has.
const everything = 1 << 20
