package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// testValues: what goes in comes out.
func (s *suite) testValues(t *testing.T) {
	t.Run("arguments", func(t *testing.T) {
		w := s.world(t)
		able := announcement(b1, "able")
		able.Worker.Binaries, able.Worker.Paths = []string{"FFmpeg"}, []string{"Media", "médias 🎬"}
		must[store.Registered](t)(w.Register(t.Context(), able))
		must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "able"))
		draft := w.draft()
		draft.Arguments = []string{
			"", " ", "🎬 日本語 é é", "\x01\x1b[31m\x7f\t\r\n\x00", `'"\;--%s?$1:a`, "\u2028\u0085", "<&>",
			strings.Repeat("a🎬", 200_000),
		}
		draft.Paths = []string{"Media", "médias 🎬"}
		dir := "$Media/it's 🎬"
		draft.WorkingDirectory = &dir
		draft.BinaryName = "FFmpeg"
		job := w.change(w.Submit(t.Context(), draft)).Job
		same(t, "arguments come back byte for byte", w.job(job.ID).Arguments, draft.Arguments)
		same(t, "paths come back byte for byte", w.job(job.ID).Paths, draft.Paths)
		same(t, "the working directory comes back byte for byte", w.job(job.ID).WorkingDirectory, draft.WorkingDirectory)
		c := w.change(w.claim(job.ID, b1))
		same(t, "the worker gets the arguments byte for byte", payload[dffmpeg.JobRequest](c.Messages[1]).Arguments, draft.Arguments)
		stored := w.unsent(dffmpeg.ToWorker(b1))
		same(t, "also when read later", payload[dffmpeg.JobRequest](stored[0]).Arguments, draft.Arguments)
	})
	t.Run("segments", s.testSegments)
	t.Run("environment", s.testEnvironment)
	t.Run("warnings", s.testWarnings)
	t.Run("umask", s.testUmask)
	t.Run("lists are never nil", func(t *testing.T) {
		w := s.world(t)
		draft := w.draft()
		draft.Arguments, draft.Paths, draft.TransportMetadata = nil, nil, nil
		returned := w.change(w.Submit(t.Context(), draft)).Job
		for name, job := range map[string]dffmpeg.Job{"returned": returned, "read": w.job(draft.ID)} {
			same(t, "lists that were nil are empty when "+name, job.Arguments != nil && job.Paths != nil && job.TransportMetadata != nil, true)
		}
		nils := announcement(b1, "token")
		nils.Worker.Capabilities, nils.Worker.Binaries, nils.Worker.Paths, nils.Worker.TransportMetadata = nil, nil, nil, nil
		nils.Worker.Version = nil
		must[store.Registered](t)(w.Register(t.Context(), nils))
		worker := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
		same(t, "a worker's lists that were nil are empty",
			worker.Capabilities != nil && worker.Binaries != nil && worker.Paths != nil && worker.TransportMetadata != nil, true)
		same(t, "a version that was null is null", worker.Version == nil, true)
	})
	t.Run("metadata", func(t *testing.T) {
		w := s.world(t)
		draft := w.draft()
		draft.TransportMetadata = map[string]any{
			"text": "🎬\x00", "_private": true, "number": 1.5, "null": nil,
			"nested": map[string]any{"list": []any{"a", false}},
		}
		w.change(w.Submit(t.Context(), draft))
		same(t, "metadata comes back as JSON does, private keys too", w.job(draft.ID).TransportMetadata, draft.TransportMetadata)
	})
	t.Run("names differ by case and accent", func(t *testing.T) {
		w := s.world(t)
		for _, id := range []string{"bob", "Bob", "bób", "bob2"} {
			w.worker(id)
		}
		same(t, "workers whose names are alike are different ones", len(must[[]dffmpeg.Worker](t)(w.ListWorkers(t.Context(), 0))), 4)
		_, err := w.Worker(t.Context(), "BOB")
		coded(t, "a worker's name is compared byte for byte", err, dffmpeg.CodeNotFound)
		job := w.change(w.claim(w.submit().ID, "bob")).Job
		outcome(t, "Accept by a worker of a like name", store.Refused)(w.Accept(t.Context(), job.ID, store.By{WorkerID: "Bob"}))
		draft := w.draft()
		draft.RequesterID = "Alice"
		w.change(w.Submit(t.Context(), draft))
		same(t, "requesters are compared byte for byte", ids(must[[]dffmpeg.Job](t)(w.List(t.Context(), store.JobQuery{Requester: alice}))), []string{job.ID})
	})
	t.Run("are copies", s.testCopies)
}

// testEnvironment: what goes with a job reaches its worker.
func (s *suite) testEnvironment(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	draft := w.draft()
	draft.Environment = map[string]string{"EMPTY": "", "TEXT": "a=b\n'é🎬"}
	job := w.change(w.Submit(t.Context(), draft)).Job
	same(t, "the environment is stored", w.job(job.ID).Environment, draft.Environment)
	sent := w.change(w.claim(job.ID, b1)).Messages
	same(t, "the worker gets it", payload[dffmpeg.JobRequest](sent[len(sent)-1]).Environment, draft.Environment)
	job.Environment["TEXT"] = "spoilt"
	same(t, "what was returned is a copy", w.job(job.ID).Environment, draft.Environment)
}

// testWarnings: those of a submission stay, those of the final report are added.
func (s *suite) testWarnings(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	draft := w.draft()
	draft.Warnings = []string{"/a 'b' é🎬", "/a 'b' é🎬", "", "two\nlines"}
	given := []string{"/a 'b' é🎬", "two\ufffdlines"}
	job := w.change(w.Submit(t.Context(), draft)).Job
	same(t, "warnings are returned as a record keeps them", job.Warnings, given)
	same(t, "they are stored", w.job(job.ID).Warnings, given)
	w.change(w.claim(job.ID, b1))
	w.change(w.Accept(t.Context(), job.ID, by1))
	same(t, "other operations leave them", w.job(job.ID).Warnings, given)
	result := store.Result{Status: dffmpeg.JobCompleted, Warnings: []string{"the worker's", "/a 'b' é🎬"}}
	job = w.change(w.Finish(t.Context(), job.ID, by1, result)).Job
	all := append(given, "the worker's")
	same(t, "Finish adds to them", job.Warnings, all)
	same(t, "also in the record", w.job(job.ID).Warnings, all)
	outcome(t, "the same report again", store.Repeated)(w.Finish(t.Context(), job.ID, by1, result))
	same(t, "a repeated report adds nothing", w.job(job.ID).Warnings, all)
	job.Warnings[0] = "spoilt"
	same(t, "what was returned is a copy", w.job(job.ID).Warnings, all)

	plain := w.submit()
	same(t, "no warnings are nil", w.job(plain.ID).Warnings, []string(nil))
	w.change(w.claim(plain.ID, b1))
	w.change(w.Finish(t.Context(), plain.ID, by1, store.Result{Status: dffmpeg.JobFailed, Warnings: []string{"first"}}))
	same(t, "the first may be the worker's", w.job(plain.ID).Warnings, []string{"first"})
}

// testUmask: a requester's umask reaches the worker, and none is not 0.
func (s *suite) testUmask(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	for _, mask := range []*int{nil, new(int), umask(0o777)} {
		draft := w.draft()
		draft.Umask = mask
		job := w.change(w.Submit(t.Context(), draft)).Job
		same(t, "the umask is stored", w.job(job.ID).Umask, mask)
		sent := w.change(w.claim(job.ID, b1)).Messages
		same(t, "the worker gets it", payload[dffmpeg.JobRequest](sent[len(sent)-1]).Umask, mask)
		if job.Umask != nil {
			*job.Umask = 1
			same(t, "what was returned is a copy", w.job(job.ID).Umask, mask)
		}
	}
}

func umask(mask int) *int { return &mask }

// testSegments: the second form of arguments reaches the workers that take it.
func (s *suite) testSegments(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	old := announcement(b2, "token")
	old.Worker.Capabilities = []string{"ack/1"}
	must[store.Registered](t)(w.Register(t.Context(), old))
	must[dffmpeg.Worker](t)(w.Verify(t.Context(), b2, "token"))
	segments := []dffmpeg.Argument{
		{{Literal: `é 🎬\ '"\x01`}},
		{{Literal: ""}},
		{{Literal: "concat:"}, {Name: "Media", Rest: "/it's 🎬", Context: dffmpeg.PathConcat}, {Literal: "|b"}},
		{{Content: dffmpeg.Argument{{Literal: "file "}, {Name: "Media", Rest: "/a", Context: dffmpeg.PathList}, {Literal: strings.Repeat("a🎬", 200_000)}}}},
	}
	for name, given := range map[string][]dffmpeg.Argument{"none": nil, "an empty list": {}, "some": segments} {
		draft := w.draft()
		draft.Arguments, draft.Segments = []string{"$Media/x"}, given
		job := w.change(w.Submit(t.Context(), draft)).Job
		if len(given) == 0 {
			given = nil
		}
		same(t, name+": segments come back from Submit", job.Segments, given)
		same(t, name+": they are stored", w.job(job.ID).Segments, given)
		w.change(w.claim(job.ID, b1))
		sent := w.unsent(dffmpeg.ToWorker(b1))
		same(t, name+": a worker that takes them gets them", payload[dffmpeg.JobRequest](sent[len(sent)-1]).Segments, given)
		other := w.draft()
		other.Segments = given
		w.change(w.Submit(t.Context(), other))
		w.change(w.claim(other.ID, b2))
		sent = w.unsent(dffmpeg.ToWorker(b2))
		same(t, name+": another does not", payload[dffmpeg.JobRequest](sent[len(sent)-1]).Segments, []dffmpeg.Argument(nil))
	}
}

// spoil changes everything in a job that it shares with another.
func spoil(job *dffmpeg.Job) {
	job.Arguments[0], job.Paths[0] = "spoilt", "spoilt"
	job.Warnings[0], *job.Umask = "spoilt", 1
	job.Segments[0][0].Literal, job.Segments[1][0].Content[0].Literal = "spoilt", "spoilt"
	job.TransportMetadata["path"] = "spoilt"
	job.TransportMetadata["nested"].([]any)[0] = "spoilt"
	for _, p := range []*string{job.WorkingDirectory, job.WorkerID} {
		if p != nil {
			*p = "spoilt"
		}
	}
	if job.WorkerLastSeen != nil {
		*job.WorkerLastSeen = job.WorkerLastSeen.AddDate(1, 0, 0)
	}
	*job.ClientLastSeen = job.ClientLastSeen.AddDate(1, 0, 0)
	if job.ExitCode != nil {
		*job.ExitCode = 99
	}
}

// twoForms returns arguments in the second form.
func twoForms() []dffmpeg.Argument {
	return []dffmpeg.Argument{{{Literal: "clean"}}, {{Content: dffmpeg.Text("clean")}}}
}

func spoilWorker(worker *dffmpeg.Worker) {
	worker.Binaries[0], worker.Paths[0], worker.Capabilities[0], *worker.Version = "spoilt", "spoilt", "spoilt", "spoilt"
	worker.TransportMetadata["path"] = "spoilt"
	if worker.LastSeen != nil {
		*worker.LastSeen = worker.LastSeen.AddDate(1, 0, 0)
	}
}

func (s *suite) testCopies(t *testing.T) {
	w := s.world(t)
	given := announcement(b1, "token")
	registered := must[store.Registered](t)(w.Register(t.Context(), given))
	spoilWorker(&given.Worker)
	spoilWorker(&registered.Worker)
	verified := must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "token"))
	clean := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	spoilWorker(&verified)
	listed := must[[]dffmpeg.Worker](t)(w.ListWorkers(t.Context(), 0))
	spoilWorker(&listed[0])
	same(t, "changing a worker that was given or returned changes nothing", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), clean)
	same(t, "a worker's record is what it said", clean.Binaries, []string{"ffmpeg", "ffprobe"})

	dir, draft := "$Media", w.draft()
	draft.WorkingDirectory, draft.Segments = &dir, twoForms()
	draft.Warnings, draft.Umask = []string{"clean"}, umask(0o22)
	draft.TransportMetadata["nested"] = []any{"clean"}
	submitted := w.change(w.Submit(t.Context(), draft)).Job
	first := w.job(draft.ID)
	spoil(&submitted)
	draft.Arguments[0], draft.Paths[0], dir = "spoilt", "spoilt", "spoilt"
	draft.Warnings[0], *draft.Umask = "spoilt", 1
	draft.Segments[0][0].Literal, draft.Segments[1][0].Content[0].Literal = "spoilt", "spoilt"
	draft.TransportMetadata["path"] = "spoilt"
	same(t, "changing a job that was given or returned changes nothing", w.job(draft.ID), first)

	claimed := w.change(w.claim(first.ID, b1))
	accepted := w.change(w.Accept(t.Context(), first.ID, by1))
	code := 3
	finished := w.change(w.Finish(t.Context(), first.ID, by1, store.Result{Status: dffmpeg.JobFailed, ExitCode: &code}))
	want, mail := w.job(first.ID), texts(w.all(first.Requester()))
	same(t, "the exit code is stored", *want.ExitCode, 3)
	code = 99
	for _, job := range []dffmpeg.Job{claimed.Job, accepted.Job, finished.Job, w.job(first.ID)} {
		spoil(&job)
	}
	for _, m := range append(append(w.all(first.Requester()), finished.Messages...), claimed.Messages...) {
		m.Payload[0], *m.JobID = '!', "spoilt"
		if m.SenderID != nil {
			*m.SenderID = "spoilt"
		}
	}
	same(t, "changing a job that was returned changes nothing", w.job(first.ID), want)
	same(t, "changing messages that were returned changes nothing", texts(w.all(first.Requester())), mail)
}

// texts returns what messages say, as strings that share nothing with them.
func texts(messages []dffmpeg.Message) []string {
	list := lines(messages)
	for i, m := range messages {
		list[i] += " " + *m.JobID + " " + string(m.Payload)
	}
	return list
}

// testContext: an operation whose context is done fails and does nothing.
func (s *suite) testContext(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	pending, assigned, running := w.submit(), w.assigned(), w.running()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	before := w.everything(pending, assigned, running)
	errs := map[string]error{"Ping": w.Ping(done)}
	_, errs["Now"] = w.Now(done)
	_, errs["Submit"] = w.Submit(done, w.draft())
	_, errs["Claim"] = w.Claim(done, pending, b1)
	_, errs["Accept"] = w.Accept(done, assigned.ID, by1)
	_, errs["Reject"] = w.Reject(done, assigned.ID, by1)
	_, errs["Renew"] = w.Renew(done, running.ID, by1)
	_, errs["Finish"] = w.Finish(done, running.ID, by1, store.Result{Status: dffmpeg.JobFailed})
	_, errs["AppendLogs"] = w.AppendLogs(done, running.ID, by1, 0, output("x"))
	_, errs["Logs"] = w.Logs(done, running.ID, store.LogQuery{})
	_, errs["Attend"] = w.Attend(done, running.ID, nil)
	_, errs["Cancel"] = w.Cancel(done, running.ID, alice, "")
	_, errs["Lose"] = w.Lose(done, running, "")
	_, errs["HeldBy"] = w.HeldBy(done, b1)
	_, errs["Queues"] = w.Queues(done, "", 1)
	_, errs["Queued"] = w.Queued(done, "queue", "", 1)
	_, errs["Enqueue"] = w.Enqueue(done, 1)
	_, errs["Depths"] = w.Depths(done)
	_, errs["Ahead"] = w.Ahead(done, "queue", running.ID)
	_, errs["Monitored"] = w.Monitored(done)
	_, errs["Overdue"] = w.Overdue(done, 1)
	_, errs["PauseWorker"] = w.PauseWorker(done, b1, &dffmpeg.Pause{})
	errs["SaveProfile"] = w.SaveProfile(done, dffmpeg.Profile{dffmpeg.AbilityEncoder: {"x"}})
	_, errs["Profile"] = w.Profile(done, "x")
	_, errs["Requeue"] = w.Requeue(done, running, "")
	_, errs["Conclude"] = w.Conclude(done, running, dffmpeg.JobFailed, "")
	_, errs["Job"] = w.Job(done, running.ID)
	_, errs["List"] = w.List(done, store.JobQuery{})
	_, errs["Active"] = w.Active(done, 0)
	_, errs["Loads"] = w.Loads(done)
	_, errs["Tally"] = w.Tally(done)
	_, errs["Mail"] = w.Mail(done, running.Requester(), store.MailQuery{})
	errs["MarkSent"] = w.MarkSent(done, running.Requester(), 9)
	_, errs["Acknowledge"] = w.Acknowledge(done, running.Requester(), []string{w.all(running.Requester())[0].ID})
	_, errs["Unsent"] = w.Unsent(done, []string{"http_polling"}, 9)
	_, errs["Register"] = w.Register(done, announcement(b2, "token"))
	_, errs["Verify"] = w.Verify(done, b1, "token")
	_, errs["Deregister"] = w.Deregister(done, b1)
	_, errs["Expire"] = w.Expire(done, must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)))
	_, errs["Worker"] = w.Worker(done, b1)
	_, errs["ListWorkers"] = w.ListWorkers(done, 0)
	for name, err := range errs {
		coded(t, name+" with a context that is done", err, dffmpeg.CodeUnavailable)
	}
	same(t, "operations whose context is done change nothing", w.everything(pending, assigned, running), before, cmpopts.EquateEmpty())
}

// snapshot is all that can be read of some jobs and the workers.
type snapshot struct {
	Jobs    []dffmpeg.Job
	Workers []dffmpeg.Worker
	Mail    map[dffmpeg.Recipient][3][]dffmpeg.Message // per selection
	Logs    []store.LogPage
	Loads   map[string]int
}

func (w *world) everything(jobs ...dffmpeg.Job) snapshot {
	w.t.Helper()
	all := snapshot{
		Jobs:    must[[]dffmpeg.Job](w.t)(w.Active(w.t.Context(), 0, dffmpeg.JobStatuses()...)),
		Workers: must[[]dffmpeg.Worker](w.t)(w.ListWorkers(w.t.Context(), 24*time.Hour)),
		Loads:   w.loads(),
		Mail:    make(map[dffmpeg.Recipient][3][]dffmpeg.Message),
	}
	read := func(to dffmpeg.Recipient) {
		all.Mail[to] = [3][]dffmpeg.Message{w.unsent(to), w.unacknowledged(to), w.all(to)}
	}
	for _, worker := range all.Workers {
		read(worker.Recipient())
	}
	for _, job := range jobs {
		read(job.Requester())
		all.Logs = append(all.Logs, must[store.LogPage](w.t)(w.Logs(w.t.Context(), job.ID, store.LogQuery{})))
	}
	return all
}
