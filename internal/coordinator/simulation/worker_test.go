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

// machine is a worker: it registers, hears its messages late and sometimes twice, runs
// jobs, and now and then dies, leaves, or is cut off.
type machine struct {
	w      *world
	id     string
	index  int
	random *rand.Rand
	offer  dffmpeg.Offer
	// binaries and roots are what it has.
	binaries, roots []string

	instance int
	cutOff   time.Time // until then it reaches nobody
	mail     chan struct{}
	running  map[string]*run // by job
	seen     map[string]bool // messages handled
	ended    chan *run
}

// run is an attempt that a machine runs.
type run struct {
	ref     dffmpeg.AttemptRef
	until   time.Time // when its process ends
	renewed time.Time
	lease   time.Duration
	dead    bool // nobody wants it any more
	result  store.Result
}

// reaches reports whether the machine can reach a coordinator now.
func (m *machine) reaches() bool { return time.Now().After(m.cutOff) }

// state is a coordinator that the machine reaches; any will do.
func (m *machine) state() store.State { return m.w.states[m.random.IntN(len(m.w.states))] }

// live is the machine's life until ctx is done.
func (m *machine) live(ctx context.Context) {
	m.register(ctx)
	beat := time.NewTicker(heartbeat)
	registration := time.NewTicker(15 * time.Second)
	fate := time.NewTimer(m.between(time.Minute, 20*time.Minute))
	defer beat.Stop()
	defer registration.Stop()
	defer fate.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.mail:
			m.later(ctx, m.between(0, 300*time.Millisecond)) // messages are late
			m.read(ctx)
		case <-beat.C:
			m.beat(ctx)
		case <-registration.C:
			m.register(ctx)
			m.read(ctx) // what a notification was lost of
		case r := <-m.ended:
			m.report(ctx, r)
		case <-fate.C:
			m.suffer(ctx)
			fate.Reset(m.between(time.Minute, 20*time.Minute))
		}
	}
}

func (m *machine) between(least, most time.Duration) time.Duration {
	return least + time.Duration(m.random.Int64N(int64(most-least)))
}

func (m *machine) later(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// register announces the machine and answers its token at once.
func (m *machine) register(ctx context.Context) {
	if !m.reaches() {
		return
	}
	token := fmt.Sprint(m.id, m.random.Uint64())
	instance := fmt.Sprint(m.instance)
	if m.w.broken.forgets {
		instance = "" // nobody compares what runs with what should
	}
	request := dffmpeg.RegisterRequest{WorkerID: m.id, InstanceID: instance}
	for _, r := range m.running {
		request.Running = append(request.Running, r.ref)
	}
	stop, err := m.w.reconciler.Reconcile(ctx, request)
	if err != nil && ctx.Err() == nil {
		m.w.Errorf("reconciliation of %s: %v", m.id, err)
	}
	for _, ref := range stop {
		m.stop(ref)
	}
	state := m.state()
	_, err = state.Register(ctx, store.Registration{Token: token, Worker: dffmpeg.Worker{
		ID: m.id, Binaries: m.binaries, Paths: m.roots, Status: dffmpeg.WorkerOnline, Transport: "simulated", RegistrationInterval: 15,
		Offer: m.offer, InstanceID: instance, Capabilities: []string{dffmpeg.FeatureAttempt, dffmpeg.FeatureLease},
	}})
	if err == nil {
		_, err = state.Verify(ctx, m.id, token)
	}
	if err != nil && ctx.Err() == nil {
		m.w.Errorf("registration of %s: %v", m.id, err)
	}
}

// read handles messages, as often as they come.
func (m *machine) read(ctx context.Context) {
	if !m.reaches() {
		return
	}
	state := m.state()
	to := dffmpeg.ToWorker(m.id)
	messages, err := state.Mail(ctx, to, store.MailQuery{Select: store.MailUnacknowledged})
	if err != nil || len(messages) == 0 {
		return
	}
	if err := state.MarkSent(ctx, to, messages[len(messages)-1].Seq); err != nil {
		return
	}
	for _, message := range messages {
		if m.seen[message.ID] && m.random.IntN(2) == 0 {
			continue
		}
		m.seen[message.ID] = true
		m.handle(ctx, state, &message)
	}
}

func (m *machine) handle(ctx context.Context, state store.State, message *dffmpeg.Message) {
	switch message.Type {
	case dffmpeg.MessageJobRequest:
		request, err := dffmpeg.DecodePayload[dffmpeg.JobRequest](message)
		if err != nil {
			m.w.Error(err)
			return
		}
		m.take(ctx, state, &request)
	case dffmpeg.MessageJobStatus:
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](message)
		if err == nil && (change.Status == dffmpeg.JobCanceled || change.Status == dffmpeg.JobCanceling) {
			m.stop(dffmpeg.AttemptRef{JobID: *message.JobID, Attempt: change.Attempt})
		}
		_, _ = state.Acknowledge(ctx, message.To, []string{message.ID}) // else it comes again
	}
}

// take accepts a job, unless the machine is out of sorts.
func (m *machine) take(ctx context.Context, state store.State, request *dffmpeg.JobRequest) {
	ref := dffmpeg.AttemptRef{JobID: request.JobID, Attempt: request.Attempt}
	by := store.By{WorkerID: m.id, Attempt: ref.Attempt}
	if r := m.running[ref.JobID]; r != nil && r.ref == ref {
		return // heard twice
	}
	switch m.random.IntN(200) {
	case 0:
		_, _ = state.Reject(ctx, ref.JobID, by) // it may have been taken back
		return
	case 1:
		return // never heard
	}
	sent := time.Now()
	change, err := state.Accept(ctx, ref.JobID, by)
	if err != nil || change.Outcome != store.Applied && change.Outcome != store.Repeated {
		return
	}
	length, result := m.w.fate(ref.JobID, ref.Attempt)
	r := &run{ref: ref, until: time.Now().Add(length), renewed: sent, lease: time.Duration(request.LostAfter) * time.Second, result: result}
	m.running[ref.JobID] = r
	m.w.began(m, r)
	time.AfterFunc(length, func() {
		select {
		case m.ended <- r:
		case <-ctx.Done():
		}
	})
}

// stop ends an attempt that is no longer wanted.
func (m *machine) stop(ref dffmpeg.AttemptRef) {
	r := m.running[ref.JobID]
	if r == nil || ref.Attempt != 0 && r.ref != ref {
		return
	}
	r.dead = true
	delete(m.running, ref.JobID)
	m.w.stopped(m, r)
}

// report says how an attempt ended, until somebody hears it.
func (m *machine) report(ctx context.Context, r *run) {
	if r.dead || m.running[r.ref.JobID] != r {
		return
	}
	if !m.reaches() {
		m.again(ctx, r)
		return
	}
	delete(m.running, r.ref.JobID)
	m.w.stopped(m, r)
	by := store.By{WorkerID: m.id, Attempt: r.ref.Attempt}
	if m.random.IntN(100) == 0 { // it is under way for so long that others may have the job
		state := m.state()
		time.AfterFunc(m.between(0, 2*lostAfter), func() { _, _ = state.Finish(ctx, r.ref.JobID, by, r.result) })
		return
	}
	for range 1 + m.random.IntN(20)/19 { // now and then twice
		if _, err := m.state().Finish(ctx, r.ref.JobID, by, r.result); err != nil && ctx.Err() == nil {
			m.w.Errorf("report of %v: %v", r.ref, err)
		}
	}
}

func (m *machine) again(ctx context.Context, r *run) {
	time.AfterFunc(time.Second, func() {
		select {
		case m.ended <- r:
		case <-ctx.Done():
		}
	})
}

// beat renews what the machine runs, and stops what it has had for too long without
// having reached anybody. Its clock is as skewed as machines' are, but runs as fast.
func (m *machine) beat(ctx context.Context) {
	for _, r := range m.running {
		if m.reaches() {
			change, err := m.state().Renew(ctx, r.ref.JobID, store.By{WorkerID: m.id, Attempt: r.ref.Attempt})
			switch {
			case err != nil:
			case change.Outcome == store.Applied:
				r.renewed = time.Now()
			default:
				m.stop(r.ref)
			}
		} else if r.lease > 0 && time.Since(r.renewed) >= r.lease-2*heartbeat && !m.w.broken.ignoresLeases {
			m.stop(r.ref)
		}
	}
}

// suffer is what happens to machines.
func (m *machine) suffer(ctx context.Context) {
	switch m.random.IntN(5) {
	case 0: // dies, and is back soon or late
		m.die()
		m.later(ctx, m.between(time.Second, 10*time.Minute))
		m.instance++
		m.register(ctx)
	case 1: // leaves in good order: its jobs end with it
		m.die()
		_, _ = m.state().Deregister(ctx, m.id)
		m.later(ctx, m.between(time.Second, 2*time.Minute))
		m.instance++
		m.register(ctx)
	case 2: // flaps
		for range 5 {
			_, _ = m.state().Deregister(ctx, m.id)
			m.register(ctx)
		}
	default: // is cut off, and goes on
		m.cutOff = time.Now().Add(m.between(time.Second, 8*time.Minute))
	}
}

// die ends all processes of the machine, unheard.
func (m *machine) die() {
	for _, r := range m.running {
		r.dead = true
		m.w.stopped(m, r)
	}
	clear(m.running)
}
