package httpapi

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// statuses returns what a recipient was told of jobs, in order.
func (c *cluster) statuses(to dffmpeg.Recipient) []dffmpeg.JobStatus {
	c.tb.Helper()
	var told []dffmpeg.JobStatus
	for _, m := range c.mail(to) {
		if m.Type != dffmpeg.MessageJobStatus {
			continue
		}
		change, err := dffmpeg.DecodePayload[dffmpeg.JobStatusChange](&m)
		must(c.tb, err)
		told = append(told, change.Status)
	}
	return told
}

// report sends a worker's report and checks the answer's detail.
func (c *cluster) report(identity, action string, job dffmpeg.Job, body any, status int, detail string) {
	c.tb.Helper()
	a := c.want(status, identity, http.MethodPost, "/jobs/"+job.ID+"/"+action, body)
	if status != http.StatusOK {
		if got := a.detail(c.tb); got != detail {
			c.tb.Errorf("%s: detail %q, want %q", action, got, detail)
		}
		return
	}
	got := decode[dffmpeg.CommandAnswer](c.tb, a)
	want := ok()
	if detail != "" {
		want = detailed(detail)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.tb.Errorf("%s: answer differs (-want +got):\n%s", action, diff)
	}
}

// TestRefusedAccept: a 0.4 worker ignores the answer, so it is told to stop by
// a message as well.
func TestRefusedAccept(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	c.online(otherWorker)
	c.report(otherWorker, "accept", job, nil, http.StatusForbidden, "Not assigned to this job")
	if diff := cmp.Diff([]dffmpeg.JobStatus{dffmpeg.JobCanceled}, c.statuses(dffmpeg.ToWorker(otherWorker))); diff != "" {
		t.Errorf("what the refused worker is told differs (-want +got):\n%s", diff)
	}
	c.report(holder, "accept", job, nil, http.StatusOK, "")
}

// TestRepeatedReports: repeating one's own accept or final report is fine, and
// tells nobody anything twice.
func TestRepeatedReports(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	code := 3
	failed := dffmpeg.FinishRequest{Status: dffmpeg.JobFailed, ExitCode: &code, Reason: "no\x00such file"}
	for range 2 {
		c.report(holder, "accept", job, nil, http.StatusOK, "")
	}
	for range 2 {
		c.report(holder, "status", job, failed, http.StatusOK, "")
	}
	c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted}, http.StatusOK, "Job already finished")
	c.report(holder, "worker_heartbeat", job, nil, http.StatusOK, "Job already terminal")
	c.report(requester, "client_heartbeat", job, nil, http.StatusOK, "Job already finished")
	c.report(requester, "cancel", job, nil, http.StatusOK, "Job already finished")
	c.report(holder, "accept", job, nil, http.StatusForbidden, "Not assigned to this job")
	// The last one answers the client's late heartbeat.
	want := []dffmpeg.JobStatus{dffmpeg.JobAssigned, dffmpeg.JobRunning, dffmpeg.JobFailed, dffmpeg.JobFailed}
	if diff := cmp.Diff(want, c.statuses(job.Requester())); diff != "" {
		t.Errorf("what the requester is told differs (-want +got):\n%s", diff)
	}
	shown := decode[dffmpeg.Job](t, c.want(http.StatusOK, requester, http.MethodGet, "/jobs/"+job.ID+"/status", nil))
	if shown.Status != dffmpeg.JobFailed || *shown.ExitCode != 3 || shown.Reason != "no\ufffdsuch file" {
		t.Errorf("the job is %s with %d: %q", shown.Status, *shown.ExitCode, shown.Reason)
	}
}

// TestOldAttempt: a report that names an older attempt changes nothing,
// wherever the number is.
func TestOldAttempt(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	c.report(holder, "reject", job, nil, http.StatusOK, "")
	change, err := c.deps.State.Claim(t.Context(), job, holder)
	must(t, err)
	old, now := job.Attempt, change.Job.Attempt
	if now <= old {
		t.Fatalf("attempt %d follows %d", now, old)
	}
	entry := []dffmpeg.LogEntry{{Stream: dffmpeg.Stdout, Content: "x"}}
	const refused = "Not assigned to this job"
	query := "?attempt=" + strconv.Itoa(old)
	c.report(holder, "accept"+query, job, nil, http.StatusForbidden, refused)
	c.report(holder, "reject"+query, job, nil, http.StatusForbidden, refused)
	c.report(holder, "worker_heartbeat"+query, job, nil, http.StatusForbidden, refused)
	c.report(holder, "logs", job, dffmpeg.LogsRequest{Logs: entry, Attempt: old}, http.StatusForbidden, refused)
	c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobFailed, Attempt: old}, http.StatusForbidden, refused)
	c.report(holder, "accept?attempt="+strconv.Itoa(now), job, nil, http.StatusOK, "")
	c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobCompleted, Attempt: now}, http.StatusOK, "")
}

// TestFailedWithoutAccept: a worker that does not know the binary says so at
// once.
func TestFailedWithoutAccept(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	c.report(holder, "status", job, dffmpeg.FinishRequest{Status: dffmpeg.JobFailed}, http.StatusOK, "")
}

// TestLogPages: output comes in pages from the start, after a cursor, or the
// newest when only a limit is given; a numbered batch is stored once.
func TestLogPages(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	path := "/jobs/" + job.ID + "/logs"
	empty := decode[dffmpeg.LogsAnswer](t, c.want(http.StatusOK, requester, http.MethodGet, path, nil))
	if empty.Logs == nil || len(empty.Logs) != 0 || empty.LastMessageID != nil {
		t.Errorf("no output is %+v", empty)
	}
	for batch, text := range []string{"one", "two", "two again", "three"} {
		number := []int64{1, 2, 2, 3}[batch]
		c.want(http.StatusOK, holder, http.MethodPost, path, dffmpeg.LogsRequest{
			Logs: []dffmpeg.LogEntry{{Stream: dffmpeg.Stderr, Content: text}}, Attempt: job.Attempt, Batch: number,
		})
	}
	read := func(query string) (dffmpeg.LogsAnswer, []string) {
		t.Helper()
		page := decode[dffmpeg.LogsAnswer](t, c.want(http.StatusOK, requester, http.MethodGet, path+query, nil))
		var lines []string
		for _, e := range page.Logs {
			lines = append(lines, e.Content)
			if e.Timestamp == nil || !dffmpeg.ValidID(e.ID) {
				t.Errorf("line %q has no time or ID", e.Content)
			}
		}
		return page, lines
	}
	for query, want := range map[string][]string{
		"": {"one", "two", "three"}, "?limit=2": {"two", "three"}, "?limit=100000": {"one", "two", "three"},
		"?since_message_id=0&limit=1": {"one"}, "?since_message_id=zzz": nil,
	} {
		if _, got := read(query); !cmp.Equal(want, got) {
			t.Errorf("%q: lines %q, want %q", query, got, want)
		}
	}
	first, _ := read("?since_message_id=0&limit=1")
	rest, got := read("?since_message_id=" + *first.LastMessageID)
	if want := []string{"two", "three"}; !cmp.Equal(want, got) {
		t.Errorf("after the first: %q, want %q", got, want)
	}
	if _, got := read("?since_message_id=" + *rest.LastMessageID); got != nil {
		t.Errorf("after the last: %q", got)
	}
}

// TestAcknowledge: a worker's messages that it acknowledged are not delivered
// again, those of others are left alone.
func TestAcknowledge(t *testing.T) {
	c := newCluster(t)
	job := c.assigned()
	fetch := func(identity, target string) []dffmpeg.Message {
		t.Helper()
		return decode[dffmpeg.MessagesAnswer](t, c.want(http.StatusOK, identity, http.MethodGet, target, nil)).Messages
	}
	const worker = "/poll/worker?wait=0&ack=true"
	requesters := "/poll/jobs/" + job.ID + "?wait=0&ack=true"
	offers, told := fetch(holder, worker), fetch(requester, requesters)
	if len(offers) != 1 || len(told) != 1 {
		t.Fatalf("%d and %d messages wait, want one each", len(offers), len(told))
	}
	// The requester's is none of the worker's.
	c.want(http.StatusOK, holder, http.MethodPost, "/worker/b1/ack", dffmpeg.AcknowledgeRequest{MessageIDs: []string{offers[0].ID, told[0].ID, "unknown"}})
	if left := fetch(holder, worker); len(left) != 0 {
		t.Errorf("the worker gets %d messages again", len(left))
	}
	if left := fetch(requester, requesters); len(left) != 1 {
		t.Errorf("the requester's message was acknowledged by the worker")
	}
	c.want(http.StatusOK, requester, http.MethodPost, "/jobs/"+job.ID+"/ack", dffmpeg.AcknowledgeRequest{MessageIDs: []string{told[0].ID}})
	if left := fetch(requester, requesters); len(left) != 0 {
		t.Errorf("the requester gets %d messages again", len(left))
	}
}

// TestSubmitTwice: with an idempotency key a repeated submission returns the
// first job.
func TestSubmitTwice(t *testing.T) {
	c := newCluster(t)
	request := submission()
	request.IdempotencyKey = "k"
	first := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request))
	second := decode[dffmpeg.SubmitAnswer](t, c.want(http.StatusOK, requester, http.MethodPost, "/jobs/submit", request))
	if first.ID != second.ID || len(second.Features) == 0 {
		t.Errorf("the second submission made job %s, the first %s", second.ID, first.ID)
	}
	if where := second.TransportMetadata["path"]; where != "/poll/jobs/"+first.ID {
		t.Errorf("the repeated answer sends the client to %v", where)
	}
}

// TestReconciliation: a worker is told what to stop; what it says of itself reaches the
// reconciler before its record changes, and a registration that was not reconciled fails.
func TestReconciliation(t *testing.T) {
	c := newCluster(t)
	c.online(holder)
	running := []dffmpeg.AttemptRef{{JobID: absent, Attempt: 2}}
	c.reconcile = func(request dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error) {
		previous, err := c.deps.State.Worker(t.Context(), holder)
		if err != nil || previous.InstanceID == "i" || request.InstanceID != "i" {
			t.Errorf("reconciled %+v after %+v: %v", request, previous, err)
		}
		return request.Running, nil
	}
	request := registration(holder)
	request.InstanceID, request.Running = "i", running
	got := decode[dffmpeg.RegisterAnswer](t, c.want(http.StatusOK, holder, http.MethodPost, "/worker/register", request))
	if diff := cmp.Diff(running, got.Stop); diff != "" {
		t.Errorf("what to stop differs (-want +got):\n%s", diff)
	}
	c.reconcile = func(dffmpeg.RegisterRequest) ([]dffmpeg.AttemptRef, error) {
		return nil, dffmpeg.Errorf(dffmpeg.CodeUnavailable, "away")
	}
	request.InstanceID = "j"
	c.want(http.StatusServiceUnavailable, holder, http.MethodPost, "/worker/register", request)
	if worker, err := c.deps.State.Worker(t.Context(), holder); err != nil || worker.InstanceID != "i" {
		t.Errorf("after a reconciliation that failed the instance is %q: %v", worker.InstanceID, err)
	}
}
