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
					r.heartbeats(ctx, a, newLease(&a.request, r.settings.StopGrace, time.Now()), r.logger)
				}()
				time.Sleep(10 * time.Minute)
				if a.stopReason() != notStopped || f.beats.Load() < 100 {
					t.Fatalf("stopped for %d after %d heartbeats", a.stopReason(), f.beats.Load())
				}
				tt.fail(f)
				time.Sleep(280 * time.Second) // the last heartbeat was 5.5 s ago at most
				if a.stopReason() != notStopped {
					t.Error("stopped too early")
				}
				time.Sleep(20 * time.Second)
				if stopped := a.stopReason() == stopOrphaned; stopped != tt.stopped {
					t.Errorf("stopped: %v, want %v", stopped, tt.stopped)
				}
				cancel()
				<-done
			})
		})
	}
}

// slow is a coordinator that takes some accepts, whose answers get lost or come late, and is
// away after that.
type slow struct {
	caller
	lost    int           // answers
	answers time.Duration // how long the one takes that comes
	took    time.Time     // when the last accept came
}

func (s *slow) Call(ctx context.Context, _, path string, _ url.Values, _, _ any) error {
	if !strings.HasSuffix(path, "/accept") {
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away")
	}
	s.took = time.Now()
	if s.lost > 0 {
		s.lost--
		time.Sleep(time.Minute)
		return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "lost")
	}
	time.Sleep(s.answers)
	return nil
}

// endless runs until it is stopped, and says when.
type endless struct {
	speaker
	stopped chan struct{}
	at      *time.Time
}

func (e *endless) Launch(context.Context, dffmpeg.JobRequest, Streams) (Process, error) {
	return e, nil
}

func (e *endless) Wait() int { <-e.stopped; return 1 }

func (e *endless) Stop(time.Duration) { *e.at = time.Now(); close(e.stopped) }

// TestLeaseBegins: a lease counts from when the accept was sent that the coordinator
// answered, and not from when the answer came.
func TestLeaseBegins(t *testing.T) {
	for name, s := range map[string]*slow{
		"at once":                  {},
		"the answer takes long":    {answers: 20 * time.Second},
		"several answers got lost": {lost: 3, answers: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var stopped time.Time
				r := &runner{
					coordinator: &coordinator{caller: s}, launcher: &endless{stopped: make(chan struct{}), at: &stopped},
					settings: Settings{StopGrace: 5 * time.Second, LogBatchSize: 1}, logger: slog.New(slog.DiscardHandler),
				}
				r.run(t.Context(), newAttempt(dffmpeg.JobRequest{JobID: "j", Attempt: 1, HeartbeatInterval: 5, LostAfter: 300}))
				if ran := stopped.Sub(s.took); ran != 290*time.Second {
					t.Errorf("stopped %s after the accept was sent, want 4m50s", ran)
				}
			})
		})
	}
}

// TestClockSetAhead: a lease that is over by a clock that was set is no reason not to ask a
// coordinator that can be reached.
func TestClockSetAhead(t *testing.T) {
	l := &lease{length: 5 * time.Minute, renewed: time.Now().Round(0).Add(-time.Hour)}
	_, err := l.renew(t.Context(), func(ctx context.Context) (bool, error) { return false, ctx.Err() })
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the coordinator was not asked")
	}
}
