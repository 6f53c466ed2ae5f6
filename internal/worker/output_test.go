package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

func entry(content string) dffmpeg.LogEntry {
	return dffmpeg.LogEntry{Stream: dffmpeg.Stderr, Content: content}
}

func put(t *testing.T, q *outputQueue, contents ...string) {
	t.Helper()
	for _, c := range contents {
		if err := q.put(t.Context(), entry(c)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBatchesWaitForMoreButNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newOutputQueue()
		put(t, q, "a", "b", "c")
		next := func(wantLines int, wantAfter time.Duration) {
			t.Helper()
			began := time.Now()
			batch, _, err := q.next(t.Context(), 2, 250*time.Millisecond)
			if err != nil || len(batch) != wantLines || time.Since(began) != wantAfter {
				t.Errorf("%d lines after %s (%v), want %d after %s", len(batch), time.Since(began), err, wantLines, wantAfter)
			}
		}
		next(2, 0)                    // full
		next(1, 250*time.Millisecond) // not full
		put(t, q, "d")
		q.close()
		next(1, 0) // nothing more will come
		next(0, 0)
	})
}

func TestFullQueueHoldsTheProcessBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newOutputQueue()
		long := strings.Repeat("x", maxBatchBytes/2)
		for range 2 * maxQueuedBytes / maxBatchBytes {
			put(t, q, long)
		}
		ctx, cancel := context.WithCancel(t.Context())
		blocked := make(chan error)
		go func() { blocked <- q.put(ctx, entry("one too many")) }()
		synctest.Wait()
		select {
		case err := <-blocked:
			t.Fatalf("put returned %v although the queue is full", err)
		default:
		}
		batch, _, err := q.next(t.Context(), 1000, 0)
		if err != nil || len(batch) == 0 || len(batch) > 2 {
			t.Errorf("a batch of %d lines (%v), want at most %d bytes", len(batch), err, maxBatchBytes)
		}
		if err := <-blocked; err != nil {
			t.Errorf("put = %v once there was room", err)
		}
		for q.bytes < maxQueuedBytes {
			put(t, q, long)
		}
		go func() { blocked <- q.put(ctx, entry("never")) }()
		synctest.Wait()
		cancel()
		if err := <-blocked; !errors.Is(err, context.Canceled) {
			t.Errorf("put = %v, want context.Canceled", err)
		}
	})
}

func TestRetryGoesOnWhileItMayHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := reportBackoff().retry(t.Context(), func(context.Context) error {
			if tries++; tries < 5 {
				return dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away")
			}
			return nil
		})
		if err != nil || tries != 5 {
			t.Errorf("%v after %d tries, want success after 5", err, tries)
		}
		tries = 0
		err = reportBackoff().retry(t.Context(), func(context.Context) error {
			tries++
			return dffmpeg.Errorf(dffmpeg.CodeForbidden, "not yours")
		})
		if dffmpeg.CodeOf(err) != dffmpeg.CodeForbidden || tries != 1 {
			t.Errorf("%v after %d tries, want the refusal at once", err, tries)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = reportBackoff().retry(ctx, func(context.Context) error { return errors.New("broken") })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the context", err)
		}
	})
}

func TestReports(t *testing.T) {
	code := func(n int) *int { return &n }
	tests := []struct {
		name   string
		stop   stopReason
		end    outcome
		status dffmpeg.JobStatus
		code   *int
		wanted bool
	}{
		{"well", notStopped, outcome{started: true}, dffmpeg.JobCompleted, code(0), true},
		{"failed", notStopped, outcome{started: true, exitCode: 187}, dffmpeg.JobFailed, code(187), true},
		{"not started", notStopped, outcome{problem: "no such binary"}, dffmpeg.JobFailed, nil, true},
		{"canceled", stopAsked, outcome{started: true, exitCode: 255}, dffmpeg.JobCanceled, code(255), true},
		{"shutdown", stopShutdown, outcome{started: true, exitCode: 255}, dffmpeg.JobFailed, code(255), true},
		{"orphan", stopOrphaned, outcome{started: true}, "", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAttempt(dffmpeg.JobRequest{JobID: "j", Attempt: 1})
			if tt.stop != notStopped {
				a.stop(tt.stop)
			}
			got, wanted := a.report(tt.end)
			if wanted != tt.wanted {
				t.Fatalf("reported: %v, want %v", wanted, tt.wanted)
			}
			if !wanted {
				return
			}
			same := got.ExitCode == nil && tt.code == nil || got.ExitCode != nil && tt.code != nil && *got.ExitCode == *tt.code
			if got.Status != tt.status || !same {
				t.Errorf("report is %+v, want %s with code %v", got, tt.status, tt.code)
			}
		})
	}
}
