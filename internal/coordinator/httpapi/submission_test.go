package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// served are the ends that a relay was asked to serve.
type served struct {
	Relay // for what these tests do not use
	ends  chan string
}

func (s served) Serve(ctx context.Context, conn stdio.Conn, jobID string, side relay.Side, _ int64) error {
	defer conn.Close()
	s.ends <- side.String() + " of " + jobID
	return conn.Write(ctx, stdio.Frame{Kind: stdio.Moved}.Encode())
}

// forger proves another submission than it sends.
type forger struct{ stdio.Caller }

func (f forger) Prove(string) string { return f.Caller.Prove("something else") }

// submitting serves a cluster over a real connection and returns somebody's caller.
func submitting(t *testing.T, c *cluster, who string) stdio.Caller {
	t.Helper()
	server := httptest.NewServer(c.router)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	must(t, err)
	client := signedhttp.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	return signedhttp.New(signedhttp.Options{BaseURL: base, Signer: c.signers[who], HTTP: client})
}

// overStreams submits a job over the connection of its streams.
func overStreams(ctx context.Context, caller stdio.Caller, request dffmpeg.SubmitRequest) (answer dffmpeg.SubmitAnswer, conn stdio.Conn, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer, nil, err
	}
	opening, err := stdio.Open(ctx, caller, "/jobs/stdio")
	if err != nil {
		return answer, nil, err
	}
	conn, text, err := opening.Submit(ctx, body)
	if err != nil {
		return answer, nil, err
	}
	return answer, conn, json.Unmarshal(text, &answer)
}

// TestSubmitStreams: a job is submitted as by a request, and the connection goes on
// as its requester's.
func TestSubmitStreams(t *testing.T) {
	ends := make(chan string, 1)
	c := newCluster(t, func(d *Deps) { d.Relay = served{ends: ends} })
	caller := submitting(t, c, requester)
	request := submission()
	request.Features, request.IdempotencyKey = []string{dffmpeg.FeatureStdio}, "once"
	answer, conn, err := overStreams(t.Context(), caller, request)
	must(t, err)
	defer conn.Close()
	if got, want := <-ends, "requester of "+answer.ID; got != want {
		t.Errorf("the relay serves the %s, want the %s", got, want)
	}
	message, err := conn.Read(t.Context())
	must(t, err)
	if f, err := stdio.Decode(message.Bytes()); err != nil || f.Kind != stdio.Moved {
		t.Errorf("the relay said %v, %v", f, err)
	}
	job, err := c.engine.Job(t.Context(), answer.ID)
	must(t, err)
	if job.RequesterID != requester || job.Stdio != dffmpeg.StdioOffered || !strings.Contains(strings.Join(answer.Features, " "), dffmpeg.FeatureStdio) {
		t.Errorf("submitted %+v, answered %v", job, answer.Features)
	}
	again, conn, err := overStreams(t.Context(), caller, request)
	must(t, err)
	conn.Close()
	if <-ends; again.ID != answer.ID {
		t.Errorf("the repeated submission is %s, the first one %s", again.ID, answer.ID)
	}
}

// TestSubmitStreamsRefused: the errors are those of a request, and nothing is
// submitted.
func TestSubmitStreamsRefused(t *testing.T) {
	c := newCluster(t)
	good := submission()
	good.Features = []string{dffmpeg.FeatureStdio}
	plain, binary := submission(), good
	binary.BinaryName = "rm"
	for name, tt := range map[string]struct {
		who     string
		request dffmpeg.SubmitRequest
		forged  bool
		code    dffmpeg.Code // "": the connection is closed
		says    string
	}{
		"without streams":   {who: requester, request: plain, code: dffmpeg.CodeValidation, says: "stdio/1"},
		"a strange program": {who: requester, request: binary, code: dffmpeg.CodeInvalid, says: "Unsupported binary name: rm"},
		"a worker":          {who: holder, request: good, code: dffmpeg.CodeForbidden, says: "needs the role"},
		"a coordinator":     {who: "dffmpeg-coordinators", request: good, code: dffmpeg.CodeForbidden, says: "needs the role"},
		"another's proof":   {who: requester, request: good, forged: true, says: "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			caller := submitting(t, c, tt.who)
			if tt.forged {
				caller = forger{caller}
			}
			_, _, err := overStreams(t.Context(), caller, tt.request)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want something with %q", err, tt.says)
			}
			var known *dffmpeg.Error
			if errors.As(err, &known) != (tt.code != "") || known != nil && known.Code != tt.code {
				t.Errorf("got %#v, want code %q", err, tt.code)
			}
		})
	}
	jobs, err := c.engine.Active(t.Context(), 0, dffmpeg.JobPending)
	if must(t, err); len(jobs) > 0 {
		t.Errorf("%d jobs were submitted", len(jobs))
	}
}

// TestSubmitStreamsPlain: who does not ask for a connection is told what is missing.
func TestSubmitStreamsPlain(t *testing.T) {
	a := newCluster(t).want(http.StatusUpgradeRequired, requester, http.MethodGet, "/jobs/stdio", nil)
	if !strings.Contains(string(a.body), "WebSocket") {
		t.Errorf("a plain request is told %s", a.body)
	}
}
