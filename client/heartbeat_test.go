package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/transport"
)

// fake is a coordinator in virtual time: it delivers a script of messages and
// then nothing. Its fields are for one attachment.
type fake struct {
	client.Caller // for what these tests do not use

	script []dffmpeg.Message
	// beat answers the nth heartbeat, counted from 0.
	beat  func(n int) (ended bool, err error)
	beats []time.Time
	query url.Values                    // of the last heartbeat
	mail  map[string][]dffmpeg.Message  // by cursor; nil: it is not offered, as by 0.4
	pages map[string]dffmpeg.LogsAnswer // by cursor
	final dffmpeg.Job
	fail  error // of reading the record
}

func (f *fake) client() *client.Client {
	return client.New("c", f, f, slog.New(slog.DiscardHandler))
}

func (f *fake) job() dffmpeg.Job {
	return dffmpeg.Job{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", RequesterID: "c", HeartbeatInterval: 10, Transport: "fake"}
}

func (f *fake) Call(_ context.Context, method, path string, query url.Values, _, out any) error {
	base := "/jobs/" + f.job().ID
	switch method + " " + path {
	case "POST " + base + "/client_heartbeat":
		f.beats, f.query = append(f.beats, time.Now()), query
		ended, err := f.beat(len(f.beats) - 1)
		if ended {
			detail := dffmpeg.DetailAlreadyFinished
			out.(*dffmpeg.CommandAnswer).Detail = &detail
		}
		return err
	case "GET " + base + "/mail":
		for _, m := range f.mail[query.Get("after")] {
			answer := out.(*dffmpeg.MailAnswer)
			answer.Messages = append(answer.Messages, dffmpeg.NumberedMessage{Message: m})
		}
		if f.mail == nil {
			return dffmpeg.Errorf(dffmpeg.CodeNotFound, "no such endpoint")
		}
		return nil
	case "GET " + base + "/logs":
		*out.(*dffmpeg.LogsAnswer) = f.pages[query.Get("since_message_id")]
		return nil
	case "GET " + base + "/status":
		*out.(*dffmpeg.Job) = f.final
		return f.fail
	default:
		return errors.New("unexpected call: " + method + " " + path)
	}
}

func (f *fake) Names() []string { return []string{"fake"} }

func (f *fake) Connect(string, transport.Subscription, transport.Fetch) (transport.Client, error) {
	return f, nil
}

func (f *fake) Listen(ctx context.Context, handle func(context.Context, []dffmpeg.Message) error) error {
	for _, m := range f.script {
		if err := handle(ctx, []dffmpeg.Message{m}); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func message(id string, kind dffmpeg.MessageType, payload any) dffmpeg.Message {
	text, _ := json.Marshal(payload) // plain structs
	return dffmpeg.Message{ID: id, Type: kind, Payload: text}
}

// watch attaches for a minute of virtual time.
func (f *fake) watch(t *testing.T, monitor bool, w *witness) end {
	t.Helper()
	return f.watchFrom(t, client.Attachment{Job: f.job(), Monitor: monitor}, w)
}

// watchFrom does so as at says.
func (f *fake) watchFrom(t *testing.T, at client.Attachment, w *witness) end {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	final, err := f.client().Attach(ctx, at, w)
	return end{final, err}
}

func TestHeartbeatsKeepTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := &fake{beat: func(int) (bool, error) { return false, nil }}
		if got := f.watch(t, true, newWitness()); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("Attach() = %v, want %v", got.err, context.DeadlineExceeded)
		}
		// In a minute six of 10 s at most, as each is up to a tenth early.
		if len(f.beats) < 5 || len(f.beats) > 6 {
			t.Errorf("%d heartbeats in a minute, want 5 or 6", len(f.beats))
		}
		last := began
		for _, beat := range f.beats {
			if pause := beat.Sub(last); pause < 9*time.Second || pause > 10*time.Second {
				t.Errorf("a heartbeat after %s, want 9 to 10 s", pause)
			}
			last = beat
		}
		if got := f.query.Get("monitor"); got != "true" {
			t.Errorf("heartbeats say monitor=%q, want true", got)
		}
	})
}

func TestOnlyMonitorsSendHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{beat: func(int) (bool, error) { return false, nil }}
		if got := f.watch(t, false, newWitness()); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("Attach() = %v, want %v", got.err, context.DeadlineExceeded)
		}
		if len(f.beats) != 0 {
			t.Errorf("%d heartbeats of somebody who only watches", len(f.beats))
		}
	})
}

// A heartbeat that failed is repeated long before the job would be given up.
func TestFailedHeartbeatIsRepeatedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{beat: func(n int) (bool, error) {
			if n == 0 {
				return false, errors.New("restarting")
			}
			return false, nil
		}}
		f.watch(t, true, newWitness())
		if len(f.beats) < 3 {
			t.Fatalf("%d heartbeats, want more", len(f.beats))
		}
		if pause := f.beats[1].Sub(f.beats[0]); pause > time.Second {
			t.Errorf("repeated after %s, want a second at most", pause)
		}
		if pause := f.beats[2].Sub(f.beats[1]); pause < 9*time.Second {
			t.Errorf("after the success, a pause of %s, want the interval", pause)
		}
	})
}

// When heartbeats say that the job has ended but no message does, the record
// is read, and the output that was missed.
func TestLostFinalMessageIsMadeUpFor(t *testing.T) {
	cursor := func(id string) *string { return &id }
	synctest.Test(t, func(t *testing.T) {
		f := &fake{
			script: []dffmpeg.Message{message("A", dffmpeg.MessageJobLogs, dffmpeg.JobLogs{Logs: entries("one")})},
			beat:   func(int) (bool, error) { return true, nil },
			pages: map[string]dffmpeg.LogsAnswer{
				"A": {Logs: entries("two"), LastMessageID: cursor("B")},
				"B": {Logs: entries("three"), LastMessageID: cursor("C")},
				"C": {},
			},
			final: dffmpeg.Job{Status: dffmpeg.JobFailed, ExitCode: exit(9)},
		}
		w := newWitness()
		began := time.Now()
		got := f.watch(t, true, w)
		must(t, got.err)
		w.want(t, "line one", "line two", "line three", "status failed")
		w.nothingMore(t)
		if code := client.ExitCode(got.final); code != 9 {
			t.Errorf("exit code %d, want 9", code)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("took %s, want a heartbeat's interval and the grace at most", took)
		}
	})
}

// What was missed is all told, in order, if the messages can be fetched.
func TestMissedMessagesAreFetched(t *testing.T) {
	status := func(id string, status dffmpeg.JobStatus) dffmpeg.Message {
		return message(id, dffmpeg.MessageJobStatus, dffmpeg.JobStatusChange{Status: status})
	}
	synctest.Test(t, func(t *testing.T) {
		assigned, running := status("A", dffmpeg.JobAssigned), status("B", dffmpeg.JobRunning)
		f := &fake{
			script: []dffmpeg.Message{assigned, running},
			beat:   func(int) (bool, error) { return true, nil },
			mail: map[string][]dffmpeg.Message{
				"B": {message("C", dffmpeg.MessageJobLogs, dffmpeg.JobLogs{Logs: entries("one")}), status("D", dffmpeg.JobCanceling)},
				"D": {running, status("E", dffmpeg.JobCanceled)}, // a repetition is none
			},
		}
		w := newWitness()
		got := f.watch(t, true, w)
		must(t, got.err)
		w.want(t, "status assigned", "status running", "line one", "status canceling", "status canceled")
		w.nothingMore(t)
		if got.final.Status != dffmpeg.JobCanceled {
			t.Errorf("final status %s", got.final.Status)
		}
	})
}

// What was known when the attachment began is not output again.
func TestMakingUpBeginsAtTheCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cursor := "B"
		f := &fake{
			beat:  func(int) (bool, error) { return true, nil },
			pages: map[string]dffmpeg.LogsAnswer{"": {Logs: entries("one"), LastMessageID: &cursor}, "A": {Logs: entries("two"), LastMessageID: &cursor}},
			final: dffmpeg.Job{Status: dffmpeg.JobCompleted},
		}
		w := newWitness()
		must(t, f.watchFrom(t, client.Attachment{Job: f.job(), Monitor: true, After: "A"}, w).err)
		w.want(t, "line two", "status completed")
		w.nothingMore(t)
	})
}

func TestMakingUpReportsItsErrors(t *testing.T) {
	failure := errors.New("the database is down")
	synctest.Test(t, func(t *testing.T) {
		f := &fake{beat: func(int) (bool, error) { return true, nil }, fail: failure}
		if got := f.watch(t, true, newWitness()); !errors.Is(got.err, failure) {
			t.Errorf("Attach() = %v, want %v", got.err, failure)
		}
		f = &fake{
			beat:  func(int) (bool, error) { return true, nil },
			pages: map[string]dffmpeg.LogsAnswer{"": {Logs: entries("one"), LastMessageID: new(string)}},
		}
		*f.pages[""].LastMessageID = "A"
		w := newWitness()
		w.fail = failure
		if got := f.watch(t, true, w); !errors.Is(got.err, failure) || !strings.HasPrefix(<-w.told, "line one") {
			t.Errorf("Attach() = %v, want Output's error", got.err)
		}
	})
}
