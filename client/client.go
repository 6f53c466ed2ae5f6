// Package client is the Go library for people who submit jobs: submit, attach,
// read output, cancel, look at jobs and workers. The command line and the
// drop-in proxy are built on it.
package client

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Connector makes the peer's end of the transport that a coordinator chose.
type Connector interface {
	// Names lists the transports that can be connected, best first.
	Names() []string
	// Connect returns a client that listens as told. It does not connect yet. By
	// fetch it gets what the transport may lose.
	Connect(name string, subscription transport.Subscription, fetch transport.Fetch) (transport.Client, error)
}

// Caller sends requests to the coordinator.
type Caller interface {
	stdio.Caller
	Call(ctx context.Context, method, path string, query url.Values, in, out any) error
}

// Client talks to one coordinator as one identity. It may be used by several
// goroutines at once. It starts nothing by itself.
type Client struct {
	id        string
	caller    Caller
	connector Connector
	logger    *slog.Logger
}

// New returns a client for identity id.
func New(id string, caller Caller, connector Connector, logger *slog.Logger) *Client {
	return &Client{id: id, caller: caller, connector: connector, logger: logger}
}

// Submit submits a job and returns its record. Repeating a submission whose
// answer was lost is safe when the request carries an IdempotencyKey: a
// coordinator of ours then returns the first job. Text that is not UTF-8 is
// refused with [ErrNotText].
func (c *Client) Submit(ctx context.Context, request dffmpeg.SubmitRequest) (dffmpeg.SubmitAnswer, error) {
	request, err := c.complete(request)
	if err != nil {
		return dffmpeg.SubmitAnswer{}, err
	}
	return c.post(ctx, request)
}

// complete adds to a submission what is the same for all of ours, and checks it.
func (c *Client) complete(request dffmpeg.SubmitRequest) (dffmpeg.SubmitRequest, error) {
	if len(request.SupportedTransports) == 0 {
		request.SupportedTransports = c.connector.Names()
	}
	request.Features = append([]string{dffmpeg.FeatureAck}, request.Features...)
	request.Arguments = notNil(request.Arguments)
	request.Paths = notNil(request.Paths)
	return request, checkText(request)
}

func (c *Client) post(ctx context.Context, request dffmpeg.SubmitRequest) (answer dffmpeg.SubmitAnswer, err error) {
	err = c.caller.Call(ctx, http.MethodPost, "/jobs/submit", nil, request, &answer)
	return answer, err
}

// notNil returns list, or an empty list for nil: lists may not be null on the
// wire.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Job returns a job's record.
func (c *Client) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	var job dffmpeg.Job
	err := c.caller.Call(ctx, http.MethodGet, jobPath(id, "status"), nil, nil, &job)
	return job, err
}

// Jobs returns the identity's active jobs and those that finished within
// window, newest first.
func (c *Client) Jobs(ctx context.Context, window time.Duration) ([]dffmpeg.Job, error) {
	var jobs []dffmpeg.Job
	err := c.caller.Call(ctx, http.MethodGet, "/jobs", seconds("window", window), nil, &jobs)
	return jobs, err
}

// Workers returns the workers, and the offline ones last seen within window.
func (c *Client) Workers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	var workers []dffmpeg.Worker
	err := c.caller.Call(ctx, http.MethodGet, "/workers", seconds("window", window), nil, &workers)
	return workers, err
}

// PauseWorker has a worker be given no more jobs, with a reason for those who look at
// it; ResumeWorker ends that. Both return the worker as it is then, and are for admins.
func (c *Client) PauseWorker(ctx context.Context, id, reason string) (dffmpeg.Worker, error) {
	var worker dffmpeg.Worker
	err := c.caller.Call(ctx, http.MethodPost, "/workers/"+url.PathEscape(id)+"/pause", nil, dffmpeg.PauseRequest{Reason: reason}, &worker)
	return worker, err
}

// ResumeWorker ends what PauseWorker began.
func (c *Client) ResumeWorker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	var worker dffmpeg.Worker
	err := c.caller.Call(ctx, http.MethodPost, "/workers/"+url.PathEscape(id)+"/resume", nil, nil, &worker)
	return worker, err
}

// WorkerPrograms returns what is known of a worker's programs, by their names. A
// coordinator before 0.5 answers with CodeNotFound.
func (c *Client) WorkerPrograms(ctx context.Context, id string) (map[string]dffmpeg.ProgramAnswer, error) {
	var programs map[string]dffmpeg.ProgramAnswer
	err := c.caller.Call(ctx, http.MethodGet, "/workers/"+url.PathEscape(id)+"/programs", nil, nil, &programs)
	return programs, err
}

// Worker returns one worker.
func (c *Client) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	var worker dffmpeg.Worker
	err := c.caller.Call(ctx, http.MethodGet, "/workers/"+url.PathEscape(id), nil, nil, &worker)
	return worker, err
}

// fetch returns how to fetch messages about a job. A coordinator that does not
// offer it, as 0.4, has none.
func (c *Client) fetch(id string) transport.Fetch {
	return func(ctx context.Context, after string) ([]dffmpeg.Message, error) {
		var answer dffmpeg.MailAnswer
		err := c.caller.Call(ctx, http.MethodGet, jobPath(id, "mail"), transport.FetchQuery(after), nil, &answer)
		return transport.Fetched(answer, err)
	}
}

// Cancel asks for a job to be stopped. It returns false when the job had ended
// before.
func (c *Client) Cancel(ctx context.Context, id string) (bool, error) {
	var answer dffmpeg.CommandAnswer
	err := c.caller.Call(ctx, http.MethodPost, jobPath(id, "cancel"), nil, nil, &answer)
	return answer.Detail == nil || *answer.Detail != dffmpeg.DetailAlreadyFinished, err
}

// Withdraw cancels a job that no worker has been given yet, with a reason for those
// who look at it. Any other is left alone, and the error's code is CodeConflict.
func (c *Client) Withdraw(ctx context.Context, id, reason string) error {
	query := url.Values{"pending": {"true"}, "reason": {reason}}
	return c.caller.Call(ctx, http.MethodPost, jobPath(id, "cancel"), query, nil, nil)
}

// Logs returns a page of a job's output: the batches after cursor since, at
// most limit of them (0: as many as the coordinator gives). Without a cursor
// these are the first ones, or with a limit the newest.
func (c *Client) Logs(ctx context.Context, id, since string, limit int) (dffmpeg.LogsAnswer, error) {
	query := url.Values{}
	if since != "" {
		query.Set("since_message_id", since)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page dffmpeg.LogsAnswer
	err := c.caller.Call(ctx, http.MethodGet, jobPath(id, "logs"), query, nil, &page)
	return page, err
}

// Output returns bytes of a job's stream from an offset on, of an attempt (0: the
// last). Go on at NextOffset; there will be no more when a page without data says
// that the job has ended.
func (c *Client) Output(ctx context.Context, id string, stream dffmpeg.Stream, attempt int, offset int64) (dffmpeg.OutputAnswer, error) {
	query := url.Values{"stream": {string(stream)}, "offset": {strconv.FormatInt(offset, 10)}}
	if attempt > 0 {
		query.Set("attempt", strconv.Itoa(attempt))
	}
	var page dffmpeg.OutputAnswer
	err := c.caller.Call(ctx, http.MethodGet, jobPath(id, "output"), query, nil, &page)
	return page, err
}

// Health returns the coordinator's condition. A coordinator that is not well
// answers with an error of code CodeUnavailable or CodeInternal.
func (c *Client) Health(ctx context.Context, deep bool) (dffmpeg.HealthAnswer, error) {
	var health dffmpeg.HealthAnswer
	query := url.Values{}
	if deep {
		query.Set("deep", "true")
	}
	err := c.caller.Call(ctx, http.MethodGet, "/health", query, nil, &health)
	return health, err
}

// heartbeat tells the coordinator that the requester still waits. It returns
// true when the job has ended.
func (c *Client) heartbeat(ctx context.Context, id string, monitor bool) (bool, error) {
	query := url.Values{"monitor": {strconv.FormatBool(monitor)}}
	var answer dffmpeg.CommandAnswer
	err := c.caller.Call(ctx, http.MethodPost, jobPath(id, "client_heartbeat"), query, nil, &answer)
	return answer.Detail != nil && *answer.Detail == dffmpeg.DetailAlreadyFinished, err
}

// jobPath returns the path of one of a job's endpoints.
func jobPath(id, action string) string { return "/jobs/" + url.PathEscape(id) + "/" + action }

// seconds returns a query of one duration in whole seconds.
func seconds(name string, d time.Duration) url.Values {
	return url.Values{name: {strconv.FormatInt(int64(d/time.Second), 10)}}
}

// NoSharedTransport reports whether err says that the coordinator has none of the
// transports that were offered to it (protocol.md, Endpoints).
func NoSharedTransport(err error) bool {
	return dffmpeg.CodeOf(err) == dffmpeg.CodeInvalid && strings.HasPrefix(err.Error(), "No supported transports")
}

// Unreachable reports whether err says that the coordinator did not answer.
func Unreachable(err error) bool {
	var u *signedhttp.Unreachable
	return errors.As(err, &u)
}

// NotReached reports whether err says that the coordinator cannot have got the
// request: there was no connection.
func NotReached(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}
