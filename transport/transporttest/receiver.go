package transporttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// patience bounds every wait of the suite; nothing that works comes near it.
const patience = 30 * time.Second

// Receiver is a peer that listens and keeps what it hears.
type Receiver struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Listen, once ended
	ready  ready
	// stopped says that it ended by itself, as it should.
	stopped bool

	mu      sync.Mutex
	heard   []dffmpeg.Message
	changed chan struct{} // closed and replaced at each batch
}

// Listen starts a receiver; it stops when the test ends. before, unless nil, is
// called with each batch before it counts as heard.
func Listen(tb testing.TB, client transport.Client, before func(ctx context.Context, messages []dffmpeg.Message) error) *Receiver {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Receiver{cancel: cancel, ended: make(chan struct{}), changed: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = client.Listen(ctx, func(ctx context.Context, messages []dffmpeg.Message) error {
			if len(messages) == 0 {
				tb.Error("a batch is empty")
			}
			if before != nil {
				if err := before(ctx, messages); err != nil {
					return err
				}
			}
			r.keep(messages)
			return nil
		})
	}()
	tb.Cleanup(func() { r.Stop(tb) })
	return r
}

func (r *Receiver) keep(messages []dffmpeg.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, messages...)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Stop ends the receiver and checks that Listen returns for that reason.
func (r *Receiver) Stop(tb testing.TB) {
	tb.Helper()
	r.cancel()
	if r.stopped {
		return
	}
	if err := r.Ended(tb); !errors.Is(err, context.Canceled) {
		tb.Errorf("Listen returned %v, want that it was canceled", err)
	}
}

// Ended waits until Listen returns, and returns its error.
func (r *Receiver) Ended(tb testing.TB) error {
	tb.Helper()
	select {
	case <-r.ended:
		return r.err
	case <-time.After(patience):
		tb.Fatal("Listen does not return")
		return nil
	}
}

// Heard returns every message so far, repetitions too.
func (r *Receiver) Heard() []dffmpeg.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]dffmpeg.Message(nil), r.heard...)
}

// Await waits for messages, in order, each at least once. Repetitions, which
// reconnections may bring, are allowed only of what was heard before.
func (r *Receiver) Await(tb testing.TB, want []dffmpeg.Message) {
	tb.Helper()
	timeout := time.After(patience)
	for {
		r.mu.Lock()
		heard, changed := distinct(r.heard), r.changed
		r.mu.Unlock()
		if len(heard) >= len(want) {
			compare(tb, heard, want)
			return
		}
		select {
		case <-changed:
		case <-r.ended:
			tb.Fatalf("Listen returned %v after %d of %d messages", r.err, len(heard), len(want))
		case <-timeout:
			tb.Fatalf("heard %d of %d messages", len(heard), len(want))
		}
	}
}

func distinct(messages []dffmpeg.Message) []dffmpeg.Message {
	seen := transport.NewDeduper()
	var once []dffmpeg.Message
	for _, m := range messages {
		if !seen.Seen(m.ID) {
			once = append(once, m)
		}
	}
	return once
}

// sameJSON compares what payloads say; escapes may differ.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func compare(tb testing.TB, heard, want []dffmpeg.Message) {
	tb.Helper()
	if len(heard) != len(want) {
		tb.Fatalf("heard %d messages, want %d", len(heard), len(want))
	}
	for i := range want {
		h, w := &heard[i], &want[i]
		if h.ID != w.ID {
			tb.Fatalf("message %d is %s, want %s", i, h.ID, w.ID)
		}
		if !sameJSON(h.Payload, w.Payload) || h.Type != w.Type || h.RecipientID != w.RecipientID || !h.Timestamp.Equal(w.Timestamp) {
			tb.Fatalf("message %d arrived changed: %.200s, want %.200s", i, h.Payload, w.Payload)
		}
		if (h.JobID == nil) != (w.JobID == nil) || (h.JobID != nil && *h.JobID != *w.JobID) {
			tb.Fatalf("message %d arrived with another job_id", i)
		}
	}
}
