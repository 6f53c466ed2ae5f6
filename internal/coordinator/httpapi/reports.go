package httpapi

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// reportEndpoints are what a worker says about a job of its own.
func (a *api) reportEndpoints() []endpoint {
	worker := signedBy(dffmpeg.RoleWorker)
	attempt := []parameter{{"attempt", "integer", "Number of the attempt, as the job_request told it"}}
	accept := define(route{http.MethodPost, "/jobs/{job_id}/accept", "Start a job", worker}, a.accept)
	reject := define(route{http.MethodPost, "/jobs/{job_id}/reject", "Give a job back", worker}, a.reject)
	renew := define(route{http.MethodPost, "/jobs/{job_id}/worker_heartbeat", "Say that the job runs", worker}, a.workerHeartbeat)
	finish := define(route{http.MethodPost, "/jobs/{job_id}/status", "Report how a job ended", worker}, a.finish)
	accept.query, reject.query, renew.query = attempt, attempt, attempt
	finish.abort = true
	return []endpoint{accept, reject, renew, finish}
}

// maxAttempt bounds the number of an attempt.
const maxAttempt = 1 << 30

// reporter returns the job of the path and who reports about it. The job must
// exist; whether the caller holds it is the store's to say.
func (a *api) reporter(c *call, attempt int) (string, store.By, error) {
	id := c.PathValue("job_id")
	if !dffmpeg.ValidID(id) {
		return id, store.By{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Invalid job ID")
	}
	if attempt == 0 {
		var err error
		if attempt, err = c.number("attempt", 0, 0, maxAttempt); err != nil {
			return id, store.By{}, err
		}
	}
	return id, store.By{WorkerID: c.identity.ClientID, Attempt: attempt}, nil
}

// settle turns the result of a worker's operation into an answer. finished is
// the detail for a job that has ended.
func settle(change store.Change, err error, finished string) (dffmpeg.CommandAnswer, error) {
	switch {
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		return ok(), dffmpeg.Errorf(dffmpeg.CodeNotFound, dffmpeg.DetailJobNotFound)
	case err != nil:
		return ok(), err
	case change.Outcome == store.Refused:
		return ok(), dffmpeg.Errorf(dffmpeg.CodeForbidden, "Not assigned to this job")
	case change.Outcome == store.Finished:
		return detailed(finished), nil
	default:
		return ok(), nil
	}
}

func (a *api) accept(c *call, _ nothing) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, 0)
	if err != nil {
		return ok(), err
	}
	change, err := a.State.Accept(c.ctx(), id, by)
	if err == nil && change.Outcome == store.Finished {
		// A job that has ended must not be started.
		return ok(), dffmpeg.Errorf(dffmpeg.CodeForbidden, "Not assigned to this job")
	}
	return settle(change, err, "")
}

func (a *api) reject(c *call, _ nothing) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, 0)
	if err != nil {
		return ok(), err
	}
	change, err := a.State.Reject(c.ctx(), id, by)
	return settle(change, err, dffmpeg.DetailAlreadyFinished)
}

func (a *api) workerHeartbeat(c *call, _ nothing) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, 0)
	if err != nil {
		return ok(), err
	}
	change, err := a.State.Renew(c.ctx(), id, by)
	return settle(change, err, dffmpeg.DetailAlreadyTerminal)
}

func (a *api) finish(c *call, in dffmpeg.FinishRequest) (dffmpeg.CommandAnswer, error) {
	id, by, err := a.reporter(c, in.Attempt)
	if err != nil {
		return ok(), err
	}
	if err := printable(in.Logs); err != nil {
		return ok(), err
	}
	// A NUL would cost the report on engines that cannot store one.
	reason := strings.ReplaceAll(in.Reason, "\x00", string(utf8.RuneError))
	change, err := a.State.Finish(c.ctx(), id, by, store.Result{
		Status: in.Status, ExitCode: in.ExitCode, Reason: reason, Output: in.Logs, Batch: in.Batch, Warnings: in.Warnings,
	})
	return settle(change, err, dffmpeg.DetailAlreadyFinished)
}
