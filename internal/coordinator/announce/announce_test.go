package announce

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// recorder notes what was announced.
type recorder struct {
	mail   []dffmpeg.Recipient
	wakes  int
	pauses []time.Duration
}

func (r *recorder) Notify(to dffmpeg.Recipient, _ time.Time) { r.mail = append(r.mail, to) }
func (r *recorder) Wake()                                    { r.wakes++ }
func (r *recorder) WakeAfter(pause time.Duration)            { r.pauses = append(r.pauses, pause) }

// since returns what was announced by f.
func (r *recorder) since(f func()) recorder {
	*r = recorder{}
	f()
	return *r
}

func TestOperationsAreAnnounced(t *testing.T) {
	ctx := t.Context()
	r := &recorder{}
	state := Wrap(memory.New(time.Now, dffmpeg.NewIDSource()), r, r)
	check := func(name string, mail []dffmpeg.Recipient, wakes int, f func()) {
		t.Helper()
		got := r.since(f)
		if diff := cmp.Diff(mail, got.mail); diff != "" {
			t.Errorf("%s: notified recipients differ (-want +got):\n%s", name, diff)
		}
		if got.wakes != wakes {
			t.Errorf("%s: %d wake-ups of the scheduler, want %d", name, got.wakes, wakes)
		}
	}
	fatal := func(change store.Change, err error) store.Change {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return change
	}
	var job dffmpeg.Job
	worker := dffmpeg.ToWorker("w1")
	by := store.By{WorkerID: "w1"}

	check("register", []dffmpeg.Recipient{worker}, 0, func() {
		_, err := state.Register(ctx, store.Registration{
			Worker: dffmpeg.Worker{ID: "w1", Binaries: []string{"ffmpeg"}, Status: dffmpeg.WorkerOnline, Transport: "t"}, Token: "x",
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	check("verify", nil, 1, func() {
		if _, err := state.Verify(ctx, "w1", "x"); err != nil {
			t.Fatal(err)
		}
	})
	again := store.Registration{
		Worker: dffmpeg.Worker{ID: "w2", Status: dffmpeg.WorkerOnline, Transport: "t", InstanceID: "i"}, Token: "x", Hears: true,
	}
	register := func() {
		if _, err := state.Register(ctx, again); err != nil {
			t.Fatal(err)
		}
	}
	check("register another", []dffmpeg.Recipient{dffmpeg.ToWorker("w2")}, 0, register)
	check("verify it", nil, 1, func() {
		if _, err := state.Verify(ctx, "w2", "x"); err != nil {
			t.Fatal(err)
		}
	})
	check("it hears", nil, 0, register)
	again.Worker.Paths = []string{"Media"}
	check("it hears, and has a path", nil, 1, register)
	again.Worker.Status = dffmpeg.WorkerDraining
	check("it hears, and drains", nil, 0, register)
	check("submit", nil, 1, func() { job = fatal(state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"})).Job })
	requester := job.Requester()
	current := func() dffmpeg.Job {
		now, err := state.Job(ctx, job.ID)
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	check("claim", []dffmpeg.Recipient{requester, worker}, 0, func() { fatal(state.Claim(ctx, current(), "w1")) })
	check("reject", []dffmpeg.Recipient{requester}, 1, func() { fatal(state.Reject(ctx, job.ID, by)) })
	check("claim again", []dffmpeg.Recipient{requester, worker}, 0, func() { fatal(state.Claim(ctx, current(), "w1")) })
	check("accept", []dffmpeg.Recipient{requester}, 0, func() { fatal(state.Accept(ctx, job.ID, by)) })
	check("renew", []dffmpeg.Recipient{requester}, 0, func() { fatal(state.Renew(ctx, job.ID, by)) })
	check("logs", []dffmpeg.Recipient{requester}, 0, func() {
		fatal(state.AppendLogs(ctx, job.ID, by, 0, []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "x"}}))
	})
	check("cancel", []dffmpeg.Recipient{requester, worker}, 0, func() { fatal(state.Cancel(ctx, job.ID, "c", "")) })
	check("finish", []dffmpeg.Recipient{requester}, 1, func() {
		fatal(state.Finish(ctx, job.ID, by, store.Result{Status: dffmpeg.JobCanceled}))
	})
	check("finish again", nil, 0, func() {
		fatal(state.Finish(ctx, job.ID, by, store.Result{Status: dffmpeg.JobCanceled}))
	})
	check("attend an ended job", []dffmpeg.Recipient{requester}, 0, func() { fatal(state.Attend(ctx, job.ID, nil)) })
}

func TestJanitorsDecisionsAreAnnounced(t *testing.T) {
	ctx := t.Context()
	r := &recorder{}
	state := Wrap(memory.New(time.Now, dffmpeg.NewIDSource()), r, r)
	change, err := state.Submit(ctx, dffmpeg.Job{RequesterID: "c", BinaryName: "ffmpeg"})
	if err != nil {
		t.Fatal(err)
	}
	got := r.since(func() {
		if _, err := state.Conclude(ctx, change.Job, dffmpeg.JobFailed, "waited too long"); err != nil {
			t.Fatal(err)
		}
	})
	want := recorder{mail: []dffmpeg.Recipient{change.Job.Requester()}, wakes: 1}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(recorder{})); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}

// nobody is a queue without a scheduler.
type nobody struct{}

func (nobody) Wake()                   {}
func (nobody) WakeAfter(time.Duration) {}

// until records when mail may be delivered.
type until struct{ notBefore time.Time }

func (u *until) Notify(_ dffmpeg.Recipient, notBefore time.Time) { u.notBefore = notBefore }

// TestHeldBackByThisClock: the database's clock says until when a message is held back, and
// whoever delivers it has another one.
func TestHeldBackByThisClock(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		engine := memory.New(func() time.Time { return time.Now().Add(skew) }, dffmpeg.NewIDSource())
		var post until
		state := Wrap(engine, &post, nobody{})
		_, err := state.Register(t.Context(), store.Registration{
			Token: "x", Delay: time.Second, Worker: dffmpeg.Worker{ID: "w1", Status: dffmpeg.WorkerOnline, Transport: "http_polling"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if wait := time.Until(post.notBefore); wait < 0 || wait > time.Second {
			t.Errorf("with a database whose clock is %s ahead, the message is held back for %s, want about a second", skew, wait)
		}
	}
}
