package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// The parties of most tests.
const (
	alice    = "alice" // submits
	b1       = "b1"    // a worker
	b2       = "b2"    // another one
	delay    = time.Second
	interval = 7 // seconds
)

// by1 is b1 as a 0.4 worker reports.
var by1 = store.By{WorkerID: b1}

// clock is one that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns a time with nanoseconds and a zone, so that engines which keep
// them are found out.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is an engine with something in it, and short names for what tests do
// all the time. Its methods fail the test on any error.
type world struct {
	store.State
	t     *testing.T
	clock *clock
	ids   dffmpeg.IDSource // of the jobs: ascending
}

func (s *suite) world(t *testing.T) *world {
	t.Helper()
	return s.worldWith(t, dffmpeg.NewIDSource())
}

func (s *suite) worldWith(t *testing.T, ids dffmpeg.IDSource) *world {
	t.Helper()
	zone := time.FixedZone("elsewhere", 3*60*60)
	c := &clock{now: time.Date(2026, 11, 22, 23, 59, 58, 123456789, zone)}
	state := s.open(t, Options{Now: c.Now, IDs: ids})
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := state.Close(); err != nil {
			t.Errorf("Close may be called twice, the second time: %v", err)
		}
	})
	return &world{State: state, t: t, clock: c, ids: ascendingIDs()}
}

// must returns a function that fails the test when err is not nil.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return value
	}
}

// change returns a Change after it has checked that it is Applied.
func (w *world) change(c store.Change, err error) store.Change {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("unexpected error: %v", err)
	}
	if c.Outcome != store.Applied {
		w.t.Fatalf("outcome is %s, want applied", c.Outcome)
	}
	return c
}

// draft returns a job as a requester submits it.
func (w *world) draft() dffmpeg.Job {
	return dffmpeg.Job{
		ID:                w.ids.NewID(time.Time{}),
		RequesterID:       alice,
		BinaryName:        "ffmpeg",
		Arguments:         []string{"-i", "$Media/a.mkv", "out.mp4"},
		Paths:             []string{"Media"},
		HeartbeatInterval: interval,
		Transport:         "http_polling",
		TransportMetadata: map[string]any{"path": "/poll/jobs/x"},
	}
}

func (w *world) submit() dffmpeg.Job {
	w.t.Helper()
	return w.change(w.Submit(w.t.Context(), w.draft())).Job
}

// worker registers a worker and verifies it.
func (w *world) worker(id string) dffmpeg.Worker {
	w.t.Helper()
	w.register(id, "token of "+id)
	return must[dffmpeg.Worker](w.t)(w.Verify(w.t.Context(), id, "token of "+id))
}

func (w *world) register(id, token string) store.Registered {
	w.t.Helper()
	return must[store.Registered](w.t)(w.Register(w.t.Context(), announcement(id, token)))
}

// announcement is how a worker registers.
func announcement(id, token string) store.Registration {
	version := "0.4.0"
	return store.Registration{
		Worker: dffmpeg.Worker{
			ID: id, Capabilities: []string{"ack/1", dffmpeg.FeatureAttempt, dffmpeg.FeatureSegments}, Binaries: []string{"ffmpeg", "ffprobe"}, Paths: []string{"Media"},
			RegistrationInterval: 15, Version: &version, Status: dffmpeg.WorkerOnline,
			Transport: "http_polling", TransportMetadata: map[string]any{"path": "/poll/worker"},
			InstanceID: "first",
		},
		Token: token,
	}
}

// claim claims a job as it is now.
func (w *world) claim(id, workerID string) (store.Change, error) {
	w.t.Helper()
	return w.Claim(w.t.Context(), w.job(id), workerID)
}

func (w *world) assigned() dffmpeg.Job {
	w.t.Helper()
	return w.change(w.claim(w.submit().ID, b1)).Job
}

func (w *world) running() dffmpeg.Job {
	w.t.Helper()
	return w.change(w.Accept(w.t.Context(), w.assigned().ID, by1)).Job
}

func (w *world) canceling() dffmpeg.Job {
	w.t.Helper()
	return w.change(w.Cancel(w.t.Context(), w.running().ID, alice, "")).Job
}

// ended returns a job that its worker reported to have ended.
func (w *world) ended(status dffmpeg.JobStatus) dffmpeg.Job {
	w.t.Helper()
	return w.change(w.Finish(w.t.Context(), w.running().ID, by1, store.Result{Status: status})).Job
}

func (w *world) job(id string) dffmpeg.Job {
	w.t.Helper()
	return must[dffmpeg.Job](w.t)(w.Job(w.t.Context(), id))
}

// mail returns a recipient's messages of one selection.
func (w *world) mail(to dffmpeg.Recipient, query store.MailQuery) []dffmpeg.Message {
	w.t.Helper()
	return must[[]dffmpeg.Message](w.t)(w.Mail(w.t.Context(), to, query))
}

// all returns all of a recipient's messages but withdrawn ones.
func (w *world) all(to dffmpeg.Recipient) []dffmpeg.Message {
	w.t.Helper()
	return w.mail(to, store.MailQuery{Select: store.MailAfter})
}

func (w *world) unsent(to dffmpeg.Recipient) []dffmpeg.Message {
	w.t.Helper()
	return w.mail(to, store.MailQuery{Select: store.MailUnsent})
}

func (w *world) unacknowledged(to dffmpeg.Recipient) []dffmpeg.Message {
	w.t.Helper()
	return w.mail(to, store.MailQuery{Select: store.MailUnacknowledged})
}

// now returns the engine's present.
func (w *world) now() time.Time {
	w.t.Helper()
	return must[time.Time](w.t)(w.Now(w.t.Context()))
}

// loads counts the jobs in each worker's hands.
func (w *world) loads() map[string]int {
	w.t.Helper()
	return store.JobsByWorker(must[[]store.Held](w.t)(w.Loads(w.t.Context())))
}

// isNow fails unless the time was taken between begin and now, in UTC and
// whole microseconds.
func (w *world) isNow(what string, got *time.Time, begin time.Time) {
	w.t.Helper()
	end := w.now()
	switch {
	case got == nil:
		w.t.Errorf("%s is not set", what)
	case got.Before(begin) || got.After(end):
		w.t.Errorf("%s is %s, want the engine's present: %s to %s", what, got, begin, end)
	case got.Location() != time.UTC || got.Nanosecond()%1000 != 0:
		w.t.Errorf("%s is %s, want UTC in whole microseconds", what, got)
	}
}

// same fails with a difference under the name of an obligation.
func same(t *testing.T, obligation string, got, want any, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", obligation, diff)
	}
}

// coded fails unless err has the code.
func coded(t *testing.T, obligation string, err error, want dffmpeg.Code) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want code %s", obligation, want)
	} else if got := dffmpeg.CodeOf(err); got != want {
		t.Errorf("%s: error %q has code %s, want %s", obligation, err, got, want)
	}
}

// outcome fails unless an operation had this outcome.
func outcome(t *testing.T, obligation string, want store.Outcome) func(store.Change, error) store.Change {
	return func(c store.Change, err error) store.Change {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: unexpected error: %v", obligation, err)
		}
		if c.Outcome != want {
			t.Errorf("%s: outcome is %s, want %s", obligation, c.Outcome, want)
		}
		return c
	}
}

// lines renders messages one a line, for comparison with what is expected.
func lines(messages []dffmpeg.Message) []string {
	list := []string{}
	for _, m := range messages {
		list = append(list, line(m))
	}
	return list
}

// line renders a message, such as "requester: running, from b1".
func line(m dffmpeg.Message) string {
	to := "requester"
	if m.To.Kind == dffmpeg.RecipientWorker {
		to = m.To.ID
	}
	what := string(m.Type)
	if m.Type == dffmpeg.MessageJobStatus {
		what = string(status(m))
	}
	if m.SenderID != nil {
		return fmt.Sprintf("%s: %s, from %s", to, what, *m.SenderID)
	}
	return fmt.Sprintf("%s: %s", to, what)
}

// status returns the status that a message tells.
func status(m dffmpeg.Message) dffmpeg.JobStatus {
	return payload[dffmpeg.JobStatusChange](m).Status
}

// payload decodes a message's payload; a malformed one is the zero value.
func payload[T any](m dffmpeg.Message) T {
	var v T
	if err := json.Unmarshal(m.Payload, &v); err != nil {
		var zero T
		return zero
	}
	return v
}
