package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testMessages(t *testing.T) {
	t.Run("selections", s.testSelections)
	t.Run("limits", s.testMailLimit)
	t.Run("acknowledge", s.testAcknowledge)
	t.Run("unsent", s.testUnsent)
	t.Run("unknown recipient", func(t *testing.T) {
		w := s.world(t)
		job := w.submit()
		for _, to := range []dffmpeg.Recipient{
			dffmpeg.ToWorker("nobody"),
			{Kind: dffmpeg.RecipientRequester, ID: "bob", JobID: job.ID},
			{Kind: dffmpeg.RecipientRequester, ID: alice, JobID: numbered(404)},
		} {
			same(t, "an unknown recipient has no mail", len(w.all(to)), 0)
			if err := w.MarkSent(t.Context(), to, 9); err != nil {
				t.Errorf("MarkSent to an unknown recipient: %v", err)
			}
			n := must[int](t)(w.Acknowledge(t.Context(), to, []string{numbered(1)}))
			same(t, "an unknown recipient acknowledges nothing", n, 0)
		}
	})
}

// heartbeats makes a job that runs on b1 and has n messages for its requester:
// two for its start, the others for heartbeats.
func (w *world) heartbeats(n int) (dffmpeg.Job, []dffmpeg.Message) {
	w.t.Helper()
	job := w.running()
	for range n - 2 {
		w.change(w.Renew(w.t.Context(), job.ID, by1))
	}
	mail := w.all(job.Requester())
	if len(mail) != n {
		w.t.Fatalf("the requester has %d messages, want %d: %q", len(mail), n, lines(mail))
	}
	return job, mail
}

// seqs returns the sequence numbers of messages.
func seqs(messages []dffmpeg.Message) []int64 {
	list := []int64{}
	for _, m := range messages {
		list = append(list, m.Seq)
	}
	return list
}

func (s *suite) testSelections(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, mail := w.heartbeats(5)
	to := job.Requester()
	same(t, "messages have sequence numbers from 1 on", seqs(mail), []int64{1, 2, 3, 4, 5})
	same(t, "messages are told in the order of the changes", status(mail[0]), dffmpeg.JobAssigned)

	begin := w.now()
	if err := w.MarkSent(t.Context(), to, 2); err != nil {
		t.Fatal(err)
	}
	must[int](t)(w.Acknowledge(t.Context(), to, []string{mail[0].ID, mail[3].ID}))
	same(t, "MailUnsent: those not handed over, neither by MarkSent nor by their acknowledgement", seqs(w.unsent(to)), []int64{3, 5})
	same(t, "MailUnacknowledged: those not acknowledged, sent or not", seqs(w.unacknowledged(to)), []int64{2, 3, 5})
	all := w.all(to)
	same(t, "MailAfter without a cursor: all, sent or not", all, mail, cmpopts.IgnoreFields(dffmpeg.Message{}, "SentAt"))
	for _, m := range all {
		if m.Seq == 1 || m.Seq == 2 || m.Seq == 4 {
			w.isNow("SentAt", m.SentAt, begin)
		} else if m.SentAt != nil {
			t.Errorf("message %d was not sent but has SentAt %v", m.Seq, m.SentAt)
		}
	}
	after := func(cursor string) []int64 {
		return seqs(w.mail(to, store.MailQuery{Select: store.MailAfter, After: cursor}))
	}
	same(t, "MailAfter: those behind the cursor", after(mail[1].ID), []int64{3, 4, 5})
	same(t, "MailAfter the last: none", after(mail[4].ID), []int64{})
	same(t, "an unknown cursor is compared as text", after("zzz"), []int64{})
	same(t, "an unknown cursor is compared as text", after("!"), []int64{1, 2, 3, 4, 5})

	w.change(w.Renew(t.Context(), job.ID, by1))
	sent := w.all(to)[1].SentAt
	if err := w.MarkSent(t.Context(), to, 100); err != nil {
		t.Fatal(err)
	}
	same(t, "MarkSent marks all up to its number", seqs(w.unsent(to)), []int64{})
	same(t, "MarkSent leaves the time of what was sent before", w.all(to)[1].SentAt, sent)
}

func (s *suite) testMailLimit(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, mail := w.heartbeats(6)
	to := job.Requester()
	for _, selection := range []store.MailSelection{store.MailUnsent, store.MailUnacknowledged, store.MailAfter} {
		got := w.mail(to, store.MailQuery{Select: selection, Limit: 4})
		same(t, "a limit keeps the first messages", got, mail[:4])
	}
	got := w.mail(to, store.MailQuery{Select: store.MailAfter, After: mail[1].ID, Limit: 2})
	same(t, "a limit keeps the first messages behind the cursor", got, mail[2:4])
}

func (s *suite) testAcknowledge(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	job, mail := w.heartbeats(4)
	other := w.running()
	ids := func(messages ...dffmpeg.Message) (list []string) {
		for _, m := range messages {
			list = append(list, m.ID)
		}
		return list
	}
	acknowledge := func(obligation string, to dffmpeg.Recipient, ids []string, want int) {
		t.Helper()
		same(t, obligation, must[int](t)(w.Acknowledge(t.Context(), to, ids)), want)
	}
	acknowledge("acknowledging another's messages does nothing", dffmpeg.ToWorker(b2), ids(mail...), 0)
	acknowledge("acknowledging a worker's with a job's IDs does nothing", dffmpeg.ToWorker(b1), ids(mail...), 0)
	acknowledge("acknowledging nothing does nothing", job.Requester(), nil, 0)
	acknowledge("unknown IDs are ignored", job.Requester(), []string{numbered(404), "", "✗"}, 0)
	acknowledge("it counts what is newly acknowledged", job.Requester(), append(ids(mail[0], mail[2]), numbered(404)), 2)
	acknowledge("it counts only what is newly acknowledged", job.Requester(), ids(mail[0], mail[1]), 1)
	same(t, "the others are left", seqs(w.unacknowledged(job.Requester())), []int64{4})
	same(t, "another job's messages are left", seqs(w.unacknowledged(other.Requester())), []int64{1, 2})
	same(t, "acknowledging changes no job", w.job(job.ID), job, cmpopts.IgnoreFields(dffmpeg.Job{}, "Version", "WorkerLastSeen"))
}

func (s *suite) testUnsent(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	pushed := announcement("pushed", "token")
	pushed.Worker.Transport = "mqtt"
	must[store.Registered](t)(w.Register(t.Context(), pushed))
	draft := w.draft()
	draft.Transport = "mqtt"
	w.change(w.Submit(t.Context(), draft))
	job := w.change(w.claim(draft.ID, b1)).Job
	polled := w.assigned()

	unsent := func(limit int, transports ...string) []dffmpeg.Recipient {
		return must[[]dffmpeg.Recipient](t)(w.Unsent(t.Context(), transports, limit))
	}
	anyOrder := cmpopts.SortSlices(func(a, b dffmpeg.Recipient) bool { return a.String() < b.String() })
	check := func(obligation string, got []dffmpeg.Recipient, want ...dffmpeg.Recipient) {
		t.Helper()
		same(t, obligation, got, want, anyOrder, cmpopts.EquateEmpty())
	}
	check("recipients on a transport", unsent(10, "mqtt"), dffmpeg.ToWorker("pushed"), job.Requester())
	check("each recipient once", unsent(10, "http_polling"), dffmpeg.ToWorker(b1), polled.Requester())
	check("recipients on several transports", unsent(10, "mqtt", "http_polling"),
		dffmpeg.ToWorker("pushed"), job.Requester(), dffmpeg.ToWorker(b1), polled.Requester())
	check("no recipient without a transport", unsent(10))
	same(t, "the limit bounds the answer to what has waited longest", unsent(2, "mqtt", "http_polling"),
		[]dffmpeg.Recipient{dffmpeg.ToWorker("pushed"), job.Requester()})

	if err := w.MarkSent(t.Context(), job.Requester(), 1); err != nil {
		t.Fatal(err)
	}
	check("what was sent needs no delivery", unsent(10, "mqtt"), dffmpeg.ToWorker("pushed"))
	w.change(w.Finish(t.Context(), job.ID, by1, store.Result{Status: dffmpeg.JobFailed}))
	check("a new message does", unsent(10, "mqtt"), dffmpeg.ToWorker("pushed"), job.Requester())
	w.change(w.Cancel(t.Context(), polled.ID, alice, ""))
	w.change(w.Finish(t.Context(), polled.ID, by1, store.Result{Status: dffmpeg.JobCanceled}))
	check("withdrawn and acknowledged messages need none", unsent(10, "http_polling"), polled.Requester())
}

// testHeld: a message that may not be read yet holds back those behind it.
func (s *suite) testHeld(t *testing.T) {
	w := s.world(t)
	registration := announcement(b1, "secret")
	registration.Delay = delay
	r := must[store.Registered](t)(w.Register(t.Context(), registration))
	to := dffmpeg.ToWorker(b1)
	same(t, "the message of a new worker's token is held back", r.Messages[0].NotBefore, r.Messages[0].Timestamp.Add(delay))
	same(t, "nobody reads it before its time", lines(w.all(to)), []string{})
	w.clock.advance(delay)
	same(t, "it can be read when its time has come", lines(w.all(to)), []string{"b1: verify_registration"})
	must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "secret"))
	moved := announcement(b1, "new")
	moved.Delay, moved.Worker.Transport = delay, "mqtt"
	must[store.Registered](t)(w.Register(t.Context(), moved)) // online and held: the transport changed
	w.assigned()

	readers := map[string]store.MailQuery{
		"MailUnsent":         {Select: store.MailUnsent},
		"MailUnacknowledged": {Select: store.MailUnacknowledged},
		"MailAfter":          {Select: store.MailAfter, After: r.Messages[0].ID},
	}
	for name, query := range readers {
		same(t, name+" stops before a held message and what is behind it", lines(w.mail(to, query)), []string{})
	}
	same(t, "a held message counts as not sent", must[[]dffmpeg.Recipient](t)(w.Unsent(t.Context(), []string{"mqtt"}, 9)), []dffmpeg.Recipient{to})
	w.clock.advance(delay)
	for name, query := range readers {
		same(t, name+" goes on when the time has come", lines(w.mail(to, query)), []string{"b1: verify_registration", "b1: job_request"})
	}
}
