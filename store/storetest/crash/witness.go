package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
)

// witness knows what one writer has done to the engine, and what the engine must
// look like for it. It is for one goroutine.
type witness struct {
	script
	oracle store.State
	// done is how many steps the oracle has executed: what the engine was last
	// found to have, and those that it has confirmed since.
	done int
	// checked is how many steps were executed when the engine was last looked at.
	checked int
	// The last messages to the worker that were compared then.
	oracleCursor, engineCursor string
}

func newWitness(writer int) *witness {
	return &witness{script: script{writer}, oracle: memory.New(time.Now, dffmpeg.NewIDSource())}
}

// confirmed says that the engine has confirmed the next step.
func (w *witness) confirmed(ctx context.Context) error {
	if err := w.step(ctx, w.oracle, w.done); err != nil {
		return fmt.Errorf("the reference: %w", err)
	}
	w.done++
	return nil
}

// settle looks at the engine after a crash: it must have every step that was
// confirmed, or one more, which then counts as confirmed. It reports whether
// there was one more.
func (w *witness) settle(ctx context.Context, engine store.State) (more bool, err error) {
	// The step in doubt may begin a round, and so be about another job.
	jobs := w.jobs(w.checked, w.done+1)
	got, err := w.look(ctx, engine, w.engineCursor, jobs)
	if err != nil {
		return false, err
	}
	want, err := w.look(ctx, w.oracle, w.oracleCursor, jobs)
	if err != nil {
		return false, err
	}
	missing := cmp.Diff(want, got, options()...)
	if missing != "" {
		if err := w.confirmed(ctx); err != nil {
			return false, err
		}
		more = true
		if want, err = w.look(ctx, w.oracle, w.oracleCursor, jobs); err != nil {
			return false, err
		}
		if diff := cmp.Diff(want, got, options()...); diff != "" {
			return false, fmt.Errorf("writer %d: the store is neither as after the %d steps that were confirmed (-want +got):\n%s\nnor as after one more:\n%s",
				w.writer, w.done-1, missing, diff)
		}
	}
	if last := len(got.Mail) - 1; last >= 0 {
		w.engineCursor, w.oracleCursor = got.Mail[last].ID, want.Mail[last].ID
	}
	w.checked = w.done
	return more, nil
}

// settleAll looks at everything from the first step on.
func (w *witness) settleAll(ctx context.Context, engine store.State) error {
	w.checked, w.engineCursor, w.oracleCursor = 0, "", ""
	_, err := w.settle(ctx, engine)
	return err
}

// picture is what can be read of what a writer has touched.
type picture struct {
	Worker dffmpeg.Worker
	// Mail are the messages to the worker behind a cursor, Unsent and
	// Unacknowledged all of these.
	Mail, Unsent, Unacknowledged []dffmpeg.Message
	Jobs                         map[string]jobPicture
	Active                       int
	Load                         int
}

type jobPicture struct {
	Job          dffmpeg.Job
	Mail, Unsent []dffmpeg.Message
	Logs         []dffmpeg.LogEntry
}

// look returns a picture of a store.
func (w *witness) look(ctx context.Context, state store.State, cursor string, jobs []string) (picture, error) {
	p := picture{Jobs: make(map[string]jobPicture)}
	var err error
	if p.Worker, err = state.Worker(ctx, w.worker()); err != nil && dffmpeg.CodeOf(err) != dffmpeg.CodeNotFound {
		return picture{}, err
	}
	loads, err := state.Loads(ctx)
	if err != nil {
		return picture{}, err
	}
	p.Load = store.JobsByWorker(loads)[w.worker()]
	active, err := state.List(ctx, store.JobQuery{Requester: w.requester()})
	if err != nil {
		return picture{}, err
	}
	p.Active = len(active)
	to := dffmpeg.ToWorker(w.worker())
	if p.Mail, err = state.Mail(ctx, to, store.MailQuery{Select: store.MailAfter, After: cursor}); err != nil {
		return picture{}, err
	}
	if p.Unsent, err = state.Mail(ctx, to, store.MailQuery{Select: store.MailUnsent}); err != nil {
		return picture{}, err
	}
	if p.Unacknowledged, err = state.Mail(ctx, to, store.MailQuery{Select: store.MailUnacknowledged}); err != nil {
		return picture{}, err
	}
	for _, id := range jobs {
		one, err := w.lookAt(ctx, state, id)
		switch {
		case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		case err != nil:
			return picture{}, err
		default:
			p.Jobs[id] = one
		}
	}
	return p, nil
}

func (w *witness) lookAt(ctx context.Context, state store.State, id string) (jobPicture, error) {
	var (
		p   jobPicture
		err error
	)
	if p.Job, err = state.Job(ctx, id); err != nil {
		return p, err
	}
	if p.Mail, err = state.Mail(ctx, w.recipient(id), store.MailQuery{Select: store.MailAfter}); err != nil {
		return p, err
	}
	if p.Unsent, err = state.Mail(ctx, w.recipient(id), store.MailQuery{Select: store.MailUnsent}); err != nil {
		return p, err
	}
	page, err := state.Logs(ctx, id, store.LogQuery{})
	p.Logs = page.Entries
	return p, err
}

// options ignore what differs between two stores: IDs that they made, how they
// count versions, and times of their clocks.
func options() []cmp.Option {
	return []cmp.Option{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(dffmpeg.Message{}, "ID"),
		cmpopts.IgnoreFields(dffmpeg.LogEntry{}, "ID"),
		cmpopts.IgnoreFields(dffmpeg.Job{}, "Version"),
		cmpopts.IgnoreFields(dffmpeg.Worker{}, "Revision"),
		cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }),
		cmp.FilterPath(isPayload, cmp.Transformer("payload", payload)),
	}
}

// isPayload tells a payload from other bytes.
func isPayload(path cmp.Path) bool { return path.Last().Type() == reflect.TypeFor[json.RawMessage]() }

// payload returns a message's payload without what differs.
func payload(text json.RawMessage) map[string]any {
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return map[string]any{"malformed": string(text)}
	}
	delete(members, "last_update")
	logs, _ := members["logs"].([]any)
	for _, entry := range logs {
		if entry, ok := entry.(map[string]any); ok {
			delete(entry, "id")
		}
	}
	return members
}
