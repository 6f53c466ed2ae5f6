package proxy

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
)

// TestFallbackOnlyWhereNothingRuns: beside what was never accepted, a job that ended
// without an attempt, or was withdrawn; and never where the coordinator's word does
// not say that.
func TestFallbackOnlyWhereNothingRuns(t *testing.T) {
	ours := []string{dffmpeg.FeatureStdio}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	unreachable := func(cause error) error {
		return errors.Join(dffmpeg.Errorf(dffmpeg.CodeUnavailable, "coordinator unreachable"), cause)
	}
	failed := func(attempt int) []dffmpeg.Message {
		return []dffmpeg.Message{status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobFailed, Attempt: attempt, Reason: "no worker is online"})}
	}
	for name, tt := range map[string]struct {
		coordinator *coordinator
		why         string // "": it does not fall back
	}{
		"nothing was sent":                         {&coordinator{fail: unreachable(refused)}, "connection refused"},
		"the answer was lost":                      {&coordinator{fail: unreachable(reset)}, ""},
		"refused":                                  {&coordinator{fail: dffmpeg.Errorf(dffmpeg.CodeForbidden, "no")}, ""},
		"the coordinator gave up waiting first":    {&coordinator{features: ours, script: failed(0)}, "no worker is online"},
		"an attempt failed":                        {&coordinator{features: ours, script: failed(1)}, ""},
		"one of 0.4, which tells no attempts":      {&coordinator{script: failed(0)}, ""},
		"withdrawn":                                {&coordinator{features: ours}, "no worker took the job within 10s"},
		"one of 0.4, which would cancel what runs": {&coordinator{script: []dffmpeg.Message{status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobCompleted})}}, ""},
		"a job that ended well before it was late": {&coordinator{features: ours, script: []dffmpeg.Message{status("A", dffmpeg.JobStatusChange{Status: dffmpeg.JobCompleted, Attempt: 1})}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := tt.coordinator
				c.canceled = make(chan struct{})
				why := ""
				p := New(client.New("c", c, c, slog.New(slog.DiscardHandler)), noPaths{}, 7)
				p.Run(t.Context(), Invocation{
					Binary: "ffmpeg", Stdout: io.Discard, Stderr: io.Discard,
					Fallback: &Fallback{After: 10 * time.Second, Run: func(because string) int { why = because; return 0 }},
				})
				if (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
					t.Errorf("it fell back because of %q, want %q", why, tt.why)
				}
			})
		})
	}
}

// TestOldCoordinatorIsNotAskedToWithdraw: it would take that for a cancellation.
func TestOldCoordinatorIsNotAskedToWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &coordinator{canceled: make(chan struct{})}
		p := New(client.New("c", c, c, slog.New(slog.DiscardHandler)), noPaths{}, 7)
		go func() {
			time.Sleep(time.Minute)
			select {
			case <-c.canceled:
				t.Error("it was")
			default:
				close(c.canceled) // the end of the test
			}
		}()
		p.Run(t.Context(), Invocation{
			Binary: "ffmpeg", Stdout: io.Discard, Stderr: io.Discard,
			Fallback: &Fallback{After: 10 * time.Second, Run: func(string) int { t.Error("it fell back"); return 0 }},
		})
	})
}
