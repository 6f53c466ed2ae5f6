package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (s *suite) testWorkers(t *testing.T) {
	t.Run("register", s.testRegister)
	t.Run("register again", s.testRegisterAgain)
	t.Run("renew", s.testRenewRegistration)
	t.Run("verify", s.testVerify)
	t.Run("deregister", s.testDeregister)
	t.Run("expire", s.testExpire)
	t.Run("unknown", func(t *testing.T) {
		w := s.world(t)
		_, err := w.Worker(t.Context(), "nobody")
		coded(t, "Worker of an unknown ID", err, dffmpeg.CodeNotFound)
		_, err = w.Verify(t.Context(), "nobody", "token")
		coded(t, "Verify of an unknown worker", err, dffmpeg.CodeNotFound)
		_, err = w.Deregister(t.Context(), "nobody")
		coded(t, "Deregister of an unknown worker", err, dffmpeg.CodeNotFound)
		expired := must[bool](t)(w.Expire(t.Context(), dffmpeg.Worker{ID: "nobody"}))
		same(t, "an unknown worker does not expire", expired, false)
	})
}

func (s *suite) testRegister(t *testing.T) {
	w := s.world(t)
	begin, said := w.now(), announcement(b1, "secret")
	r := must[store.Registered](t)(w.Register(t.Context(), said))
	want := said.Worker
	want.Status = dffmpeg.WorkerRegistering
	same(t, "a new worker is stored as it announced itself, and registering", r.Worker, want,
		cmpopts.IgnoreFields(dffmpeg.Worker{}, "RegisteredAt", "Revision"))
	w.isNow("RegisteredAt", &r.Worker.RegisteredAt, begin)
	same(t, "a new worker has no previous record", r.Previous == nil, true)
	same(t, "the record can be read back", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), r.Worker)
	same(t, "the token is sent", lines(r.Messages), []string{"b1: verify_registration"})
	m := r.Messages[0]
	same(t, "the message carries the token", payload[dffmpeg.VerifyRegistration](m).RegistrationToken, "secret")
	same(t, "the message is about no job and from nobody, and not held", m.JobID == nil && m.SenderID == nil && m.NotBefore.IsZero(), true)
	same(t, "the message is stored", w.unsent(dffmpeg.ToWorker(b1)), r.Messages)

	for _, status := range []dffmpeg.WorkerStatus{"", dffmpeg.WorkerRegistering, dffmpeg.WorkerOffline, "busy"} {
		wrong := announcement(b2, "secret")
		wrong.Worker.Status = status
		_, err := w.Register(t.Context(), wrong)
		coded(t, fmt.Sprintf("a worker that asks to be %q", status), err, dffmpeg.CodeInvalid)
	}
	_, err := w.Worker(t.Context(), b2)
	coded(t, "a refused registration stores nothing", err, dffmpeg.CodeNotFound)
}

// testRegisterAgain registers a worker from each status, asking for each.
func (s *suite) testRegisterAgain(t *testing.T) {
	w := s.world(t)
	deregister := func(id string) { must[dffmpeg.Worker](t)(w.Deregister(t.Context(), id)) }
	ask := func(id, token, transport string, status dffmpeg.WorkerStatus) store.Registered {
		again := announcement(id, token)
		again.Worker.Status, again.Worker.Transport, again.Delay = status, transport, delay
		again.Worker.Binaries = []string{"ffprobe"}
		return must[store.Registered](t)(w.Register(t.Context(), again))
	}
	from := map[dffmpeg.WorkerStatus]func(id string){
		dffmpeg.WorkerRegistering: func(id string) { w.register(id, "first") },
		dffmpeg.WorkerOnline:      func(id string) { w.worker(id) },
		dffmpeg.WorkerDraining:    func(id string) { w.worker(id); ask(id, "drain", "http_polling", dffmpeg.WorkerDraining) },
		dffmpeg.WorkerOffline:     func(id string) { w.worker(id); deregister(id) },
	}
	for before, reach := range from {
		for _, asked := range []dffmpeg.WorkerStatus{dffmpeg.WorkerOnline, dffmpeg.WorkerDraining} {
			for _, transport := range []string{"http_polling", "mqtt"} {
				name := fmt.Sprintf("%s worker asks to be %s on %s", before, asked, transport)
				id := fmt.Sprintf("%s-%s-%s", before, asked, transport)
				reach(id)
				old := must[dffmpeg.Worker](t)(w.Worker(t.Context(), id))
				same(t, name+": prepared", old.Status, before)
				r := ask(id, "fresh", transport, asked)
				now := dffmpeg.WorkerRegistering
				if before.Present() {
					now = asked
				}
				same(t, name+": the status", r.Worker.Status, now)
				same(t, name+": the previous record", *r.Previous, old)
				same(t, name+": LastSeen does not change", r.Worker.LastSeen, old.LastSeen)
				same(t, name+": the announcement is stored", r.Worker.Binaries, []string{"ffprobe"})
				held := before == dffmpeg.WorkerOffline || transport != "http_polling"
				same(t, name+": the token's message is held back", !r.Messages[0].NotBefore.IsZero(), held)
				same(t, name+": Revision is raised", r.Worker.Revision > old.Revision, true)
				verified := must[dffmpeg.Worker](t)(w.Verify(t.Context(), id, "fresh"))
				same(t, name+": when verified it is what it asked to be", verified.Status, asked)
			}
		}
	}
}

// testRenewRegistration lets workers register that say that they hear.
func (s *suite) testRenewRegistration(t *testing.T) {
	w := s.world(t)
	hearing := func(id string, change func(*store.Registration)) store.Registered {
		again := announcement(id, "fresh")
		again.Hears = true
		change(&again)
		return must[store.Registered](t)(w.Register(t.Context(), again))
	}
	w.worker(b1)
	before := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	begin := w.now()
	r := hearing(b1, func(again *store.Registration) {
		again.Worker.Status, again.Worker.Paths = dffmpeg.WorkerDraining, []string{"Other"}
	})
	same(t, "nothing is sent to a worker that hears", lines(r.Messages), []string{})
	same(t, "the previous record", *r.Previous, before)
	same(t, "it takes the status that it asks for", r.Worker.Status, dffmpeg.WorkerDraining)
	same(t, "the announcement is stored", r.Worker.Paths, []string{"Other"})
	w.isNow("LastSeen", r.Worker.LastSeen, begin)
	same(t, "Revision is raised", r.Worker.Revision > before.Revision, true)
	same(t, "the record can be read back", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), r.Worker)
	_, err := w.Verify(t.Context(), b1, "fresh")
	if !errors.Is(err, store.ErrNoPendingRegistration) {
		t.Errorf("Verify after a registration that needed no token: error is %v, want ErrNoPendingRegistration", err)
	}

	unchanged := func(*store.Registration) {}
	for name, c := range map[string]struct {
		reach  func(id string)
		change func(*store.Registration)
	}{
		"unknown":          {func(string) {}, unchanged},
		"registering":      {func(id string) { w.register(id, "first") }, unchanged},
		"offline":          {func(id string) { w.worker(id); must[dffmpeg.Worker](t)(w.Deregister(t.Context(), id)) }, unchanged},
		"not verified":     {func(id string) { w.worker(id); w.register(id, "second") }, unchanged},
		"another instance": {func(id string) { w.worker(id) }, func(r *store.Registration) { r.Worker.InstanceID = "second" }},
		"other transport":  {func(id string) { w.worker(id) }, func(r *store.Registration) { r.Worker.Transport = "mqtt" }},
		"other address": {func(id string) { w.worker(id) }, func(r *store.Registration) {
			r.Worker.TransportMetadata = map[string]any{"path": "/other"}
		}},
	} {
		c.reach(name)
		same(t, name+": a token is sent", lines(hearing(name, c.change).Messages), []string{name + ": verify_registration"})
	}
}

func (s *suite) testVerify(t *testing.T) {
	w := s.world(t)
	to := dffmpeg.ToWorker(b1)
	w.register(b1, "first")
	w.register(b1, "second")
	same(t, "the message of an earlier token is withdrawn", len(w.all(to)), 1)
	for _, token := range []string{"first", "wrong", "", "Second", "second "} {
		_, err := w.Verify(t.Context(), b1, token)
		if !errors.Is(err, store.ErrInvalidToken) {
			t.Errorf("Verify with token %q: error is %v, want ErrInvalidToken", token, err)
		}
	}
	same(t, "a wrong token changes nothing", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)).Status, dffmpeg.WorkerRegistering)
	begin := w.now()
	worker := must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "second"))
	same(t, "Verify makes the worker what it asked to be", worker.Status, dffmpeg.WorkerOnline)
	w.isNow("LastSeen", worker.LastSeen, begin)
	same(t, "the record can be read back", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), worker)
	same(t, "Verify acknowledges the token's message", lines(w.unacknowledged(to)), []string{})
	same(t, "and so it counts as sent", lines(w.unsent(to)), []string{})
	_, err := w.Verify(t.Context(), b1, "second")
	if !errors.Is(err, store.ErrNoPendingRegistration) {
		t.Errorf("Verify with a token that is spent: error is %v, want ErrNoPendingRegistration", err)
	}
	next := w.register(b1, "third").Messages[0]
	same(t, "numbers of withdrawn messages are not used again", next.Seq, int64(3))
}

func (s *suite) testDeregister(t *testing.T) {
	w := s.world(t)
	w.worker(b1)
	sent := w.assigned()
	if err := w.MarkSent(t.Context(), dffmpeg.ToWorker(b1), w.unsent(dffmpeg.ToWorker(b1))[0].Seq); err != nil {
		t.Fatal(err)
	}
	w.assigned()
	w.register(b1, "pending")
	before := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	after := must[dffmpeg.Worker](t)(w.Deregister(t.Context(), b1))
	want := dffmpeg.Worker{
		ID: b1, Status: dffmpeg.WorkerOffline, Transport: dffmpeg.TransportNone,
		LastSeen: before.LastSeen, InstanceID: before.InstanceID, RegisteredAt: before.RegisteredAt,
	}
	same(t, "a deregistered worker is offline, its announcement cleared", after, want,
		cmpopts.EquateEmpty(), cmpopts.IgnoreFields(dffmpeg.Worker{}, "Revision"))
	left := w.unacknowledged(dffmpeg.ToWorker(b1))
	same(t, "what was not sent is withdrawn, what was sent stays", lines(left), []string{"b1: job_request"})
	same(t, "it is the job_request that was sent", *left[0].JobID, sent.ID)
	_, err := w.Verify(t.Context(), b1, "pending")
	if !errors.Is(err, store.ErrNoPendingRegistration) {
		t.Errorf("a token not verified is void when the worker deregisters: error is %v, want ErrNoPendingRegistration", err)
	}
	same(t, "an offline worker stays as it is", must[dffmpeg.Worker](t)(w.Deregister(t.Context(), b1)), after)
	same(t, "its jobs are left to the janitor", w.job(sent.ID), sent)
}

func (s *suite) testExpire(t *testing.T) {
	w := s.world(t)
	w.register(b1, "token")
	changes := map[string]func(){
		"Verify":   func() { must[dffmpeg.Worker](t)(w.Verify(t.Context(), b1, "token")) },
		"Register": func() { w.register(b1, "token") },
	}
	for _, name := range []string{"Verify", "Register"} {
		seen := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
		changes[name]()
		after := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
		same(t, "a worker does not expire after "+name, must[bool](t)(w.Expire(t.Context(), seen)), false)
		same(t, "and is unchanged", must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1)), after)
	}
	w.assigned()
	seen := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	same(t, "a silent worker expires", must[bool](t)(w.Expire(t.Context(), seen)), true)
	after := must[dffmpeg.Worker](t)(w.Worker(t.Context(), b1))
	same(t, "an expired worker is offline and listens to nothing", []string{string(after.Status), after.Transport}, []string{"offline", "none"})
	same(t, "its messages are withdrawn", lines(w.unacknowledged(dffmpeg.ToWorker(b1))), []string{})
	same(t, "a worker expires once", must[bool](t)(w.Expire(t.Context(), seen)), false)
	same(t, "an offline worker does not expire", must[bool](t)(w.Expire(t.Context(), after)), false)
}
