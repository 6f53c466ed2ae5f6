package httpapi

import (
	"context"
	"net/http"

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
			access: anyIdentity(), query: attempt, status: http.StatusSwitchingProtocols, connect: upgradesOnly(a.stdio),
		},
		{
			method: http.MethodGet, path: "/jobs/stdio", summary: "Submit a job over the connection of its standard streams (WebSocket)",
			access: requesters(), status: http.StatusSwitchingProtocols, connect: upgradesOnly(a.submitStreams),
		},
		{
			method: http.MethodGet, path: "/cluster/jobs/{job_id}/stdio", summary: "The same on behalf of an end that is connected to another coordinator",
			access: signedBy(dffmpeg.RoleCoordinator), status: http.StatusSwitchingProtocols, connect: upgradesOnly(a.relayedStdio),
			query: append([]parameter{{"side", "string", "requester or worker"}}, attempt...),
		},
	}
}

// upgradesOnly refuses what does not ask for a WebSocket before anything else is
// looked at: so anybody can find out, without a job, whether a proxy in between
// passes the headers.
func upgradesOnly(connect func(w http.ResponseWriter, c *call) error) func(w http.ResponseWriter, c *call) error {
	return func(w http.ResponseWriter, c *call) error {
		if stdio.Wanted(c.Request) {
			return connect(w, c)
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		return dffmpeg.Errorf(dffmpeg.CodeUpgradeRequired, "This is for WebSocket connections; a proxy in between must pass the headers Connection and Upgrade")
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

// upgrade turns the request into a connection and serves it. A request that
// cannot be one has been answered.
func (a *api) upgrade(w http.ResponseWriter, c *call, serve func(ctx context.Context, conn stdio.Conn) error) error {
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
