package storetest

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// RunModel does random sequences of operations with an engine and with package
// memory, and fails where they differ. Rapid's flags (-rapid.checks) say how
// many; each opens a store.
func RunModel(t *testing.T, open Open, features Features) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &clock{now: time.Date(2026, 11, 22, 23, 59, 58, 123456789, time.UTC)}
		engine := open(t, Options{Now: c.Now, IDs: dffmpeg.NewIDSource()})
		defer engine.Close() //nolint:errcheck // tested elsewhere
		m := &model{
			ctx: t.Context(), clock: c, features: features, engine: engine,
			oracle: memory.New(c.Now, dffmpeg.NewIDSource()), ids: ascendingIDs(),
			seen: make(map[string]both[dffmpeg.Job]), known: make(map[string]both[dffmpeg.Worker]),
		}
		m.register(rt, b1)
		m.verify(rt, b1)
		m.submit(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"change a job":       m.change,
			"change a job again": m.change, // the most frequent
			"report":             m.report,
			"report again":       m.report,
			"submit":             m.submit,
			"change a worker":    m.changeWorker,
			"handle mail":        m.handleMail,
			"let time pass":      func(rt *rapid.T) { c.advance(rapid.SampledFrom(pauses()).Draw(rt, "pause")) },
			"":                   m.compareJobs,
		})
		m.compareAll(rt)
	})
}

// pauses are about as long as what the contract counts.
func pauses() []time.Duration {
	return []time.Duration{time.Microsecond, delay, time.Minute, 5 * time.Minute}
}

// both is what the engine and the oracle returned for the same call.
type both[T any] struct{ engine, oracle T }

// model is an engine and the oracle it is compared with.
type model struct {
	ctx            context.Context
	clock          *clock
	features       Features
	engine, oracle store.State
	ids            dffmpeg.IDSource
	jobs           []string
	seen           map[string]both[dffmpeg.Job]    // records, maybe outdated
	known          map[string]both[dffmpeg.Worker] // records, maybe outdated
}

// compare does the same with both stores, and fails unless they agree.
func compare[T any](m *model, rt *rapid.T, what string, do func(state store.State, engine bool) (T, error)) both[T] {
	got, gotErr := do(m.engine, true)
	want, wantErr := do(m.oracle, false)
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && dffmpeg.CodeOf(gotErr) != dffmpeg.CodeOf(wantErr) {
		rt.Fatalf("%s: error is %v, want %v", what, gotErr, wantErr)
	}
	if diff := cmp.Diff(want, got, m.options()...); diff != "" {
		rt.Fatalf("%s (-want +got):\n%s", what, diff)
	}
	return both[T]{got, want}
}

// options ignore what may differ: the IDs that a store makes, how it counts
// versions, and times of a clock of its own.
func (m *model) options() []cmp.Option {
	options := []cmp.Option{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(dffmpeg.Message{}, "ID"),
		cmpopts.IgnoreFields(dffmpeg.LogEntry{}, "ID"),
		cmpopts.IgnoreFields(store.LogPage{}, "LastMessageID"),
		cmpopts.IgnoreFields(dffmpeg.Job{}, "Version"),
		cmpopts.IgnoreFields(dffmpeg.Worker{}, "Revision"),
		cmp.FilterPath(isPayload, cmp.Transformer("payload", m.decoded)),
	}
	if !m.features.InjectedClock {
		options = append(options, cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }))
	}
	return options
}

// isPayload tells a payload from other bytes.
func isPayload(path cmp.Path) bool { return path.Last().Type() == reflect.TypeFor[json.RawMessage]() }

// decoded returns a payload without what may differ.
func (m *model) decoded(payload json.RawMessage) map[string]any {
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		return map[string]any{"malformed": string(payload)}
	}
	if !m.features.InjectedClock {
		delete(members, "last_update")
	}
	entries, _ := members["logs"].([]any)
	for _, entry := range entries {
		if entry, ok := entry.(map[string]any); ok {
			delete(entry, "id")
			if !m.features.InjectedClock {
				delete(entry, "timestamp")
			}
		}
	}
	return members
}

// compareJobs compares what every step may change.
func (m *model) compareJobs(rt *rapid.T) {
	for _, id := range m.jobs {
		compare(m, rt, "Job "+id, func(s store.State, _ bool) (dffmpeg.Job, error) { return s.Job(m.ctx, id) })
	}
}
