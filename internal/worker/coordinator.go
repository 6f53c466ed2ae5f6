package worker

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// caller sends signed requests to the coordinator.
type caller interface {
	Call(ctx context.Context, method, path string, query url.Values, in, out any) error
	// Rest says that no call follows soon.
	Rest()
}

// coordinator is the coordinator as this worker sees it: one method per
// endpoint that workers use. It makes one try per call.
type coordinator struct {
	caller   caller
	workerID string
	// finalLogs says that it takes the last output with the final report.
	finalLogs atomic.Bool
	// renews says that it asks for no verification when it is told that the worker
	// hears.
	renews atomic.Bool
}

func (c *coordinator) register(ctx context.Context, request dffmpeg.RegisterRequest) (dffmpeg.RegisterAnswer, error) {
	var answer dffmpeg.RegisterAnswer
	err := c.caller.Call(ctx, http.MethodPost, "/worker/register", nil, request, &answer)
	if err == nil {
		c.finalLogs.Store(slices.Contains(answer.Features, dffmpeg.FeatureFinalLogs))
		c.renews.Store(slices.Contains(answer.Features, dffmpeg.FeatureRenew))
	}
	return answer, err
}

func (c *coordinator) verify(ctx context.Context, token string) error {
	return c.caller.Call(ctx, http.MethodPost, c.workerPath("verify"), nil, dffmpeg.VerifyRequest{RegistrationToken: token}, nil)
}

func (c *coordinator) deregister(ctx context.Context) error {
	return c.caller.Call(ctx, http.MethodPost, "/worker/deregister", nil, dffmpeg.DeregisterRequest{WorkerID: c.workerID}, nil)
}

func (c *coordinator) acknowledge(ctx context.Context, ids []string) error {
	return c.caller.Call(ctx, http.MethodPost, c.workerPath("ack"), nil, dffmpeg.AcknowledgeRequest{MessageIDs: ids}, nil)
}

// fetch returns messages to this worker. A coordinator that does not offer it, as
// 0.4, has none.
func (c *coordinator) fetch(ctx context.Context, after string) ([]dffmpeg.Message, error) {
	var answer dffmpeg.MailAnswer
	err := c.caller.Call(ctx, http.MethodGet, c.workerPath("mail"), transport.FetchQuery(after), nil, &answer)
	return transport.Fetched(answer, err)
}

func (c *coordinator) accept(ctx context.Context, ref dffmpeg.AttemptRef) error {
	return c.caller.Call(ctx, http.MethodPost, jobPath(ref, "accept"), attemptQuery(ref), nil, nil)
}

func (c *coordinator) reject(ctx context.Context, ref dffmpeg.AttemptRef) error {
	return c.caller.Call(ctx, http.MethodPost, jobPath(ref, "reject"), attemptQuery(ref), nil, nil)
}

// heartbeat reports that the attempt runs. It returns true when the
// coordinator says that the job has ended, so that it must be stopped.
func (c *coordinator) heartbeat(ctx context.Context, ref dffmpeg.AttemptRef) (ended bool, err error) {
	var answer dffmpeg.CommandAnswer
	err = c.caller.Call(ctx, http.MethodPost, jobPath(ref, "worker_heartbeat"), attemptQuery(ref), nil, &answer)
	return answer.Detail != nil && *answer.Detail == dffmpeg.DetailAlreadyTerminal, err
}

func (c *coordinator) logs(ctx context.Context, ref dffmpeg.AttemptRef, batch outputBatch) error {
	request := dffmpeg.LogsRequest{Logs: batch.lines, Attempt: ref.Attempt, Batch: batch.number}
	return c.caller.Call(ctx, http.MethodPost, jobPath(ref, "logs"), nil, request, nil)
}

func (c *coordinator) finish(ctx context.Context, ref dffmpeg.AttemptRef, request dffmpeg.FinishRequest) error {
	request.Attempt = ref.Attempt
	return c.caller.Call(ctx, http.MethodPost, jobPath(ref, "status"), nil, request, nil)
}

func (c *coordinator) workerPath(action string) string {
	return "/worker/" + url.PathEscape(c.workerID) + "/" + action
}

func jobPath(ref dffmpeg.AttemptRef, action string) string {
	return "/jobs/" + url.PathEscape(ref.JobID) + "/" + action
}

// attemptQuery names the attempt, when the coordinator told us its number.
func attemptQuery(ref dffmpeg.AttemptRef) url.Values {
	if ref.Attempt == 0 {
		return nil
	}
	return url.Values{"attempt": {strconv.Itoa(ref.Attempt)}}
}
