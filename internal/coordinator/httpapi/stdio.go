package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// stdioEndpoints are WebSockets that carry a job's standard streams (package
// internal/stdio). (Extension to 0.4.)
func (a *api) stdioEndpoints() []endpoint {
	attempt := []parameter{{"attempt", "integer", "Number of the attempt, for its worker"}}
	return []endpoint{
		{
			method: http.MethodGet, path: "/jobs/{job_id}/stdio", summary: "Connect to a job's standard streams (WebSocket)",
			access: anyIdentity(), query: attempt, status: http.StatusSwitchingProtocols, connect: a.stdio,
		},
		{
			method: http.MethodGet, path: "/jobs/stdio", summary: "Submit a job over the connection of its standard streams (WebSocket)",
			access: requesters(), status: http.StatusSwitchingProtocols, connect: a.submitStreams,
		},
		{
			method: http.MethodGet, path: "/cluster/jobs/{job_id}/stdio", summary: "The same on behalf of an end that is connected to another coordinator",
			access: signedBy(dffmpeg.RoleCoordinator), status: http.StatusSwitchingProtocols, connect: a.relayedStdio,
			query: append([]parameter{{"side", "string", "requester or worker"}}, attempt...),
		},
	}
}

// stdio lets a job's requester and its worker take part, and nobody else.
func (a *api) stdio(w http.ResponseWriter, c *call) error {
	job, attempt, err := a.attempted(c)
	if err != nil {
		return err
	}
	side := relay.Requester
	if c.identity.Role == dffmpeg.RoleWorker {
		side = relay.Worker
		if job.Worker() != c.identity.ClientID || attempt != job.Attempt {
			return dffmpeg.Errorf(dffmpeg.CodeForbidden, "Not assigned to this job")
		}
	} else if err := listens(c.identity, &job); err != nil {
		return err
	}
	if job.Stdio == dffmpeg.StdioNone {
		return dffmpeg.Errorf(dffmpeg.CodeInvalid, "The job was submitted without %s; read its output at /jobs/%s/logs", dffmpeg.FeatureStdio, job.ID)
	}
	return a.upgrade(w, c, func(ctx context.Context, conn stdio.Conn) error {
		return a.Relay.Serve(ctx, conn, job.ID, side, int64(attempt))
	})
}

// relayedStdio trusts the other coordinator to have asked the same questions.
func (a *api) relayedStdio(w http.ResponseWriter, c *call) error {
	job, attempt, err := a.attempted(c)
	if err != nil {
		return err
	}
	text := c.URL.Query().Get("side")
	side, known := relay.ParseSide(text)
	if !known {
		return invalidQuery("side", text, "must be requester or worker")
	}
	return a.upgrade(w, c, func(ctx context.Context, conn stdio.Conn) error {
		return a.Relay.ServeRelayed(ctx, conn, job.ID, side, int64(attempt))
	})
}

// attempted returns the job of the path, and the attempt of the query.
func (a *api) attempted(c *call) (dffmpeg.Job, int, error) {
	job, err := a.job(c.ctx(), c.PathValue("job_id"))
	if err != nil {
		return job, 0, err
	}
	attempt, err := c.number("attempt", 0, 0, maxAttempt)
	return job, attempt, err
}

// submitStreams submits a job over a connection, which then is its requester's.
func (a *api) submitStreams(w http.ResponseWriter, c *call) error {
	if err := upgradable(c); err != nil {
		return err
	}
	s, err := stdio.AcceptSubmission(w, c.Request, func(challenge, body []byte, proof string) error {
		return a.Authenticator.CheckProof(c.ctx(), c.identity.ClientID, stdio.SubmissionText(c.URL.Path, challenge, body), proof)
	})
	if err == nil {
		err = a.serveSubmission(c, s)
	}
	a.connectionEnded(c, err)
	return nil
}

// serveSubmission answers a submission and serves the job's streams.
func (a *api) serveSubmission(c *call, s *stdio.Submission) error {
	answer, err := a.streamed(c, s.Body)
	var body []byte
	if err == nil {
		body, err = json.Marshal(answer)
	}
	if err != nil {
		known := a.known(c.Request, err)
		body, _ = json.Marshal(errorAnswer(known)) // strings and numbers
		return errors.Join(err, s.Refuse(c.ctx(), known.Code.Status(), body))
	}
	return a.Relay.Serve(c.ctx(), s.Accept(c.ctx(), body), answer.ID, relay.Requester, 0)
}

// streamed submits a job whose requester has streams.
func (a *api) streamed(c *call, body []byte) (dffmpeg.SubmitAnswer, error) {
	var in dffmpeg.SubmitRequest
	body, err := a.schemas.check(reflect.TypeFor[dffmpeg.SubmitRequest](), body)
	if err == nil {
		if err = json.Unmarshal(body, &in); err != nil {
			err = undecodable(err)
		}
	}
	if err == nil && !slices.Contains(in.Features, dffmpeg.FeatureStdio) {
		err = invalidBody("features", "A job that is submitted here needs "+dffmpeg.FeatureStdio+" among its features")
	}
	if err != nil {
		return dffmpeg.SubmitAnswer{}, err
	}
	return a.submit(c, in)
}

// upgradable checks that the request can become a connection.
func upgradable(c *call) error {
	if strings.EqualFold(c.Header.Get("Upgrade"), "websocket") {
		return nil
	}
	return dffmpeg.Errorf(dffmpeg.CodeInvalid, "This is for WebSocket connections; a proxy in between must pass the headers Connection and Upgrade")
}

// upgrade turns the request into a connection and serves it. A request that
// cannot be one has been answered.
func (a *api) upgrade(w http.ResponseWriter, c *call, serve func(ctx context.Context, conn stdio.Conn) error) error {
	if err := upgradable(c); err != nil {
		return err
	}
	conn, err := stdio.Accept(w, c.Request, func(challenge []byte, proof string) error {
		return a.Authenticator.CheckProof(c.ctx(), c.identity.ClientID, stdio.ProofText(c.URL.Path, challenge), proof)
	})
	if err == nil {
		err = serve(c.ctx(), conn)
	}
	a.connectionEnded(c, err)
	return nil
}

func (a *api) connectionEnded(c *call, err error) {
	a.Logger.Debug("stdio connection ended", "path", c.URL.Path, "client", c.identity.ClientID, "reason", err)
}
