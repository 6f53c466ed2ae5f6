package scheduler

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// worker returns an online worker with ffmpeg and the given roots.
func worker(id string, seen int, paths ...string) dffmpeg.Worker {
	at := time.Unix(int64(seen), 0)
	return dffmpeg.Worker{
		ID: id, Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, Paths: paths, LastSeen: &at,
		Capabilities: []string{dffmpeg.FeatureAttempt},
	}
}

func with(w dffmpeg.Worker, change func(*dffmpeg.Worker)) dffmpeg.Worker {
	change(&w)
	return w
}

// offering returns a worker with an offer.
func offering(id string, offer dffmpeg.Offer) dffmpeg.Worker {
	return with(worker(id, 1), func(w *dffmpeg.Worker) { w.Offer = offer })
}

// holding returns how many jobs of a requester each worker has.
func holding(requester string, loads map[string]int) []store.Held {
	var held []store.Held
	for id, jobs := range loads {
		held = append(held, store.Held{WorkerID: id, RequesterID: requester, BinaryName: "ffmpeg", Jobs: jobs})
	}
	return held
}

// who returns the worker that a round would give the job to, "" for none.
func who(job dffmpeg.Job, workers []dffmpeg.Worker, loads map[string]int) string {
	c := NewCluster(workers, holding("other", loads), time.Unix(0, 0))
	q := &queue{name: "q", like: kind(&job), more: true, page: 2}
	c.enter([]*queue{q})
	planned, err := c.plan([]*queue{q}, func(q *queue) error {
		q.known([]dffmpeg.Job{job}, q.page)
		return nil
	})
	if err != nil || len(planned) == 0 {
		return ""
	}
	return planned[0].worker.worker.ID
}

func TestChoose(t *testing.T) {
	before := "b"
	segments := []dffmpeg.Argument{dffmpeg.Text("x")}
	takesSegments := func(w *dffmpeg.Worker) { w.Capabilities = append(w.Capabilities, dffmpeg.FeatureSegments) }
	lostBy := func(ids ...string) dffmpeg.Job {
		job := dffmpeg.Job{Attempt: len(ids)}
		for i, id := range ids {
			job.WorkerID = &id
			job.Attempts = append(job.Attempts, dffmpeg.Attempt{Number: i + 1, WorkerID: id, Outcome: dffmpeg.AttemptLost})
		}
		return job
	}
	refusedBy := func(id string) dffmpeg.Job {
		job := lostBy(id)
		job.Attempts[0].Outcome = dffmpeg.AttemptRefused
		return job
	}
	one := dffmpeg.Offer{MaxJobs: 1}
	tests := []struct {
		name    string
		job     dffmpeg.Job
		workers []dffmpeg.Worker
		loads   map[string]int
		want    string
	}{
		{name: "nobody is there"},
		{
			name:    "least loaded",
			workers: []dffmpeg.Worker{worker("a", 1), worker("b", 1), worker("c", 1)},
			loads:   map[string]int{"a": 2, "b": 1, "c": 3},
			want:    "b",
		},
		{
			name:    "least loaded of many",
			workers: []dffmpeg.Worker{worker("a", 1), worker("b", 1)},
			loads:   map[string]int{"a": 9, "b": 8},
			want:    "b",
		},
		{
			name:    "for its size",
			workers: []dffmpeg.Worker{offering("a", dffmpeg.Offer{MaxJobs: 10}), offering("b", dffmpeg.Offer{MaxJobs: 2})},
			loads:   map[string]int{"a": 3, "b": 1},
			want:    "a",
		},
		{
			name:    "and its weight",
			workers: []dffmpeg.Worker{offering("a", dffmpeg.Offer{MaxJobs: 10, Weight: 0.1}), offering("b", dffmpeg.Offer{MaxJobs: 2})},
			loads:   map[string]int{"a": 3},
			want:    "b",
		},
		{
			name:    "then most recently seen",
			workers: []dffmpeg.Worker{worker("a", 1), worker("b", 9), worker("c", 5)},
			want:    "b",
		},
		{
			name:    "then by ID",
			workers: []dffmpeg.Worker{worker("c", 1), worker("b", 1)},
			want:    "b",
		},
		{
			name:    "the one that had it is avoided",
			job:     dffmpeg.Job{WorkerID: &before},
			workers: []dffmpeg.Worker{worker("b", 9), worker("c", 1)},
			loads:   map[string]int{"c": 7},
			want:    "c",
		},
		{
			name:    "unless nobody else qualifies",
			job:     dffmpeg.Job{WorkerID: &before},
			workers: []dffmpeg.Worker{worker("b", 9), with(worker("c", 1), func(w *dffmpeg.Worker) { w.Binaries = nil })},
			want:    "b",
		},
		{
			name:    "or has room",
			job:     refusedBy("b"),
			workers: []dffmpeg.Worker{worker("b", 9), offering("c", one)},
			loads:   map[string]int{"c": 1},
			want:    "b",
		},
		{
			name:    "one that lost it waits for another",
			job:     lostBy("b"),
			workers: []dffmpeg.Worker{worker("b", 9), offering("c", one)},
			loads:   map[string]int{"c": 1},
		},
		{
			name:    "unless there is none",
			job:     lostBy("b"),
			workers: []dffmpeg.Worker{worker("b", 9)},
			want:    "b",
		},
		{
			name:    "one that lost it long ago is better than nobody",
			job:     lostBy("b", "c"),
			workers: []dffmpeg.Worker{worker("b", 9), worker("c", 9)},
			want:    "b",
		},
		{
			name:    "one of 0.4 that may still run it never gets it again",
			job:     lostBy("b", "c"),
			workers: []dffmpeg.Worker{with(worker("b", 9), func(w *dffmpeg.Worker) { w.Capabilities = nil })},
		},
		{
			name:    "paths within arguments are for those that take them",
			job:     dffmpeg.Job{WorkerID: &before, Segments: segments},
			workers: []dffmpeg.Worker{worker("a", 9), with(worker("b", 1), takesSegments)},
			loads:   map[string]int{"b": 7},
			want:    "b",
		},
		{
			name:    "or for others when there are none",
			job:     dffmpeg.Job{Segments: segments},
			workers: []dffmpeg.Worker{worker("a", 9)},
			want:    "a",
		},
		{
			name:    "other jobs are for all",
			workers: []dffmpeg.Worker{worker("a", 9), with(worker("b", 1), takesSegments)},
			want:    "a",
		},
		{
			name:    "preferred labels",
			job:     dffmpeg.Job{Prefer: map[string]string{"gpu": "new", "site": "here"}},
			workers: []dffmpeg.Worker{offering("a", dffmpeg.Offer{Labels: map[string]string{"gpu": "old"}}), offering("b", dffmpeg.Offer{Labels: map[string]string{"site": "here"}})},
			loads:   map[string]int{"b": 3},
			want:    "b",
		},
		{
			name:    "every root is needed",
			job:     dffmpeg.Job{Paths: []string{"Media", "Cache"}},
			workers: []dffmpeg.Worker{worker("a", 9, "Media"), worker("b", 1, "Cache", "Media")},
			want:    "b",
		},
		{
			name: "one that can for certain is better than one that may",
			job:  dffmpeg.Job{Demand: dffmpeg.Demand{Needs: []string{"encoder:x"}}},
			workers: []dffmpeg.Worker{worker("a", 9), with(worker("b", 1), func(w *dffmpeg.Worker) {
				w.Profiles = map[string]dffmpeg.Profile{"ffmpeg": {dffmpeg.AbilityEncoder: {"x"}}}
			})},
			want: "b",
		},
		{
			name: "one that is still finding out what it can do takes nothing that needs something",
			job:  dffmpeg.Job{Demand: dffmpeg.Demand{Needs: []string{"encoder:x"}}},
			workers: []dffmpeg.Worker{
				offering("a", dffmpeg.Offer{Programs: map[string]dffmpeg.Program{"ffmpeg": {Looking: true}}}),
				offering("b", dffmpeg.Offer{MaxJobs: 1, Programs: map[string]dffmpeg.Program{"ffprobe": {Looking: true}}}),
			},
			want: "b",
		},
		{
			name:    "but what needs nothing",
			workers: []dffmpeg.Worker{offering("a", dffmpeg.Offer{Programs: map[string]dffmpeg.Program{"ffmpeg": {Looking: true}}})},
			want:    "a",
		},
		{
			name: "a draining worker takes nothing",
			workers: []dffmpeg.Worker{
				with(worker("a", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerDraining }),
				with(worker("b", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerRegistering }),
				with(worker("c", 1), func(w *dffmpeg.Worker) { w.Status = dffmpeg.WorkerOffline }),
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.job.BinaryName = "ffmpeg"
			got := who(tt.job, tt.workers, tt.loads)
			if got != tt.want {
				t.Errorf("chose %q, want %q", got, tt.want)
			}
			why := NewCluster(tt.workers, holding("other", tt.loads), time.Unix(0, 0)).Explain(&tt.job)
			if (why == "") != (tt.want != "") {
				t.Errorf("explained with %q although the choice was %q", why, got)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lost := dffmpeg.Job{Attempt: 1, Attempts: []dffmpeg.Attempt{{Number: 1, WorkerID: "a", Outcome: dffmpeg.AttemptLost}}, WorkerID: new("a")}
	paused := func(w *dffmpeg.Worker) { w.Pause = &dffmpeg.Pause{} }
	can := func(names ...string) func(*dffmpeg.Worker) {
		return func(w *dffmpeg.Worker) {
			w.Paths = []string{"Media", "Cache"}
			w.Profiles = map[string]dffmpeg.Profile{"ffmpeg": {dffmpeg.AbilityEncoder: names}}
		}
	}
	looking := func(w *dffmpeg.Worker) {
		w.Profiles, w.Offer.Programs = nil, map[string]dffmpeg.Program{"ffmpeg": {Looking: true}}
	}
	needs := func(list ...string) dffmpeg.Job { return dffmpeg.Job{Demand: dffmpeg.Demand{Needs: list}} }
	tests := []struct {
		want    string
		job     dffmpeg.Job
		workers []dffmpeg.Worker
		loads   map[string]int
	}{
		{want: "no worker is online"},
		{
			want:    "no online worker has the binary ffmpeg",
			workers: []dffmpeg.Worker{with(worker("a", 1), func(w *dffmpeg.Worker) { w.Binaries = []string{"ffprobe"} })},
		},
		{
			want:    "no online worker with ffmpeg has the path Cache",
			workers: []dffmpeg.Worker{worker("a", 1, "Media")},
		},
		{
			want:    "no online worker with ffmpeg has all of the paths Cache, Media",
			workers: []dffmpeg.Worker{worker("a", 1, "Media"), worker("b", 1, "Cache")},
		},
		{
			want: "no worker has encoder hevc_nvenc", job: needs("encoder:hevc_nvenc", "encoder:x"),
			workers: []dffmpeg.Worker{with(worker("a", 1), can("x")), with(worker("b", 1), can("y"))},
		},
		{
			want: "no worker has all of encoder x, encoder y", job: needs("encoder:x", "encoder:y"),
			workers: []dffmpeg.Worker{with(worker("a", 1), can("x")), with(worker("b", 1), can("y"))},
		},
		{
			want: "no worker has enough of nvenc", job: dffmpeg.Job{Demand: dffmpeg.Demand{Uses: map[string]int{"nvenc": 2}}},
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{Resources: map[string]int{"nvenc": 1}}), can())},
		},
		{
			want: "no worker has enough of licence", job: dffmpeg.Job{Demand: dffmpeg.Demand{Uses: map[string]int{"licence": 1}, Claims: []string{"licence"}}},
			workers: []dffmpeg.Worker{with(worker("a", 1), can())},
		},
		{
			want: "no worker has the label gpu=new", job: dffmpeg.Job{Demand: dffmpeg.Demand{Require: map[string]string{"gpu": "new"}}},
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{Labels: map[string]string{"gpu": "old"}}), can())},
		},
		{
			want: "worker z, the only one that may run it, is not online", job: dffmpeg.Job{Demand: dffmpeg.Demand{Worker: "z"}},
			workers: []dffmpeg.Worker{with(worker("a", 1), can())},
		},
		{
			want:    "every worker that could run it is paused",
			workers: []dffmpeg.Worker{with(with(worker("a", 1), can()), paused), worker("b", 1)},
		},
		{
			want: "every worker that could run it is set aside, because jobs failed there that others completed",
			workers: []dffmpeg.Worker{with(with(worker("a", 1), can()), func(w *dffmpeg.Worker) {
				w.Trouble = &dffmpeg.Trouble{Since: &at}
			})},
		},
		{
			want:    "all 4 slots busy on worker a",
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{MaxJobs: 4}), can())},
			loads:   map[string]int{"a": 4},
		},
		{
			want:    "all 5 slots busy on the 2 workers that could run it",
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{MaxJobs: 4}), can()), with(offering("b", dffmpeg.Offer{MaxJobs: 1}), can())},
			loads:   map[string]int{"a": 4, "b": 1},
		},
		{
			want:    "the only slot for ffmpeg busy on worker a",
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{MaxPerBinary: map[string]int{"ffmpeg": 1}}), can())},
			loads:   map[string]int{"a": 1},
		},
		{
			want: "worker a lost it, and the others that could run it are busy", job: lost,
			workers: []dffmpeg.Worker{with(worker("a", 1), can()), with(offering("b", dffmpeg.Offer{MaxJobs: 1}), can())},
			loads:   map[string]int{"b": 1},
		},
		{
			want: "the next attempt begins at 2026-01-02 03:04:06 UTC", job: dffmpeg.Job{NotBefore: new(at.Add(time.Second))},
			workers: []dffmpeg.Worker{with(worker("a", 1), can())},
		},
		{workers: []dffmpeg.Worker{worker("a", 1, "Media", "Cache")}},
		{
			want: "worker b is still finding out what its ffmpeg can do", job: needs("encoder:x"),
			workers: []dffmpeg.Worker{with(worker("a", 1), can("y")), with(with(worker("b", 1), can()), looking)},
		},
		{
			want: "2 workers are still finding out what their ffmpeg can do", job: needs("encoder:x"),
			workers: []dffmpeg.Worker{with(with(worker("a", 1), can()), looking), with(with(worker("b", 1), can()), looking)},
		},
		{
			want: "no worker has encoder x", job: needs("encoder:x"), // the other has no paths
			workers: []dffmpeg.Worker{with(worker("a", 1), can("y")), with(worker("b", 1), looking)},
		},
		{
			want: "every worker that could run it is paused", job: needs("encoder:x"),
			workers: []dffmpeg.Worker{with(with(with(worker("a", 1), can()), looking), paused)},
		},
		{
			want: "all 4 slots busy on worker a", job: needs("encoder:x"),
			workers: []dffmpeg.Worker{with(offering("a", dffmpeg.Offer{MaxJobs: 4}), can("x")), with(with(worker("b", 1), can()), looking)},
			loads:   map[string]int{"a": 4},
		},
	}
	for _, tt := range tests {
		tt.job.BinaryName, tt.job.Paths = "ffmpeg", []string{"Cache", "Media"}
		if got := NewCluster(tt.workers, holding("other", tt.loads), at).Explain(&tt.job); got != tt.want {
			t.Errorf("Explain = %q, want %q", got, tt.want)
		}
	}
	job := needs("encoder:x")
	job.BinaryName = "ffmpeg"
	if why := Unqualified(&job, []dffmpeg.Worker{with(worker("a", 1), looking)}); why != "" {
		t.Errorf("a worker that may turn out to qualify is not waited for: %s", why)
	}
}
