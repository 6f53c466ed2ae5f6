package transition

import (
	"crypto/subtle"
	"maps"
	"reflect"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// WorkerRecord is what an engine keeps of a worker beside its messages.
type WorkerRecord struct {
	dffmpeg.Worker
	Token string               // not verified yet; "" when none is
	Asked dffmpeg.WorkerStatus // what the worker becomes when it is
}

// WorkerDecision is what an operation on a worker does. See [Decision].
type WorkerDecision struct {
	Record   WorkerRecord
	Changed  bool
	Settle   []Settlement
	Messages []dffmpeg.Message
}

// Register decides store.Workers.Register. Previous is nil for a new worker.
func Register(previous *WorkerRecord, registration store.Registration, now time.Time) (WorkerDecision, error) {
	asked := registration.Worker.Status
	switch {
	case !asked.Present():
		return WorkerDecision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A worker cannot register as %q, only as online or draining", string(asked))
	case registration.Token == "":
		return WorkerDecision{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "A registration needs a token")
	}
	w := registration.Worker
	w.Capabilities = neverNil(w.Capabilities)
	w.Binaries = neverNil(w.Binaries)
	w.Paths = neverNil(w.Paths)
	w.Offer = offer(w.Offer)
	if w.TransportMetadata == nil {
		w.TransportMetadata = map[string]any{}
	}
	w.Status, w.LastSeen, w.RegisteredAt, w.Revision = dffmpeg.WorkerRegistering, nil, now, 1
	w.Pause, w.Trouble, w.ProvenAt, w.Profiles = nil, nil, nil, nil
	if previous != nil {
		w.Pause, w.Trouble, w.ProvenAt = previous.Pause, previous.Trouble, previous.ProvenAt
	}
	if registration.Hears && continues(previous, &w) {
		w.Status, w.LastSeen, w.Revision = asked, &now, previous.Revision+1
		return WorkerDecision{Record: WorkerRecord{Worker: w}, Changed: true}, nil
	}
	var d WorkerDecision
	if previous != nil {
		w.LastSeen, w.Revision = previous.LastSeen, previous.Revision+1
		if previous.Status.Present() {
			w.Status = asked
		}
		d.Settle = []Settlement{voidTokens(w.ID)}
	}
	d.Record = WorkerRecord{Worker: w, Token: registration.Token, Asked: asked}
	d.Changed = true
	d.Messages = []dffmpeg.Message{verification(previous, &registration, now)}
	return d, nil
}

// continues reports whether a worker only goes on with what its registration
// before established: then its word that it hears is enough.
func continues(previous *WorkerRecord, worker *dffmpeg.Worker) bool {
	return previous != nil && previous.Status.Present() && previous.Token == "" &&
		worker.InstanceID != "" && previous.InstanceID == worker.InstanceID &&
		previous.Transport == worker.Transport && reflect.DeepEqual(previous.TransportMetadata, worker.TransportMetadata)
}

// verification is the message that carries the token, held back when the
// worker may not listen yet.
func verification(previous *WorkerRecord, registration *store.Registration, now time.Time) dffmpeg.Message {
	worker := &registration.Worker
	m := message(worker.Recipient(), dffmpeg.MessageVerifyRegistration,
		dffmpeg.VerifyRegistration{RegistrationToken: registration.Token}, now)
	listens := previous != nil && previous.Status != dffmpeg.WorkerOffline && previous.Transport == worker.Transport
	if !listens && registration.Delay > 0 {
		m.NotBefore = Stamp(now.Add(registration.Delay))
	}
	return m
}

func voidTokens(workerID string) Settlement {
	return Settlement{Fate: Withdrawn, To: dffmpeg.ToWorker(workerID), Type: dffmpeg.MessageVerifyRegistration}
}

// Verify decides store.Workers.Verify.
func Verify(r WorkerRecord, token string, now time.Time) (WorkerDecision, error) {
	switch {
	case r.Token == "":
		return WorkerDecision{}, store.ErrNoPendingRegistration
	case subtle.ConstantTimeCompare([]byte(r.Token), []byte(token)) != 1:
		return WorkerDecision{}, store.ErrInvalidToken
	}
	r.Status = r.Asked
	r.LastSeen = &now
	r.Token, r.Asked = "", ""
	r.Revision++
	return WorkerDecision{Record: r, Changed: true, Settle: []Settlement{{
		Fate: Acknowledged, To: r.Recipient(), Type: dffmpeg.MessageVerifyRegistration,
	}}}, nil
}

// Deregister decides store.Workers.Deregister. What is said of the worker's
// instance stays, so that its return can be told from a restart.
func Deregister(r WorkerRecord) WorkerDecision {
	if r.Status == dffmpeg.WorkerOffline {
		return WorkerDecision{Record: r}
	}
	r.Status = dffmpeg.WorkerOffline
	r.Capabilities, r.Binaries, r.Paths = []string{}, []string{}, []string{}
	r.Worker.Version = nil
	r.Offer = dffmpeg.Offer{}
	r.RegistrationInterval = 0
	r.Transport, r.TransportMetadata = dffmpeg.TransportNone, map[string]any{}
	r.Token, r.Asked = "", ""
	r.Revision++
	return WorkerDecision{Record: r, Changed: true, Settle: []Settlement{
		voidTokens(r.ID),
		{Fate: Withdrawn, To: r.Recipient(), Unsent: true},
	}}
}

// Expire decides store.Workers.Expire, which returns Changed.
func Expire(r WorkerRecord, seen dffmpeg.Worker) WorkerDecision {
	if seen.Revision != r.Revision {
		return WorkerDecision{Record: r}
	}
	return Deregister(r)
}

// PauseWorker decides store.Workers.PauseWorker.
func PauseWorker(r WorkerRecord, pause *dffmpeg.Pause, now time.Time) WorkerDecision {
	if pause != nil {
		since := *pause
		since.Since = now
		pause = &since
	}
	r.Pause = pause
	r.Revision++
	return WorkerDecision{Record: r, Changed: true}
}

// offer returns an offer as every engine keeps it: with nil for what is empty.
func offer(o dffmpeg.Offer) dffmpeg.Offer {
	o.MaxPerBinary, o.Resources = neverEmpty(o.MaxPerBinary), neverEmpty(o.Resources)
	o.Labels, o.Programs = neverEmpty(o.Labels), neverEmpty(maps.Clone(o.Programs))
	for name, program := range o.Programs {
		if len(program.Hardware) == 0 {
			program.Hardware = nil
			o.Programs[name] = program
		}
	}
	return o
}
