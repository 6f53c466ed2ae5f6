//go:build !race

package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// submit submits jobs of all sorts, in bursts and one by one.
func (w *world) submit(ctx context.Context) {
	for n := range w.size.jobs {
		job := w.draft(n)
		change, err := w.states[w.random.IntN(len(w.states))].Submit(ctx, job)
		if err != nil {
			w.Errorf("submit: %v", err)
			continue
		}
		w.checks.submitted(&change.Job)
		if w.random.IntN(100) > 0 {
			continue
		}
		time.Sleep(time.Duration(w.random.Int64N(int64(200 * w.size.arrive / time.Duration(w.size.jobs)))))
		if w.enough() {
			return
		}
	}
}

// draft returns the n-th job. A tenth of the requesters submit nine tenths of the jobs.
func (w *world) draft(n int) dffmpeg.Job {
	job := dffmpeg.Job{
		RequesterID: "greedy", BinaryName: "ffmpeg", Paths: []string{"Media"}, HeartbeatInterval: int(heartbeat / time.Second),
		Retry: dffmpeg.RetryPolicy{
			MaxAttempts: dffmpeg.MaxAttempts, Backoff: 1, On: []string{dffmpeg.RetryLost, dffmpeg.RetryFailed}, LostAfter: int(lostAfter / time.Second),
			Asked: w.random.IntN(3) > 0,
		},
	}
	if w.random.IntN(10) == 0 {
		job.RequesterID = fmt.Sprint("modest", w.random.IntN(9))
	}
	switch w.random.IntN(20) {
	case 0, 1, 2, 3, 4, 5:
		job.BinaryName, job.Demand.Light = "ffprobe", true
	case 6, 7:
		onGPU(&job, map[string]int{"nvenc": 1})
		job.Demand.Require = map[string]string{"gpu": "yes"}
	case 8:
		onGPU(&job, w.several())
		job.Demand.Require = map[string]string{"gpu": "yes"}
	case 9:
		if w.random.IntN(3) > 0 {
			w.onRack(&job)
		}
	case 10, 11:
		job.Paths = []string{"Media", "Archive"}
	case 12, 13:
		job.Demand.Require = map[string]string{"site": fmt.Sprint("s", n%3)}
	case 14, 15:
		job.Prefer = map[string]string{"site": "s1"}
	case 16:
		job.Demand.Needs = []string{"encoder:libsvtav1"}
	case 17:
		w.inShed(&job)
	}
	if w.random.IntN(20) == 0 {
		job.Priority = []int{-10, 10, 50}[w.random.IntN(3)]
	}
	if w.random.IntN(15) == 0 {
		job.Retry.MaxAttempts = 1
	}
	return job
}

// onGPU makes a job one that an encoder in hardware has to do.
func onGPU(job *dffmpeg.Job, uses map[string]int) {
	job.Demand.Needs = []string{"device:cuda", "encoder:hevc_nvenc"}
	job.Demand.Uses = uses
}

// onRack makes a job one for two machines that always have more of them than they can do:
// most need one session of the encoder, and those that need more have no luck but what is
// kept for them.
func (w *world) onRack(job *dffmpeg.Job) {
	uses := map[string]int{"nvenc": 1}
	if w.random.IntN(8) == 0 {
		uses = w.several()
	}
	job.RequesterID = "greedy"
	onGPU(job, uses)
	job.Paths = []string{"Rack"}
	job.Demand.Require = map[string]string{"rack": fmt.Sprint(w.random.IntN((w.size.workers-38)/60 + 1))}
}

// inShed makes a job one for two machines of which one is of 0.4: what that has lost
// waits for the other.
func (w *world) inShed(job *dffmpeg.Job) {
	job.Paths = []string{"Shed"}
	job.Demand.Require = map[string]string{"shed": fmt.Sprint(w.random.IntN((w.size.workers-7)/18 + 1))}
}

// several are things that a job needs at once.
func (w *world) several() map[string]int {
	if w.random.IntN(2) == 0 {
		return map[string]int{"nvenc": 2}
	}
	return map[string]int{"nvenc": 1, "vram": 3}
}

// longest is how long the process of an attempt takes at most on a machine that stays.
const longest = 3 * time.Minute

// fate returns how long an attempt takes and how it ends. One in thirty fails, and so does
// each that needs what the machine's ffmpeg cannot do. Machines that do not stay are slow
// now and then: a process may outlast a lease.
func (w *world) fate(m *machine, r *run) (time.Duration, store.Result) {
	random := rand.New(rand.NewPCG(w.seed, hash(fmt.Sprint(r.ref.JobID, r.number))))
	length := 20 * time.Second
	if random.IntN(4) > 0 {
		length = time.Duration(random.Int64N(int64(longest)))
	}
	rare := 20
	if w.size.outages {
		rare = 3
	}
	if random.IntN(rare) == 0 && !m.steady {
		length *= 8
	}
	failed := 1
	if !m.build.meets(w.checks.job(r.ref.JobID)) {
		return time.Second, store.Result{Status: dffmpeg.JobFailed, ExitCode: &failed}
	}
	if random.IntN(30) == 0 {
		return length, store.Result{Status: dffmpeg.JobFailed, ExitCode: &failed}
	}
	done := 0
	return length, store.Result{Status: dffmpeg.JobCompleted, ExitCode: &done}
}

func hash(text string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return sum
}
