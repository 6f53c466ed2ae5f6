package transition_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/transition"
)

const jobID = "01J00000000000000000000001"

var now = time.Date(2026, 11, 22, 22, 26, 6, 343373000, time.UTC)

// record returns the record of a job whose second attempt is b1's.
func record(status dffmpeg.JobStatus) transition.Record {
	worker, before := "b1", now.Add(-time.Minute)
	return transition.Record{LogBatch: 4, Job: dffmpeg.Job{
		ID: jobID, RequesterID: "alice", BinaryName: "ffmpeg", Arguments: []string{"-i"}, Paths: []string{"Media"},
		Status: status, WorkerID: &worker, Attempt: 2, Version: 7, LastUpdate: before, CreatedAt: before,
	}}
}

type operation func(r transition.Record) (transition.Decision, error)

// operations are all of the package, by everybody who may call them.
func operations() map[string]operation {
	worker := dffmpeg.Worker{ID: "b2", Status: dffmpeg.WorkerOnline, Binaries: []string{""}}
	all := map[string]operation{
		"Claim": func(r transition.Record) (transition.Decision, error) {
			return transition.Claim(r, r.Job, &worker, &dffmpeg.JobLoad{}, now), nil
		},
		"Attend": func(r transition.Record) (transition.Decision, error) { return transition.Attend(r, nil, now), nil },
		"Cancel": func(r transition.Record) (transition.Decision, error) {
			return transition.Cancel(r, "alice", "x", now), nil
		},
		"Lose": func(r transition.Record) (transition.Decision, error) {
			return transition.Lose(r, r.Job, "x", true, now)
		},
		"Requeue": func(r transition.Record) (transition.Decision, error) {
			return transition.Requeue(r, r.Job, "x", true, now)
		},
	}
	for _, by := range []store.By{{WorkerID: "b1"}, {WorkerID: "b1", Attempt: 2}, {WorkerID: "b1", Attempt: 1}, {WorkerID: "b3"}} {
		who := fmt.Sprintf(" by %s/%d", by.WorkerID, by.Attempt)
		all["Accept"+who] = func(r transition.Record) (transition.Decision, error) { return transition.Accept(r, by, now), nil }
		all["Reject"+who] = func(r transition.Record) (transition.Decision, error) { return transition.Reject(r, by, now), nil }
		all["Renew"+who] = func(r transition.Record) (transition.Decision, error) { return transition.Renew(r, by, now), nil }
		all["AppendLogs"+who] = func(r transition.Record) (transition.Decision, error) {
			entries := []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "x"}}
			return transition.AppendLogs(r, by, 5, entries, now)
		}
		for _, status := range dffmpeg.JobStatuses() {
			all["Finish as "+string(status)+who] = func(r transition.Record) (transition.Decision, error) {
				return transition.Finish(r, by, store.Result{Status: status}, now)
			}
		}
	}
	for _, status := range dffmpeg.JobStatuses() {
		all["Conclude as "+string(status)] = func(r transition.Record) (transition.Decision, error) {
			return transition.Conclude(r, r.Job, status, "x", now)
		}
	}
	return all
}

// TestDecisions checks what holds for every operation at every status. What
// each one does is told by the table of package storetest.
func TestDecisions(t *testing.T) {
	for name, decide := range operations() {
		for _, status := range dffmpeg.JobStatuses() {
			t.Run(name+" while "+string(status), func(t *testing.T) {
				given, before := record(status), record(status)
				d, err := decide(given)
				if diff := cmp.Diff(before, given); diff != "" {
					t.Errorf("the record given was changed:\n%s", diff)
				}
				if err != nil {
					if got := dffmpeg.CodeOf(err); got != dffmpeg.CodeInvalid {
						t.Errorf("code of error %q is %s, want invalid", err, got)
					}
					return
				}
				checkDecision(t, before, d)
			})
		}
	}
}

func checkDecision(t *testing.T, before transition.Record, d transition.Decision) {
	t.Helper()
	after := d.Record
	if d.Outcome != store.Applied && (d.Changed || len(d.Settle) > 0) {
		t.Errorf("%s, but something changes: %+v", d.Outcome, d)
	}
	if diff := cmp.Diff(before, after); !d.Changed && diff != "" {
		t.Errorf("not Changed, but the record differs:\n%s", diff)
	}
	if after.Status != before.Status {
		if !before.Status.CanBecome(after.Status) {
			t.Errorf("%s became %s, which the table forbids", before.Status, after.Status)
		}
		if !after.LastUpdate.Equal(now) || after.Version != before.Version+1 {
			t.Errorf("a change of status sets LastUpdate and raises Version, got %s, %d", after.LastUpdate, after.Version)
		}
	}
	for _, m := range d.Messages {
		if m.To.ID != m.RecipientID || *m.JobID != jobID || !m.Timestamp.Equal(now) || !json.Valid(m.Payload) || m.ID != "" || m.Seq != 0 {
			t.Errorf("message is not complete but for ID and Seq: %+v", m)
		}
	}
	for _, settlement := range d.Settle {
		if settlement.To.Kind != dffmpeg.RecipientWorker || settlement.JobID != jobID {
			t.Errorf("a settlement is about the worker's messages about this job, got %+v", settlement)
		}
	}
}

// TestStopNamesAttempt: a worker is told to stop the attempt that it asked
// about, not the one that another has by now.
func TestStopNamesAttempt(t *testing.T) {
	for _, c := range []struct {
		by   store.By
		want int
	}{
		{store.By{WorkerID: "b1", Attempt: 1}, 1},
		{store.By{WorkerID: "b1"}, 2},
		{store.By{WorkerID: "b1", Attempt: 2}, 2},
		{store.By{WorkerID: "b3"}, 0},
		{store.By{WorkerID: "b3", Attempt: 2}, 2},
	} {
		d := transition.Renew(record(dffmpeg.JobPending), c.by, now)
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&d.Messages[0])
		if err != nil {
			t.Fatal(err)
		}
		if change.Attempt != c.want || change.Status != dffmpeg.JobCanceled {
			t.Errorf("%+v is told %s of attempt %d, want canceled of %d", c.by, change.Status, change.Attempt, c.want)
		}
	}
}

func TestAppendLogsCompletesCopies(t *testing.T) {
	entries := []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "x"}}
	d, err := transition.AppendLogs(record(dffmpeg.JobRunning), store.By{WorkerID: "b1"}, 5, entries, now)
	if err != nil {
		t.Fatal(err)
	}
	if entries[0].ID != "" || entries[0].Timestamp != nil {
		t.Errorf("the caller's entry was changed: %+v", entries[0])
	}
	logs, err := dffmpeg.DecodePayload[dffmpeg.JobLogs](&d.Messages[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []dffmpeg.LogEntry{{ID: logs.Logs[0].ID, Stream: dffmpeg.Stdout, Content: "x", Timestamp: &now}}
	if diff := cmp.Diff(want, logs.Logs); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if d.Record.LogBatch != 5 || d.Record.Version != 7 || !d.Changed {
		t.Errorf("the batch is remembered, Version stays; got batch %d, Version %d", d.Record.LogBatch, d.Record.Version)
	}
}

func TestCounter(t *testing.T) {
	var c transition.Counter
	var got []dffmpeg.Message
	for _, candidate := range []string{jobID, jobID, "01J00000000000000000000009", "01000000000000000000000000"} {
		var m dffmpeg.Message
		var err error
		if m, c, err = c.Next(dffmpeg.Message{}, candidate); err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	want := []dffmpeg.Message{
		{Seq: 1, ID: jobID},
		{Seq: 2, ID: "01J00000000000000000000002"},
		{Seq: 3, ID: "01J00000000000000000000009"},
		{Seq: 4, ID: "01J0000000000000000000000A"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers and IDs ascend (-want +got):\n%s", diff)
	}
	last := transition.Counter{Seq: 9, ID: "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}
	if _, after, err := last.Next(dffmpeg.Message{}, jobID); err == nil || after != last {
		t.Errorf("after the greatest ID: counter %+v, error %v; want the same counter and an error", after, err)
	}
}

func TestSettlementMatches(t *testing.T) {
	id, other := jobID, "01J00000000000000000000002"
	m := dffmpeg.Message{To: dffmpeg.ToWorker("b1"), JobID: &id, Type: dffmpeg.MessageJobRequest}
	sent := m
	sent.SentAt = &now
	token := dffmpeg.Message{To: dffmpeg.ToWorker("b1"), Type: dffmpeg.MessageVerifyRegistration}
	to := dffmpeg.ToWorker("b1")
	for _, c := range []struct {
		name       string
		settlement transition.Settlement
		message    dffmpeg.Message
		want       bool
	}{
		{"all", transition.Settlement{To: to}, m, true},
		{"another's", transition.Settlement{To: dffmpeg.ToWorker("b2")}, m, false},
		{"of the job", transition.Settlement{To: to, JobID: id}, m, true},
		{"of another job", transition.Settlement{To: to, JobID: other}, m, false},
		{"of a job, message of none", transition.Settlement{To: to, JobID: id}, token, false},
		{"of the type", transition.Settlement{To: to, Type: dffmpeg.MessageJobRequest}, m, true},
		{"of another type", transition.Settlement{To: to, Type: dffmpeg.MessageJobStatus}, m, false},
		{"unsent", transition.Settlement{To: to, Unsent: true}, m, true},
		{"unsent, message sent", transition.Settlement{To: to, Unsent: true}, sent, false},
	} {
		if got := c.settlement.Matches(&c.message); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

func TestStamp(t *testing.T) {
	local := time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))
	if got, want := transition.Stamp(local), time.Date(2026, 1, 2, 2, 4, 5, 678901000, time.UTC); got != want {
		t.Errorf("Stamp(%s) = %s, want %s", local, got, want)
	}
}
