//go:build !race

package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

const (
	// busy is for how long a process and what is told of it take at most the room of a
	// machine that stays: it is offered, accepted, run, and reported, and a report that was
	// late or not answered is made again.
	busy = longest + 4*slow
	// hold is the same where the machine may lose the attempt, at its very end, because a
	// clock was set or an answer came too late: then the coordinator gives it up when the
	// lease is over, counted from the last report that strayed, with a margin, in the
	// janitor's next round.
	hold = busy + lostAfter + 15*time.Second + round + jitter
	// keptAfter is how long a job that needs several things at once waits before room is
	// kept for it. One that has waited almost as long counts as well, as it will have before
	// the next look.
	keptAfter = 30 * time.Second
)

// vigil is kept for the first job of a queue for as long as it is that. The others of its
// queue have those before them to wait for; that they go one after the other another
// check sees to.
type vigil struct {
	job   *dffmpeg.Job
	since time.Time // by the database's clock
	// ahead are the machines that stay and have qualified for the job all the time, with
	// how often they were given a job that went before this one and took room that it
	// needs.
	ahead map[string]int
	late  bool // it has waited for too long, which was noted
}

// bound returns how long a job waits at most that a machine qualifies for all the time.
//
// At any moment of its wait the machine has no room for it, or it would be given to it
// within a tick. The room it needs is one of so many slots. Each of them is taken by what
// was there when the wait began, for no longer than hold, and by those that go before
// the job. The slot that sees the fewest of those sees no more than their number divided
// by that of the slots; and after as many times hold, and one for the first, the job has
// it. Of machines with resources only calm ones count, as room may be kept on the others
// for one that finds it elsewhere in the end.
//
// For a job that needs several things at once room is kept after a while, on one of two
// calm machines, where less is lacking. No later than busy, one of the two things has
// become free somewhere; no later than twice that the other one has, there, unless one
// did on the other machine and that is preferred now, which it stays: three times busy. So
// long may each of them that goes before a job keep it from its room, and one may be at
// it.
func (v *vigil) bound(m *machine) time.Duration {
	ahead := time.Duration(v.ahead[m.id])
	switch {
	case wide(v.job):
		return keptAfter + 2*tick + busy*(3+ahead)
	case m.calm:
		return tick + busy*(1+3+ahead)
	case m.offer.MaxPerBinary[v.job.BinaryName] > 0:
		return tick + hold*(1+ahead)
	case v.job.Demand.Light:
		return tick + hold*(1+ahead/time.Duration(m.offer.MaxLightJobs))
	default:
		return tick + hold*(1+ahead/time.Duration(m.offer.MaxJobs))
	}
}

// wide reports whether a job needs several things at once that machines count.
func wide(job *dffmpeg.Job) bool {
	units := 0
	for _, n := range job.Demand.Uses {
		units += n
	}
	return units > 1
}

// watchOver keeps the vigils of those jobs that are the first of their queues, and notes
// those that wait for too long.
func (c *checks) watchOver(now time.Time, heads map[string]*dffmpeg.Job, workers []dffmpeg.Worker) {
	var stay []*dffmpeg.Worker
	for i := range workers {
		if m := c.w.machines[workers[i].ID]; m.steady && (m.calm || m.offer.Resources == nil) {
			stay = append(stay, &workers[i])
		}
	}
	vigils := make(map[string]*vigil, len(heads))
	for queue, job := range heads {
		v := c.vigils[queue]
		begins := v == nil || v.job.ID != job.ID || !v.job.LastUpdate.Equal(job.LastUpdate)
		if begins {
			v = &vigil{job: job, since: now, ahead: make(map[string]int)}
		}
		vigils[queue] = v
		for _, worker := range stay {
			may := c.qualifies(worker, job) && (worker.Trouble == nil || worker.Trouble.Since == nil) && !had(job, worker.ID)
			_, counted := v.ahead[worker.ID]
			switch {
			case counted && !may:
				delete(v.ahead, worker.ID)
			case begins && may:
				v.ahead[worker.ID] = 0
			}
		}
		c.tooLong(v, now)
	}
	c.vigils = vigils
}

// had reports whether a worker had the job; then others may have to run it.
func had(job *dffmpeg.Job, workerID string) bool {
	return slices.ContainsFunc(job.Attempts, func(a dffmpeg.Attempt) bool { return a.WorkerID == workerID })
}

func (c *checks) tooLong(v *vigil, now time.Time) {
	for id, ahead := range v.ahead {
		if bound := v.bound(c.w.machines[id]); now.Sub(v.since) > bound && !v.late {
			v.late = true
			c.note(starved, fmt.Sprintf("%s (%d, %s, %v) is the first of its queue for more than %s, and %s would do, which was given %d that go before it",
				v.job.ID, v.job.Priority, v.job.RequesterID, v.job.Demand, bound, id, ahead))
		}
	}
}

// countAhead counts a job that a machine was given for those that wait for its room, if it
// goes before them. Room may have been kept for it on another machine as well.
func (c *checks) countAhead(job *dffmpeg.Job, m *machine) {
	for _, v := range c.vigils {
		if v.job.ID == job.ID || !contend(job, v.job, &m.offer) || !c.goesBefore(job, v.job) {
			continue
		}
		for id := range v.ahead {
			switch other := c.w.machines[id]; {
			case m.calm && wide(job) && other.offer.Labels["rack"] == m.offer.Labels["rack"]:
				v.ahead[id] += 3
			case other == m:
				v.ahead[id]++
			}
		}
	}
}

// contend reports whether two jobs need the same room of a worker.
func contend(a, b *dffmpeg.Job, offer *dffmpeg.Offer) bool {
	for name := range a.Demand.Uses {
		if _, both := b.Demand.Uses[name]; both {
			return true
		}
	}
	return a.Demand.Light == b.Demand.Light || a.BinaryName == b.BinaryName && offer.MaxPerBinary[a.BinaryName] > 0
}

// goesBefore reports whether job a may be begun before job b. The shares are those of the
// last look.
func (c *checks) goesBefore(a, b *dffmpeg.Job) bool {
	switch {
	case a.Priority != b.Priority:
		return a.Priority > b.Priority
	case a.RequesterID == b.RequesterID:
		return a.ID < b.ID
	default:
		return c.shares[shareOf(a)] <= c.shares[shareOf(b)]+slack
	}
}

// look checks what must hold of the whole while nothing happens, and returns how many
// jobs have not ended.
func (c *checks) look(ctx context.Context) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.w.now()
	workers, loads, left := c.cluster(ctx)
	depths, err := c.w.engine.Depths(ctx)
	if err != nil {
		return 0
	}
	for _, d := range depths {
		left += d.Jobs
	}
	heads, err := c.heads(ctx)
	if err != nil {
		return 0
	}
	roomy := make(map[string][]*dffmpeg.Worker, len(heads)) // who has room, by job
	free := vacant(workers, loads)
	for _, job := range heads {
		for _, w := range free[job.Demand.Light] {
			if c.qualifies(w, job) && w.Reached(job, loads[w.ID]) == nil {
				roomy[job.ID] = append(roomy[job.ID], w)
			}
		}
	}
	c.wide = nil
	for _, job := range heads {
		if wide(job) && (len(job.Attempts) > 0 || now.Sub(job.WaitsSince()) > keptAfter-2*tick) { // those behind it may wait for longer
			c.wide = append(c.wide, job)
		}
	}
	c.confirm(ctx)
	fitted := make(map[string]fit)
	for _, job := range heads {
		if len(job.Attempts) == 0 && len(roomy[job.ID]) > 0 { // else others may have to run it
			fitted[job.ID] = c.fits(job, roomy[job.ID], loads)
			c.idled(job, fitted[job.ID])
		}
	}
	c.fitted = fitted
	c.watchOver(now, heads, workers)
	return left
}

// heads returns the first job of every queue that may begin, by queue.
func (c *checks) heads(ctx context.Context) (map[string]*dffmpeg.Job, error) {
	rows, err := c.w.engine.Queues(ctx, "", everything)
	if err != nil {
		return nil, err
	}
	heads := make(map[string]*dffmpeg.Job, len(rows))
	for _, row := range rows {
		job, err := c.w.engine.Job(ctx, row.JobID)
		if err != nil {
			return nil, err
		}
		heads[row.Queue] = &job
	}
	return heads, nil
}

// vacant returns those who have a slot left, for light jobs and for others.
func vacant(workers []dffmpeg.Worker, loads map[string]*dffmpeg.JobLoad) map[bool][]*dffmpeg.Worker {
	free := make(map[bool][]*dffmpeg.Worker)
	for i := range workers {
		w := &workers[i]
		for _, light := range []bool{true, false} {
			if w.Takes() && w.Reached(&dffmpeg.Job{Demand: dffmpeg.Demand{Light: light}}, loads[w.ID]) == nil {
				free[light] = append(free[light], w)
			}
		}
	}
	return free
}

// fits returns who has room for a job. Each job that needs several things at once, has
// waited for long and does not go after this one has the room of one worker kept.
func (c *checks) fits(job *dffmpeg.Job, roomy []*dffmpeg.Worker, loads map[string]*dffmpeg.JobLoad) fit {
	f := fit{since: job.LastUpdate, roomy: make(map[string]int), kept: make(map[string]bool)}
	for _, w := range roomy {
		f.roomy[w.ID], f.kept[w.ID] = c.given[w.ID], c.keptFrom(job, w, loads[w.ID])
	}
	for _, other := range c.wide {
		if other.Priority >= job.Priority && other.ID != job.ID {
			f.most++
		}
	}
	return f
}

// keptFrom reports whether the room of a worker may be kept for a job that needs several
// things at once, so that it has none for this one.
func (c *checks) keptFrom(job *dffmpeg.Job, worker *dffmpeg.Worker, load *dffmpeg.JobLoad) bool {
	return slices.ContainsFunc(c.wide, func(other *dffmpeg.Job) bool {
		if other.Priority < job.Priority || other.ID == job.ID || !c.qualifies(worker, other) {
			return false
		}
		load.Add(other, 1)
		defer load.Add(other, -1)
		return worker.Reached(job, load) != nil
	})
}

// cluster returns who works and on how much, and the number of jobs that are in anybody's
// hands, and notes the shares of requesters.
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
	c.shares = make(map[share]int)
	for i := range held {
		count += held[i].Jobs
		c.shares[share{held[i].RequesterID, held[i].Demand.Light}] += held[i].Jobs
		if load := loads[held[i].WorkerID]; load != nil {
			load.Add(held[i].Job(), held[i].Jobs)
		}
	}
	return workers, loads, count
}

// idled notes a job that waits since before the last look for which somebody has had room
// since then that was not kept, and was given nothing else.
func (c *checks) idled(job *dffmpeg.Job, now fit) {
	before, fitted := c.fitted[job.ID]
	if !fitted || !before.since.Equal(now.since) {
		return
	}
	var idlers []string
	kept := 0
	for id, given := range now.roomy {
		if was, did := before.roomy[id]; !did || was != given {
			continue
		}
		idlers = append(idlers, id)
		if now.kept[id] || before.kept[id] {
			kept++
		}
	}
	if len(idlers) > min(kept, max(now.most, before.most)) {
		c.note(idle, fmt.Sprintf("%s (%d, %s, %s %v %+v) waits, and %v have room; for %d that wait some is kept",
			job.ID, job.Priority, job.RequesterID, job.BinaryName, job.Paths, job.Demand, idlers, now.most))
	}
}
