//go:build !race

package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// machine is a worker: it registers, hears its messages late and sometimes twice, runs
// jobs, and now and then dies, leaves, sleeps, is cut off, or can do something else.
type machine struct {
	w      *world
	id     string
	random *rand.Rand
	clock  clock
	// offer, binaries and roots are what it has, and build is what its ffmpeg can do.
	offer           dffmpeg.Offer
	binaries, roots []string
	build           *build
	// steady says that it stays: the premise of bounded waiting. A calm one never loses an
	// attempt, either.
	steady, calm bool
	// old says that it is of 0.4.
	old bool
	// seldom says that it is there half of the time.
	seldom bool

	instance int
	asked    bool      // the coordinator wants to know what its ffmpeg can do
	cutOff   time.Time // until then it reaches nobody
	mail     chan struct{}
	due      chan func()     // what it does when the time has come
	running  map[string]*run // by job, until somebody knows how it ended
	seen     map[string]bool // messages handled
}

// newMachine returns one of several sorts of workers.
func (w *world) newMachine(i int) *machine {
	m := &machine{
		w: w, id: fmt.Sprintf("w%03d", i), random: rand.New(rand.NewPCG(w.seed, uint64(i)+1)),
		binaries: []string{"ffmpeg", "ffprobe"}, roots: []string{"Media"}, build: plain,
		mail: make(chan struct{}, 1), due: make(chan func(), 64), running: make(map[string]*run), seen: make(map[string]bool),
	}
	m.clock = newClock(m.random)
	m.offer = dffmpeg.Offer{MaxJobs: 1 + i%4, MaxLightJobs: 2 + i%3, Labels: map[string]string{"site": fmt.Sprint("s", i%3)}}
	if i%2 == 0 {
		m.build = newer
	}
	if i%5 == 0 {
		m.build = hardware
		m.offer.Resources = map[string]int{"nvenc": 2, "vram": 3}
		m.offer.Labels["gpu"] = "yes"
	}
	if i%7 == 0 {
		m.roots = []string{"Media", "Archive"}
	}
	if i%11 == 0 {
		m.offer.MaxPerBinary = map[string]int{"ffprobe": 1}
	}
	m.steady = i%4 == 3
	switch {
	case i%30 == 7: // see onRack
		m.steady, m.calm, m.build, m.roots = true, true, hardware, []string{"Rack"}
		m.offer.MaxJobs, m.offer.Resources = 4, map[string]int{"nvenc": 2, "vram": 3}
		m.offer.Labels = map[string]string{"rack": fmt.Sprint(i / 60)}
	case i%18 == 4, i%18 == 6: // see inShed
		m.steady, m.seldom, m.roots = false, i%18 == 6, append(m.roots, "Shed")
		m.offer.Labels["shed"] = fmt.Sprint(i / 18)
	}
	if i%9 == 4 && !m.steady {
		m.age(i)
	}
	return m
}

// age makes the machine one of 0.4. What such a worker offers is what the coordinator's
// configuration says of it: half of them take any number of jobs.
func (m *machine) age(i int) {
	m.old, m.build = true, newer
	m.offer = dffmpeg.Offer{MaxJobs: m.offer.MaxJobs, MaxLightJobs: m.offer.MaxLightJobs, Labels: m.offer.Labels}
	if i%2 == 0 {
		m.offer.MaxJobs, m.offer.MaxLightJobs = 0, 0
		m.roots = []string{"Shed"} // or it would have all there is to do
	}
}

// reaches reports whether the machine can reach a coordinator now.
func (m *machine) reaches() bool { return time.Now().After(m.cutOff) }

// state is a coordinator that the machine reaches; any will do.
func (m *machine) state() store.State { return m.w.states[m.random.IntN(len(m.w.states))] }

// oneIn is true once in n times.
func (m *machine) oneIn(n int) bool { return m.random.IntN(n) == 0 }

// live is the machine's life until ctx is done.
func (m *machine) live(ctx context.Context) {
	m.register(ctx)
	beat := time.NewTicker(m.clock.lasts(heartbeat))
	registration := time.NewTicker(m.clock.lasts(15 * time.Second))
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
		case do := <-m.due:
			do()
		case <-fate.C:
			m.suffer(ctx)
			beat.Reset(m.clock.lasts(heartbeat))
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

// after lets the machine do something when a time has passed.
func (m *machine) after(ctx context.Context, pause time.Duration, do func()) {
	time.AfterFunc(pause, func() {
		select {
		case m.due <- do:
		case <-ctx.Done():
		}
	})
}

// register announces the machine, and answers its token at once if it is sent one.
func (m *machine) register(ctx context.Context) {
	if !m.reaches() {
		return
	}
	state := m.state()
	worker := m.announcement(ctx, state)
	request := dffmpeg.RegisterRequest{WorkerID: m.id, InstanceID: worker.InstanceID}
	for _, r := range m.running {
		request.Running = append(request.Running, r.ref)
	}
	stop, err := m.w.reconciler.Reconcile(ctx, request)
	for _, ref := range stop {
		m.stop(ref)
	}
	token := fmt.Sprint(m.id, m.random.Uint64())
	var registered store.Registered
	if err == nil {
		registered, err = state.Register(ctx, store.Registration{Token: token, Worker: worker, Hears: !m.old && !m.oneIn(10)})
	}
	if err == nil && len(registered.Messages) > 0 {
		_, err = state.Verify(ctx, m.id, token)
	}
	if err != nil && ctx.Err() == nil {
		m.w.Errorf("registration of %s: %v", m.id, err)
	}
}

// announcement is what the machine says of itself. What its ffmpeg can do it says when it
// was asked, which is in the answer to an announcement before.
func (m *machine) announcement(ctx context.Context, state store.State) dffmpeg.Worker {
	worker := dffmpeg.Worker{
		ID: m.id, Binaries: m.binaries, Paths: m.roots, Status: dffmpeg.WorkerOnline, Transport: "simulated", RegistrationInterval: 15, Offer: m.offer,
	}
	if m.old {
		m.w.checks.announced(m.id, nil)
		return worker
	}
	worker.Capabilities = []string{dffmpeg.FeatureAttempt, dffmpeg.FeatureLease}
	if !m.w.broken.forgets { // else nobody compares what runs with what should
		worker.InstanceID = fmt.Sprint(m.instance)
	}
	worker.Offer.Programs = map[string]dffmpeg.Program{"ffmpeg": {Version: m.build.name, Profile: m.build.profile.ID()}}
	m.w.checks.announced(m.id, m.build)
	if m.asked {
		_ = state.SaveProfile(ctx, m.build.profile) // else it is asked again
	}
	_, err := state.Profile(ctx, m.build.profile.ID())
	if m.asked = err != nil; m.asked {
		m.after(ctx, m.between(0, time.Second), func() { m.register(ctx) })
	}
	return worker
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
		if m.seen[message.ID] && m.oneIn(2) {
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
		m.take(ctx, &request)
	case dffmpeg.MessageJobStatus:
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](message)
		if err == nil && (change.Status == dffmpeg.JobCanceled || change.Status == dffmpeg.JobCanceling) {
			m.stop(m.ref(*message.JobID, change.Attempt))
		}
		_, _ = state.Acknowledge(ctx, message.To, []string{message.ID}) // else it comes again
	}
}

// ref names an attempt as the machine knows it: one of 0.4 knows no numbers.
func (m *machine) ref(jobID string, attempt int) dffmpeg.AttemptRef {
	if m.old {
		attempt = 0
	}
	return dffmpeg.AttemptRef{JobID: jobID, Attempt: attempt}
}

// setClock sets the machine's clock, by less than a lease lasts or by hours: set ahead by
// more than that, it ends what was lent to the machine for a time.
func (m *machine) setClock() {
	if m.calm || m.oneIn(2) {
		m.clock.step(m.random, lostAfter/2)
		return
	}
	m.clock.step(m.random, skew)
}

// suffer is what happens to machines. The clocks of all are set now and then.
func (m *machine) suffer(ctx context.Context) {
	if m.steady {
		m.setClock()
		return
	}
	happens := m.random.IntN(8)
	switch {
	case m.seldom:
		happens = 1
	case m.w.size.outages:
		happens = 7
	}
	switch happens {
	case 0: // dies, and is back soon or late
		m.die()
		m.later(ctx, m.between(time.Second, 10*time.Minute))
		m.instance++
		m.register(ctx)
	case 1: // leaves in good order: its jobs end with it
		m.die()
		m.leave(ctx)
		away := 2 * time.Minute
		if m.seldom {
			away = 20 * time.Minute
		}
		m.later(ctx, m.between(time.Second, away))
		m.instance++
		m.register(ctx)
	case 2: // flaps
		for range 5 {
			m.leave(ctx)
			m.register(ctx)
		}
	case 3:
		m.sleep(ctx, m.between(time.Second, 15*time.Minute))
	case 4:
		m.setClock()
	case 5: // its GPU breaks, or its ffmpeg is another one now
		others := slices.DeleteFunc(builds(), func(b *build) bool { return b == m.build })
		m.build = others[m.random.IntN(len(others))]
		m.register(ctx)
	default: // is cut off, and goes on; often a time server is what it does not reach
		m.cutOff = time.Now().Add(m.between(time.Second, 9*time.Minute))
		if m.oneIn(2) {
			m.setClock()
		}
	}
}

func (m *machine) leave(ctx context.Context) {
	if _, err := m.state().Deregister(ctx, m.id); err == nil && !m.w.broken.forgets {
		_ = m.w.reconciler.Left(ctx, m.id) // else the janitor does it
	}
}

// die ends all processes of the machine, unheard.
func (m *machine) die() {
	for _, r := range m.running {
		m.drop(r)
	}
	clear(m.running)
}

// sleep stops the machine and all its processes for a while, as a laptop that is closed.
func (m *machine) sleep(ctx context.Context, d time.Duration) {
	for _, r := range m.running {
		r.until = r.until.Add(d)
		m.halt(r)
	}
	m.later(ctx, d)
	m.clock.slept += d
}
