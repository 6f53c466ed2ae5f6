package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// offering registers a worker with an offer.
func (w *world) offering(id string, offer dffmpeg.Offer) {
	w.t.Helper()
	registration := announcement(id, "token of "+id)
	registration.Worker.Offer = offer
	must[store.Registered](w.t)(w.Register(w.t.Context(), registration))
	must[dffmpeg.Worker](w.t)(w.Verify(w.t.Context(), id, "token of "+id))
}

// demanding submits a job that is like the draft but for what change does.
func (w *world) demanding(change func(job *dffmpeg.Job)) dffmpeg.Job {
	w.t.Helper()
	draft := w.draft()
	change(&draft)
	return w.change(w.Submit(w.t.Context(), draft)).Job
}

func heavy(*dffmpeg.Job) {}

func light(job *dffmpeg.Job) { job.Demand.Light = true }

func probing(job *dffmpeg.Job) { job.BinaryName, job.Demand.Light = "ffprobe", true }

func using(count int) func(*dffmpeg.Job) {
	return func(job *dffmpeg.Job) { job.Demand.Uses = map[string]int{"nvenc": count} }
}

// testRoom: a worker is never given more than it offers.
func (s *suite) testRoom(t *testing.T) {
	for _, tt := range []struct {
		name  string
		offer dffmpeg.Offer
		jobs  []func(*dffmpeg.Job)
		full  func(*dffmpeg.Job) // what does not fit any more
		other func(*dffmpeg.Job) // what still does
	}{
		{"jobs", dffmpeg.Offer{MaxJobs: 2}, []func(*dffmpeg.Job){heavy, heavy}, heavy, light},
		{"light jobs", dffmpeg.Offer{MaxLightJobs: 1, MaxJobs: 1}, []func(*dffmpeg.Job){light}, light, heavy},
		{"jobs of a binary", dffmpeg.Offer{MaxPerBinary: map[string]int{"ffprobe": 1}}, []func(*dffmpeg.Job){probing}, probing, light},
		{"resources", dffmpeg.Offer{Resources: map[string]int{"nvenc": 3}}, []func(*dffmpeg.Job){using(2)}, using(2), using(1)},
		{"a resource there is none of", dffmpeg.Offer{Resources: map[string]int{"nvenc": 0}}, nil, using(1), heavy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := s.world(t)
			w.offering(b1, tt.offer)
			var first dffmpeg.Job
			for _, change := range tt.jobs {
				first = w.change(w.claim(w.demanding(change).ID, b1)).Job
			}
			more := w.demanding(tt.full)
			outcome(t, "Claim of more than fits", store.Refused)(w.claim(more.ID, b1))
			same(t, "a refused claim changes nothing", w.job(more.ID), more)
			w.change(w.claim(w.demanding(tt.other).ID, b1))
			if len(tt.jobs) == 0 {
				return
			}
			w.change(w.Accept(t.Context(), first.ID, by1))
			outcome(t, "a job that runs counts as well", store.Refused)(w.claim(more.ID, b1))
			w.change(w.Cancel(t.Context(), first.ID, alice, ""))
			outcome(t, "and one that is being canceled", store.Refused)(w.claim(more.ID, b1))
			w.change(w.Finish(t.Context(), first.ID, by1, store.Result{Status: dffmpeg.JobCanceled}))
			w.change(w.claim(more.ID, b1))
		})
	}
	t.Run("no limit", func(t *testing.T) {
		w := s.world(t)
		w.worker(b1)
		for range 20 {
			w.change(w.claim(w.demanding(using(100)).ID, b1))
		}
	})
	t.Run("loads", s.testLoads)
	t.Run("race", s.testRacingForRoom)
}

// testLoads: what is in the hands of workers is counted by sort.
func (s *suite) testLoads(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	w.worker(b2)
	var held []string
	for i, change := range []func(*dffmpeg.Job){heavy, light, using(1), using(1), using(2)} {
		job := w.demanding(change)
		worker := b1
		if i == 4 {
			worker = b2
		} else {
			held = append(held, job.ID)
		}
		w.change(w.claim(job.ID, worker))
	}
	w.demanding(heavy)
	loads := map[string]dffmpeg.JobLoad{}
	for _, h := range must[[]store.Held](t)(w.Loads(t.Context())) {
		same(t, "the requester is told", h.RequesterID, alice)
		load := loads[h.WorkerID]
		load.Add(h.Job(), h.Jobs)
		loads[h.WorkerID] = load
	}
	same(t, "Loads counts what jobs use", loads, map[string]dffmpeg.JobLoad{
		b1: {Jobs: 3, LightJobs: 1, Binaries: map[string]int{"ffmpeg": 4}, Uses: map[string]int{"nvenc": 2}},
		b2: {Jobs: 1, Binaries: map[string]int{"ffmpeg": 1}, Uses: map[string]int{"nvenc": 2}},
	})
	same(t, "HeldBy returns the jobs of one worker", ids(must[[]dffmpeg.Job](t)(w.HeldBy(t.Context(), b1))), held)
	same(t, "HeldBy of a worker without any", len(must[[]dffmpeg.Job](t)(w.HeldBy(t.Context(), "nobody"))), 0)
}

// testRacingForRoom: of many claims at once, as many succeed as there is room.
func (s *suite) testRacingForRoom(t *testing.T) {
	w := s.world(t)
	w.offering(b1, dffmpeg.Offer{MaxJobs: racers / 2, Resources: map[string]int{"nvenc": racers / 4}})
	for _, tt := range []struct {
		change func(*dffmpeg.Job)
		want   int
	}{{using(1), racers / 4}, {heavy, racers/2 - racers/4}} {
		jobs := make([]dffmpeg.Job, racers)
		for i := range jobs {
			jobs[i] = w.demanding(tt.change)
		}
		changes := race(t, func(ctx context.Context, i int) (store.Change, error) { return w.Claim(ctx, jobs[i], b1) })
		same(t, "as many claims succeed as there is room", tally(changes),
			map[store.Outcome]int{store.Applied: tt.want, store.Refused: racers - tt.want})
	}
	same(t, "the worker has what it offers", w.loads(), map[string]int{b1: racers / 2})
}

// testQueue: pending jobs are found by their queues.
func (s *suite) testQueue(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	low := w.demanding(func(job *dffmpeg.Job) { job.Priority = -100 })
	first, second := w.submit(), w.submit()
	urgent := w.demanding(func(job *dffmpeg.Job) { job.Priority = 100 })
	bobs := w.demanding(func(job *dffmpeg.Job) { job.RequesterID = "bob/ü" })
	third := w.submit()
	var other []dffmpeg.Job
	for _, change := range []func(*dffmpeg.Job){
		light,
		func(job *dffmpeg.Job) { job.BinaryName = "ffprobe" },
		func(job *dffmpeg.Job) { job.Paths = []string{"Media", "Cache"} },
		func(job *dffmpeg.Job) { job.Demand.Needs = []string{"encoder:x"} },
		func(job *dffmpeg.Job) { job.Demand.Uses = map[string]int{"x": 1} },
		func(job *dffmpeg.Job) { job.Demand.Claims = []string{"x"} },
		func(job *dffmpeg.Job) { job.Demand.Require = map[string]string{"x": "1"} },
		func(job *dffmpeg.Job) { job.Demand.Worker = b1 },
		func(job *dffmpeg.Job) { job.Stdio = dffmpeg.StdioOffered },
		func(job *dffmpeg.Job) { job.Stdio, job.Arguments = dffmpeg.StdioOffered, []string{"-i", "-", "x"} },
	} {
		other = append(other, w.demanding(change))
	}
	same(t, "jobs of the same demand are in one queue", ids(w.queueOf(first)), ids([]dffmpeg.Job{first, second, third}))
	alike := w.demanding(func(job *dffmpeg.Job) {
		job.Paths, job.Arguments, job.Prefer = []string{"Media", "Media"}, nil, map[string]string{"a": "b"}
		job.Monitor, job.Retry = true, dffmpeg.RetryPolicy{MaxAttempts: 3}
	})
	same(t, "whatever else they are", ids(w.queueOf(first)), ids([]dffmpeg.Job{first, second, third, alike}))

	heads := w.heads(1)
	want := append([]dffmpeg.Job{urgent, first, bobs, low}, other...)
	same(t, "every other one has a queue of its own", len(heads), len(want))
	for _, job := range want {
		if _, ok := heads[job.ID]; !ok {
			t.Errorf("job %s is not at the head of a queue", job.ID)
		}
	}
	same(t, "all are found however many are read at a time", w.heads(3), heads)
	all := must[[]store.Head](t)(w.Queues(t.Context(), "", 100))
	same(t, "the highest priority is first", all[0], store.Head{Queue: heads[urgent.ID], RequesterID: alice, Priority: 100, JobID: urgent.ID})
	same(t, "the lowest is last", all[len(all)-1], store.Head{Queue: heads[low.ID], RequesterID: alice, Priority: -100, JobID: low.ID})

	same(t, "Queued goes on after a job", must[[]dffmpeg.Job](t)(w.Queued(t.Context(), heads[first.ID], first.ID, 1)), []dffmpeg.Job{second})
	same(t, "Queued of a queue there is not", len(must[[]dffmpeg.Job](t)(w.Queued(t.Context(), "nothing", "", 9))), 0)
	depths := make(map[string]store.Depth)
	for _, d := range must[[]store.Depth](t)(w.Depths(t.Context())) {
		depths[d.Queue] = d
	}
	for _, d := range []store.Depth{
		{Queue: heads[first.ID], RequesterID: alice, Jobs: 4, Oldest: first.ID},
		{Queue: heads[bobs.ID], RequesterID: "bob/ü", Jobs: 1, Oldest: bobs.ID},
		{Queue: heads[low.ID], RequesterID: alice, Priority: -100, Jobs: 1, Oldest: low.ID},
		{Queue: heads[urgent.ID], RequesterID: alice, Priority: 100, Jobs: 1, Oldest: urgent.ID},
	} {
		same(t, "Depths says what is in a queue", depths[d.Queue], d)
	}
	same(t, "Depths has every queue", len(depths), len(want))
	ahead := func(id string) int { return must[int](t)(w.Ahead(t.Context(), heads[first.ID], id)) }
	same(t, "Ahead counts what is older", []int{ahead(first.ID), ahead(third.ID), ahead(alike.ID)}, []int{0, 2, 3})

	w.change(w.claim(first.ID, b1))
	w.change(w.Cancel(t.Context(), second.ID, alice, ""))
	same(t, "what is not pending is in no queue", ids(w.queueOf(third)), ids([]dffmpeg.Job{third, alike}))
	w.change(w.Reject(t.Context(), first.ID, by1))
	same(t, "what is pending again is back in its place", ids(w.queueOf(third)), ids([]dffmpeg.Job{first, third, alike}))
}

// testQueueTimeout: what has waited for too long is found.
func (s *suite) testQueueTimeout(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	limited := w.demanding(func(job *dffmpeg.Job) { job.QueueTimeout = 60 })
	w.submit()
	overdue := func() []string { return ids(must[[]dffmpeg.Job](t)(w.Overdue(t.Context(), 9))) }
	w.clock.advance(time.Minute)
	same(t, "a job may wait for as long as it says", overdue(), []string{})
	w.clock.advance(time.Microsecond)
	same(t, "then it is overdue", overdue(), []string{limited.ID})
	w.change(w.claim(limited.ID, b1))
	same(t, "unless it was assigned", overdue(), []string{})
	w.change(w.Reject(t.Context(), limited.ID, by1))
	same(t, "that a worker gave it back does not make it wait anew", overdue(), []string{limited.ID})
	tried := w.demanding(func(job *dffmpeg.Job) {
		job.QueueTimeout = 60
		job.Retry = dffmpeg.RetryPolicy{MaxAttempts: 2, Backoff: 600, On: []string{dffmpeg.RetryFailed}}
	})
	w.clock.advance(time.Hour)
	w.change(w.Cancel(t.Context(), limited.ID, alice, ""))
	w.change(w.Finish(t.Context(), tried.ID, w.start(tried.ID), store.Result{Status: dffmpeg.JobFailed}))
	w.clock.advance(11 * time.Minute)
	same(t, "the pause before an attempt does not count, nor what was before", overdue(), []string{})
	w.clock.advance(time.Microsecond)
	same(t, "but what follows", overdue(), []string{tried.ID})

	w.demanding(func(job *dffmpeg.Job) { job.Monitor = true })
	attended := map[string]bool{}
	for _, status := range []dffmpeg.JobStatus{dffmpeg.JobPending, dffmpeg.JobRunning, dffmpeg.JobCanceling} {
		job := w.demanding(func(job *dffmpeg.Job) { job.Monitor = true })
		if status != dffmpeg.JobPending {
			w.start(job.ID)
		}
		if status == dffmpeg.JobCanceling {
			w.change(w.Cancel(t.Context(), job.ID, alice, ""))
			continue
		}
		attended[job.ID] = true
	}
	monitored := must[[]dffmpeg.Job](t)(w.Monitored(t.Context()))
	same(t, "Monitored returns those that end with their requester", len(monitored), 1+len(attended))
	for _, job := range monitored {
		same(t, "all of them do", job.Monitor, true)
	}
}

// heads returns the queues by the oldest job of each, reading so many at a time.
func (w *world) heads(limit int) map[string]string {
	w.t.Helper()
	heads := make(map[string]string)
	for after, again := "", true; again; {
		page := must[[]store.Head](w.t)(w.Queues(w.t.Context(), after, limit))
		for _, head := range page {
			if head.Queue <= after {
				w.t.Errorf("queue %q comes after %q", head.Queue, after)
			}
			heads[head.JobID], after = head.Queue, head.Queue
		}
		again = len(page) == limit
	}
	return heads
}

// queueOf returns the jobs in the queue of a job, which is pending.
func (w *world) queueOf(job dffmpeg.Job) []dffmpeg.Job {
	w.t.Helper()
	for _, head := range must[[]store.Head](w.t)(w.Queues(w.t.Context(), "", 1000)) {
		jobs := must[[]dffmpeg.Job](w.t)(w.Queued(w.t.Context(), head.Queue, "", 1000))
		if slices.Contains(ids(jobs), job.ID) {
			return jobs
		}
	}
	return nil
}

func (s *suite) testProfiles(t *testing.T) {
	w := s.world(t)
	profile := dffmpeg.Profile{dffmpeg.AbilityEncoder: {"a", "b"}, dffmpeg.AbilityDevice: {}}
	_, err := w.Profile(t.Context(), profile.ID())
	coded(t, "a profile that is not known", err, dffmpeg.CodeNotFound)
	for range 2 {
		if err := w.SaveProfile(t.Context(), profile); err != nil {
			t.Fatal(err)
		}
	}
	id := profile.ID()
	profile[dffmpeg.AbilityEncoder][0] = "spoilt"
	got := must[dffmpeg.Profile](t)(w.Profile(t.Context(), id))
	same(t, "a profile is what was saved", got, dffmpeg.Profile{dffmpeg.AbilityEncoder: {"a", "b"}, dffmpeg.AbilityDevice: {}})
	same(t, "under its ID", got.ID(), id)
}

// testPause: a paused worker takes nothing, whatever it says itself.
func (s *suite) testPause(t *testing.T) {
	w := s.world(t)
	w.offering(b1, dffmpeg.Offer{
		MaxJobs: 4, Labels: map[string]string{"gpu": "é"}, Weight: 0.5,
		Programs: map[string]dffmpeg.Program{"ffmpeg": {Version: "7.1", Profile: "abc", Hardware: []string{"cuda"}}},
	})
	job, before, begin := w.submit(), must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), w.now()
	same(t, "an offer is stored", before.Offer, dffmpeg.Offer{
		MaxJobs: 4, Labels: map[string]string{"gpu": "é"}, Weight: 0.5,
		Programs: map[string]dffmpeg.Program{"ffmpeg": {Version: "7.1", Profile: "abc", Hardware: []string{"cuda"}}},
	})
	paused := must[dffmpeg.Worker](t)(w.PauseWorker(t.Context(), b1, &dffmpeg.Pause{By: "admin", Reason: "é"}))
	same(t, "PauseWorker says by whom and why", []string{paused.Pause.By, paused.Pause.Reason}, []string{"admin", "é"})
	w.isNow("Since", &paused.Pause.Since, begin)
	same(t, "it is stored", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), paused)
	outcome(t, "Claim for a paused worker", store.Refused)(w.claim(job.ID, b1))
	w.offering(b1, dffmpeg.Offer{})
	again := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	same(t, "a registration does not end it", again.Pause, paused.Pause)
	same(t, "but replaces the offer", again.Offer, dffmpeg.Offer{})
	must[dffmpeg.Worker](t)(w.Deregister(t.Context(), b1))
	same(t, "nor does a deregistration", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)).Pause, paused.Pause)
	w.offering(b1, dffmpeg.Offer{})
	same(t, "PauseWorker with nil ends it", must[dffmpeg.Worker](t)(w.PauseWorker(t.Context(), b1, nil)).Pause, (*dffmpeg.Pause)(nil))
	w.change(w.claim(job.ID, b1))
	_, err := w.PauseWorker(t.Context(), "nobody", nil)
	coded(t, "PauseWorker of an unknown worker", err, dffmpeg.CodeNotFound)
}

// at returns a time as records have it.
func (w *world) at(pause time.Duration) time.Time {
	return w.clock.Now().Add(pause).UTC().Truncate(time.Microsecond)
}
