package worker

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// faraway is a coordinator that hears heartbeats only while it is told to.
type faraway struct {
	caller
	away  atomic.Bool
	hangs atomic.Bool
	beats atomic.Int64
}

func (f *faraway) Call(ctx context.Context, _, path string, _ url.Values, _, _ any) error {
	switch {
	case !strings.HasSuffix(path, "worker_heartbeat"):
		return nil
	case f.hangs.Load():
		<-ctx.Done()
		return ctx.Err()
	case f.away.Load():
		return errors.New("no route to host")
	}
	f.beats.Add(1)
	return nil
}

// TestLease: an attempt that was lent for a time is stopped before others may have it,
// however the coordinator is away, and not while it is heard of; any other goes on.
func TestLease(t *testing.T) {
	for name, tt := range map[string]struct {
		lostAfter int
		fail      func(*faraway)
		stopped   bool
	}{
		"refused":        {300, func(f *faraway) { f.away.Store(true) }, true},
		"hanging":        {300, func(f *faraway) { f.hangs.Store(true) }, true},
		"there":          {300, func(*faraway) {}, false},
		"not for a time": {0, func(f *faraway) { f.away.Store(true) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &faraway{}
				r := &runner{
					coordinator: &coordinator{caller: f}, settings: Settings{StopGrace: 5 * time.Second}, logger: slog.New(slog.DiscardHandler),
				}
				a := newAttempt(dffmpeg.JobRequest{JobID: "j", Attempt: 1, HeartbeatInterval: 5, LostAfter: tt.lostAfter})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					r.heartbeats(ctx, a, r.logger)
				}()
				time.Sleep(10 * time.Minute)
				if a.stopReason() != notStopped || f.beats.Load() < 100 {
					t.Fatalf("stopped for %d after %d heartbeats", a.stopReason(), f.beats.Load())
				}
				tt.fail(f)
				time.Sleep(285 * time.Second) // the last heartbeat was 5.5 s ago at most
				if a.stopReason() != notStopped {
					t.Error("stopped too early")
				}
				time.Sleep(15 * time.Second)
				if stopped := a.stopReason() == stopOrphaned; stopped != tt.stopped {
					t.Errorf("stopped: %v, want %v", stopped, tt.stopped)
				}
				cancel()
				<-done
			})
		})
	}
}
