package storetest

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/sqlstore"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

// BeforeQueue is the step of the schema before there was a queue. The engines' files
// before_queue.sql are what the program of then had stored: nine jobs of alice's, in
// every status, in the hands of the workers b1 and b2.
const BeforeQueue = 6

// ever is a window that goes back to the beginning.
const ever = 200 * 365 * 24 * time.Hour

// SchemaUntil returns an engine's schema as it was at a step.
func SchemaUntil(t *testing.T, files fs.FS, step int, tables store.Tables) sqlstore.Schema {
	t.Helper()
	names, err := fs.Glob(files, "migrations/state/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	until := make(fstest.MapFS)
	for _, name := range names[:step] {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		until[path.Join("migrations/state", path.Base(name))] = &fstest.MapFile{Data: text}
	}
	schema, err := sqlstore.StateSchema(until, tables)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Statements returns those of a file, a line each, for tables of these names.
func Statements(text string, tables store.Tables) []string {
	names := strings.NewReplacer("INTO dffmpeg_jobs_output", "INTO "+tables.Jobs+"_output", "INTO dffmpeg_jobs", "INTO "+tables.Jobs,
		"INTO dffmpeg_messages", "INTO "+tables.Messages, "INTO dffmpeg_workers", "INTO "+tables.Workers)
	return strings.Split(strings.TrimSpace(names.Replace(text)), "\n")
}

// RunUpgraded checks what has become of before_queue.sql in an engine whose schema was
// then brought up to date: everything is kept, what waited waits in its queue, and what
// runs goes on, reported by the workers of then. Execute executes a statement, for tables
// of the usual names, as a coordinator of then does that is still at work.
func RunUpgraded(t *testing.T, state store.State, execute func(statement string)) {
	t.Helper()
	w := &world{State: state, t: t}
	id := func(n string) string { return "01M8000000000000000000000" + n }
	statuses := make(map[dffmpeg.JobStatus][]string)
	jobs := must[[]dffmpeg.Job](t)(w.List(t.Context(), store.JobQuery{Requester: alice, Window: ever}))
	for _, job := range slices.Backward(jobs) {
		statuses[job.Status] = append(statuses[job.Status], strings.TrimPrefix(job.ID, id("")))
	}
	same(t, "jobs of every status", statuses, map[dffmpeg.JobStatus][]string{
		dffmpeg.JobCompleted: {"1"}, dffmpeg.JobFailed: {"2"}, dffmpeg.JobRunning: {"3"}, dffmpeg.JobAssigned: {"4"},
		dffmpeg.JobCanceling: {"5"}, dffmpeg.JobPending: {"6", "7", "8", "9"},
	})
	same(t, "those in the hands of a worker", len(must[[]dffmpeg.Job](t)(w.HeldBy(t.Context(), b1))), 3)

	// They are found in their queue, all in one, oldest first.
	var moved int
	for {
		n := must[int](t)(w.Enqueue(t.Context(), 3))
		if moved += n; n == 0 {
			break
		}
	}
	same(t, "jobs that were put into a queue", moved, 4)
	queue := transition.Queue(&jobs[0])
	var waiting []string
	heads := must[[]store.Head](t)(w.Queues(t.Context(), "", 100))
	same(t, "the queue", []string{heads[0].Queue, strconv.Itoa(len(heads))}, []string{queue, "1"})
	for _, job := range must[[]dffmpeg.Job](t)(w.Queued(t.Context(), queue, "", 100)) {
		waiting = append(waiting, strings.TrimPrefix(job.ID, id("")))
	}
	same(t, "what waits", waiting, []string{"6", "7", "8", "9"})
	same(t, "how many wait", must[[]store.Depth](t)(w.Depths(t.Context()))[0].Jobs, 4)

	// A coordinator of then takes jobs out of their queues without knowing.
	limited := w.draft2("limited")
	limited.QueueTimeout, limited.Priority = 1, -1
	w.change(w.Submit(t.Context(), limited))
	execute("UPDATE dffmpeg_jobs SET queue_until = 1 WHERE job_id = '" + limited.ID + "'")
	same(t, "a job that is overdue", ids(must[[]dffmpeg.Job](t)(w.Overdue(t.Context(), 9))), []string{limited.ID})
	for _, id := range []string{id("6"), limited.ID} {
		execute("UPDATE dffmpeg_jobs SET status = 'completed', version = version + 1 WHERE job_id = '" + id + "'")
	}
	heads = must[[]store.Head](t)(w.Queues(t.Context(), "", 100))
	same(t, "the queue's head then", []string{heads[0].JobID, strconv.Itoa(len(heads))}, []string{id("7"), "1"})
	same(t, "what is in it", ids(must[[]dffmpeg.Job](t)(w.Queued(t.Context(), queue, "", 100))), []string{id("7"), id("8"), id("9")})
	same(t, "how many", must[[]store.Depth](t)(w.Depths(t.Context()))[0].Jobs, 3)
	same(t, "how many are ahead", must[int](t)(w.Ahead(t.Context(), queue, id("8"))), 1)
	same(t, "what is overdue", len(must[[]dffmpeg.Job](t)(w.Overdue(t.Context(), 9))), 0)

	// What runs goes on.
	by := store.By{WorkerID: b1, Attempt: 1}
	entries := []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "frame=2"}}
	w.change(w.AppendLogs(t.Context(), id("3"), by, 2, entries))
	zero := 0
	done := w.change(w.Finish(t.Context(), id("3"), by, store.Result{Status: dffmpeg.JobCompleted, ExitCode: &zero})).Job
	same(t, "its attempt", len(done.Attempts) <= 1 && done.Attempt == 1, true)
	var said []string
	for _, e := range must[store.LogPage](t)(w.Logs(t.Context(), id("3"), store.LogQuery{Limit: 10})).Entries {
		said = append(said, e.Content)
	}
	same(t, "its output", said, []string{"frame=1 of " + id("3"), "frame=2"})
	w.change(w.Accept(t.Context(), id("4"), by))
	w.change(w.Finish(t.Context(), id("5"), by, store.Result{Status: dffmpeg.JobCanceled}))

	// What waited is assigned, by all that the scheduler reads.
	workers := must[[]dffmpeg.Worker](t)(w.ListWorkers(t.Context(), ever))
	same(t, "workers", len(workers), 2)
	for _, n := range []string{"7", "8", "9"} {
		w.change(w.claim(id(n), b2))
	}
	same(t, "a job that was refused then is in its second attempt", must[dffmpeg.Job](t)(w.Job(t.Context(), id("9"))).Attempt, 2)
	same(t, "nothing waits any more", len(must[[]store.Head](t)(w.Queues(t.Context(), "", 100))), 0)
	repeated := w.draft2("waits")
	change := must[store.Change](t)(w.Submit(t.Context(), repeated))
	same(t, "a submission that is repeated finds its job", change.Job.ID, id("6"))
}

// draft2 is a submission as the program of then had made it.
func (w *world) draft2(name string) dffmpeg.Job {
	return dffmpeg.Job{
		ID: dffmpeg.NewIDSource().NewID(time.Now()), RequesterID: alice, BinaryName: "ffmpeg",
		Arguments: []string{"-i", "$Media/" + name + ".mkv", "-c:v", "hevc_nvenc", "$Media/" + name + ".mp4"}, Paths: []string{"Media"},
		HeartbeatInterval: 5, Monitor: true, Transport: "http_polling", TransportMetadata: map[string]any{"path": "/poll/jobs/x"},
		IdempotencyKey: "key of " + name,
	}
}
