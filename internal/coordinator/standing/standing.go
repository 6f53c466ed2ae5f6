// Package standing says where jobs stand: the place of a pending one in the queue, and
// why it waits. Neither is stored, as both change with what happens to others.
package standing

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/scheduler"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// State is the part of the store that is looked at.
type State interface {
	scheduler.Queues
	Now(ctx context.Context) (time.Time, error)
	Depths(ctx context.Context) ([]store.Depth, error)
	Ahead(ctx context.Context, queue, jobID string) (int, error)
	Loads(ctx context.Context) ([]store.Held, error)
	ListWorkers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
}

// Fill sets Position of those jobs that are pending, and their Reason where there is
// one that they wait. The jobs must be newest first, and with each pending one all of
// its requester's between it and the next must be among them, as in lists and for one
// job. The position is counted as if all jobs could run on all workers and every one
// were as long as the others: the real order depends on which slot becomes free.
func Fill(ctx context.Context, state State, jobs []dffmpeg.Job) error {
	var waiting []*dffmpeg.Job
	for i := range jobs {
		if jobs[i].Status == dffmpeg.JobPending {
			waiting = append(waiting, &jobs[i])
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	v, err := look(ctx, state)
	if err != nil {
		return err
	}
	places := make(map[line]int) // of the job that was placed last
	for _, job := range waiting {
		l := line{job.RequesterID, job.Priority}
		if _, placed := places[l]; placed {
			places[l]--
		} else if places[l], err = v.place(ctx, state, job); err != nil {
			return err
		}
		job.Position = v.position(job, max(places[l], 1))
		why, err := v.explain(ctx, state, job)
		if err != nil {
			return err
		}
		if why != "" {
			job.Reason = joined(job.Reason, why)
		}
	}
	return nil
}

// line is the jobs that are ordered among themselves by age alone.
type line struct {
	requester string
	priority  int
}

// view is what positions and reasons depend on.
type view struct {
	cluster *scheduler.Cluster
	kept    bool              // whether the cluster counts what is kept for others
	reasons map[string]string // of queues, for the jobs that no worker has had
	held    []store.Held
	depths  []store.Depth
}

func look(ctx context.Context, state State) (*view, error) {
	v := view{reasons: make(map[string]string)}
	now, err := state.Now(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := state.ListWorkers(ctx, 0)
	if err != nil {
		return nil, err
	}
	if v.held, err = state.Loads(ctx); err != nil {
		return nil, err
	}
	v.cluster = scheduler.NewCluster(workers, v.held, now)
	v.depths, err = state.Depths(ctx)
	return &v, err
}

// explain says why a job waits: one that no worker has had, for the same reason as the
// others in its queue. What is kept for others is looked at when nothing else keeps the job
// from being assigned, which is rare.
func (v *view) explain(ctx context.Context, state State, job *dffmpeg.Job) (string, error) {
	alike := len(job.Attempts) == 0 && job.NotBefore == nil
	queue := transition.Queue(job)
	if why, known := v.reasons[queue]; known && alike {
		return why, nil
	}
	why := v.cluster.Explain(job)
	if why == "" && !v.kept {
		v.kept = true
		if err := v.cluster.Keep(ctx, state); err != nil {
			return "", err
		}
		why = v.cluster.Explain(job)
	}
	if alike {
		v.reasons[queue] = why
	}
	return why, nil
}

// place returns the job's place in its line, from 1.
func (v *view) place(ctx context.Context, state State, job *dffmpeg.Job) (int, error) {
	place := 1
	for _, d := range v.depths {
		if d.RequesterID != job.RequesterID || d.Priority != job.Priority {
			continue
		}
		if d.Jobs == 1 || d.Queue != transition.Queue(job) && d.Oldest > job.ID {
			if d.Oldest < job.ID {
				place++
			}
			continue // known without counting
		}
		ahead, err := state.Ahead(ctx, d.Queue, job.ID)
		if err != nil {
			return 0, err
		}
		place += ahead
	}
	return place, nil
}

// position returns the place of a job among all, given that in its line: after those of
// a higher priority, and after as many of every other requester as fairness lets go
// first.
func (v *view) position(job *dffmpeg.Job, place int) int {
	before := place
	others := make(map[string]int)
	older := make(map[string]bool) // whether the requester's first job is older
	for _, d := range v.depths {
		switch {
		case d.Priority > job.Priority:
			before += d.Jobs
		case d.Priority == job.Priority && d.RequesterID != job.RequesterID:
			others[d.RequesterID] += d.Jobs
			older[d.RequesterID] = older[d.RequesterID] || d.Oldest < job.ID
		}
	}
	shares := make(map[string]int)
	for i := range v.held {
		if v.held[i].Demand.Light == job.Demand.Light {
			shares[v.held[i].RequesterID] += v.held[i].Jobs
		}
	}
	own := shares[job.RequesterID] + place - 1 // when its turn comes
	for requester, jobs := range others {
		first := own - shares[requester] // how many jobs of that one have a smaller share
		if first >= 0 && older[requester] {
			first++ // at the same share the older one goes first
		}
		before += min(jobs, max(0, first))
	}
	return before
}

// joined adds why a job waits to why it is pending again.
func joined(again, waits string) string {
	if again == "" || again == waits {
		return waits
	}
	return again + "; " + waits
}
