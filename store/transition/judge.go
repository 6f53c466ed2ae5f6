package transition

import (
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// Judgement is what the end of a job says of a worker.
type Judgement struct {
	WorkerID string
	JobID    string
	// Failed says that the job failed there, or was lost, at EndedAt, and that another
	// worker completed it; otherwise this one has.
	Failed, Lost bool
	EndedAt      time.Time
}

const (
	// troubleJobs is how many jobs a worker fails that others complete before it is set
	// aside.
	troubleJobs = 3
	// firstAside is for how long, the first time; twice as long each time after.
	firstAside   = 5 * time.Minute
	longestAside = 6 * time.Hour
	// together is within what time jobs are lost by one event, such as a restart.
	together = time.Minute
	// provenEvery is how often it is noted that a worker has proven itself.
	provenEvery = time.Minute
)

// judgements returns what a job that completes says of the workers that had it. Light
// jobs say nothing: they work where others do not.
func judgements(r *Record) []Judgement {
	if r.Demand.Light {
		return nil
	}
	list := []Judgement{{WorkerID: r.Worker(), JobID: r.ID}}
	for _, a := range r.Attempts {
		j := Judgement{WorkerID: a.WorkerID, JobID: r.ID, Lost: a.Outcome == dffmpeg.AttemptLost}
		j.Failed = j.Lost || a.Outcome == dffmpeg.AttemptFailed
		if j.Failed && a.EndedAt != nil && a.WorkerID != r.Worker() {
			j.EndedAt = *a.EndedAt
			list = append(list, j)
		}
	}
	return list
}

// Judge decides what a judgement does to a worker: one that completes a job has proven
// itself, and one that failed too many since then that others completed is set aside for a
// while. Then it gets one job on trial. What it lost by one event counts as one job.
func Judge(r WorkerRecord, j Judgement, now time.Time) WorkerDecision {
	known := r.ProvenAt != nil && now.Sub(*r.ProvenAt) < provenEvery
	before := r.ProvenAt != nil && !j.EndedAt.After(*r.ProvenAt)
	switch {
	case !j.Failed && r.Trouble == nil && known, j.Failed && (before || j.Lost && r.Trouble.LostWith(j.EndedAt, together)):
		return WorkerDecision{Record: r}
	case j.Failed:
		r.Trouble = troubled(r.Trouble, &j, now)
	default:
		r.Trouble, r.ProvenAt = nil, &now
	}
	r.Revision++
	return WorkerDecision{Record: r, Changed: true}
}

// troubled returns a worker's trouble after one job more.
func troubled(before *dffmpeg.Trouble, j *Judgement, now time.Time) *dffmpeg.Trouble {
	var t dffmpeg.Trouble
	if before != nil {
		t = *before
	}
	t.OnTrial = false
	if !slices.Contains(t.Jobs, j.JobID) {
		t.Jobs = append(slices.Clone(t.Jobs), j.JobID)
	}
	if j.Lost {
		t.LostAt = &j.EndedAt
	}
	if len(t.Jobs) > troubleJobs {
		t.Jobs = t.Jobs[len(t.Jobs)-troubleJobs:]
	}
	aside := t.Since != nil && t.Until != nil && now.Before(*t.Until)
	if len(t.Jobs) < troubleJobs || aside {
		return &t
	}
	pause := firstAside
	for range t.Times {
		pause = min(2*pause, longestAside)
	}
	until := Stamp(now.Add(pause))
	t.Since, t.Until, t.Times = &now, &until, t.Times+1
	return &t
}

// OnTrial returns a worker as it is at a time: one that was set aside for long enough
// is on trial.
func OnTrial(w dffmpeg.Worker, now time.Time) dffmpeg.Worker {
	if w.Trouble == nil || w.Trouble.Until == nil {
		return w
	}
	t := *w.Trouble
	t.OnTrial = !now.Before(*t.Until)
	w.Trouble = &t
	return w
}
