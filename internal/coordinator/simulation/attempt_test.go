//go:build !race

package simulation

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// run is an attempt that a machine has.
type run struct {
	ref     dffmpeg.AttemptRef
	number  int // of the attempt, also where the machine does not know it
	lease   time.Duration
	renewed moment
	began   bool
	until   time.Time // when its process ends
	over    bool      // it has ended by itself
	dead    bool      // nobody wants to know any more
	counted bool      // checks know that its process runs
}

const (
	// slow is for how long a report may be on its way.
	slow = 20 * time.Second
	// stray is for how long one may that was made twice, and the other one was answered.
	// Those of machines that stay do not take that long.
	stray = 2 * time.Minute
)

// report is what a machine tells of an attempt.
type report func(store.State, store.By) (store.Change, error)

// tell makes a report, until there is an answer. It may come late, come twice, or come
// again long after it was answered; and the answer may be lost, so that it is made again.
func (m *machine) tell(ctx context.Context, r *run, what report, heard func(store.Change, error)) {
	switch {
	case r.dead:
		return
	case !m.reaches():
		m.again(ctx, r, what, heard)
		return
	}
	by, state := store.By{WorkerID: m.id, Attempt: r.ref.Attempt}, m.state()
	answered := func(change store.Change, err error) {
		if !r.dead {
			heard(change, err)
		}
	}
	if m.oneIn(20) && !m.old { // whose reports nothing tells apart that are about different attempts
		other, most := m.state(), stray
		if m.steady {
			most = slow
		}
		time.AfterFunc(m.between(0, most), func() { _, _ = what(other, by) })
	}
	if m.oneIn(20) {
		time.AfterFunc(m.between(0, slow), func() {
			change, err := what(state, by)
			m.after(ctx, 0, func() { answered(change, err) })
		})
		return
	}
	change, err := what(state, by)
	if m.oneIn(50) {
		m.again(ctx, r, what, heard)
		return
	}
	answered(change, err)
}

func (m *machine) again(ctx context.Context, r *run, what report, heard func(store.Change, error)) {
	m.after(ctx, m.clock.lasts(time.Second), func() { m.tell(ctx, r, what, heard) })
}

// take accepts a job, unless the machine is out of sorts.
func (m *machine) take(ctx context.Context, request *dffmpeg.JobRequest) {
	if before := m.running[request.JobID]; before != nil {
		if m.old || before.number >= request.Attempt {
			return // heard twice
		}
		m.stop(before.ref)
	}
	r := &run{
		ref: m.ref(request.JobID, request.Attempt), number: request.Attempt, renewed: m.clock.now(),
		lease: max(0, time.Duration(request.LostAfter)*time.Second-heartbeat), // it takes a moment to stop
	}
	switch m.random.IntN(200) {
	case 0:
		m.tell(ctx, r, func(state store.State, by store.By) (store.Change, error) {
			return state.Reject(ctx, r.ref.JobID, by) // it may have been taken back
		}, func(store.Change, error) {})
		return
	case 1:
		return // never heard
	}
	m.running[r.ref.JobID] = r
	m.tell(ctx, r, func(state store.State, by store.By) (store.Change, error) {
		return state.Accept(ctx, r.ref.JobID, by)
	}, func(change store.Change, err error) {
		accepted := err == nil && (change.Outcome == store.Applied || change.Outcome == store.Repeated)
		if !accepted || r.lease > 0 && m.left(r) <= 0 { // it may be another's by the time that is heard
			m.stop(r.ref)
			return
		}
		m.begin(ctx, r)
	})
}

// begin starts the process.
func (m *machine) begin(ctx context.Context, r *run) {
	if r.began {
		return
	}
	r.began = true
	length, result := m.w.fate(m, r)
	r.until = time.Now().Add(length)
	m.count(r)
	m.after(ctx, length, func() { m.end(ctx, r, result) })
}

// end reports how the process ended, with its last words, unless it has not: it stood
// still while the machine slept.
func (m *machine) end(ctx context.Context, r *run, result store.Result) {
	if r.dead {
		return
	}
	if rest := time.Until(r.until); rest > 0 {
		m.after(ctx, rest, func() { m.end(ctx, r, result) })
		return
	}
	r.over = true
	m.halt(r)
	if m.oneIn(5) {
		now := m.clock.now().wall
		result.Batch, result.Output = 1, []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: "done", Timestamp: &now}}
	}
	m.tell(ctx, r, func(state store.State, by store.By) (store.Change, error) {
		return state.Finish(ctx, r.ref.JobID, by, result)
	}, func(_ store.Change, err error) {
		if err != nil && ctx.Err() == nil {
			m.w.Errorf("report of %v: %v", r.ref, err)
		}
		m.stop(r.ref)
	})
}

// stop ends an attempt that is no longer wanted.
func (m *machine) stop(ref dffmpeg.AttemptRef) {
	r := m.running[ref.JobID]
	if r == nil || ref.Attempt != 0 && r.ref != ref {
		return
	}
	m.drop(r)
	delete(m.running, ref.JobID)
}

func (m *machine) drop(r *run) {
	r.dead = true
	m.halt(r)
}

// count and halt tell when a process runs and when it does not.
func (m *machine) count(r *run) {
	if !r.counted {
		r.counted = true
		m.w.checks.began(m, r)
	}
}

func (m *machine) halt(r *run) {
	if r.counted {
		r.counted = false
		m.w.checks.stopped(m, r)
	}
}

// left returns how long the machine may go on with an attempt without being heard.
func (m *machine) left(r *run) time.Duration {
	passed := m.clock.since(r.renewed)
	if m.w.broken.trustsWallClock {
		passed = m.clock.now().wall.Sub(r.renewed.wall)
	}
	return r.lease - passed
}

// beat renews what the machine runs, and stops what was lent to it for a time that is
// over before it beats again. What slept with the machine may run from now on: it wakes a
// moment before the machine can tell what it still has.
func (m *machine) beat(ctx context.Context) {
	for _, r := range m.running {
		if !r.began || r.over {
			continue
		}
		left := m.left(r)
		if r.lease > 0 && (left <= 0 || !m.reaches() && left < heartbeat) && !m.w.broken.ignoresLeases {
			m.stop(r.ref)
			continue
		}
		m.count(r)
		if m.reaches() {
			m.renew(ctx, r)
		}
	}
}

func (m *machine) renew(ctx context.Context, r *run) {
	sent := m.clock.now()
	m.tell(ctx, r, func(state store.State, by store.By) (store.Change, error) {
		return state.Renew(ctx, r.ref.JobID, by)
	}, func(change store.Change, err error) {
		switch {
		case err != nil:
		case change.Outcome != store.Applied:
			m.stop(r.ref)
		case sent.steady > r.renewed.steady:
			r.renewed = sent
		}
	})
}
