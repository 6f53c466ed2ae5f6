package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/standing"
	"github.com/dffmpeg/dffmpeg/store"
)

// maxList bounds a list of jobs; since_id pages to older ones.
const maxList = 1000

// maxReason bounds a reason that a client gives.
const maxReason = 256

func (a *api) jobEndpoints() []endpoint {
	list := define(route{http.MethodGet, "/jobs", "List one's own jobs, newest first", requesters()}, a.listJobs)
	list.query = []parameter{
		{"window", "integer", "Seconds back that a finished job may have ended"},
		{"since_id", "string", "Only jobs older than this one"},
		{"all", "boolean", "Everybody's jobs, for admins only"},
	}
	heartbeat := define(route{http.MethodPost, "/jobs/{job_id}/client_heartbeat", "Say that the requester still waits", requesters()}, a.clientHeartbeat)
	heartbeat.query = []parameter{{"monitor", "boolean", "Whether the job depends on these heartbeats from now on"}}
	cancel := define(route{http.MethodPost, "/jobs/{job_id}/cancel", "Cancel a job", requesters()}, a.cancel)
	cancel.query = []parameter{
		{"pending", "boolean", "Only if no worker has been given the job; else the answer is 409"},
		{"reason", "string", "With pending: why, for those who look at the job"},
	}
	return []endpoint{
		define(route{http.MethodPost, "/jobs/submit", "Submit a job", requesters()}, a.submit),
		list,
		define(route{http.MethodGet, "/jobs/{job_id}/status", "Show a job", anyIdentity()}, a.showJob),
		heartbeat,
		cancel,
	}
}

// job returns a job by the ID in a path.
func (a *api) job(ctx context.Context, id string) (dffmpeg.Job, error) {
	if !dffmpeg.ValidID(id) {
		return dffmpeg.Job{}, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Invalid job ID")
	}
	job, err := a.State.Job(ctx, id)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		err = dffmpeg.Errorf(dffmpeg.CodeNotFound, dffmpeg.DetailJobNotFound)
	}
	return job, err
}

// listener returns the job of the path, if the caller is the one who fetches
// its messages.
func (a *api) listener(c *call) (dffmpeg.Job, error) {
	job, err := a.job(c.ctx(), c.PathValue("job_id"))
	if err != nil {
		return job, err
	}
	return job, listens(c.identity, &job)
}

// listens checks that an identity submitted the job. Not even an admin fetches
// or acknowledges another's messages: the requester would miss them.
func listens(identity dffmpeg.Identity, job *dffmpeg.Job) error {
	if identity.ClientID == job.RequesterID {
		return nil
	}
	return dffmpeg.Errorf(dffmpeg.CodeForbidden,
		"Only the identity that submitted this job has its messages; admins can read its output at /jobs/%s/logs", job.ID)
}

// mine checks that an identity submitted the job, or is an admin.
func mine(identity dffmpeg.Identity, job *dffmpeg.Job) error {
	if identity.Role == dffmpeg.RoleAdmin || identity.ClientID == job.RequesterID {
		return nil
	}
	return dffmpeg.Errorf(dffmpeg.CodeForbidden, "This job belongs to another identity; only its requester or an admin may do that")
}

// requested returns the job of the path, if the caller submitted it.
func (a *api) requested(c *call) (dffmpeg.Job, error) {
	job, err := a.job(c.ctx(), c.PathValue("job_id"))
	if err != nil {
		return job, err
	}
	return job, mine(c.identity, &job)
}

func (a *api) submit(c *call, in dffmpeg.SubmitRequest) (dffmpeg.SubmitAnswer, error) {
	var answer dffmpeg.SubmitAnswer
	if !slices.Contains(a.Settings.AllowedBinaries, in.BinaryName) {
		return answer, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Unsupported binary name: %s", short(in.BinaryName))
	}
	if err := runnable(&in); err != nil {
		return answer, err
	}
	server, err := a.negotiate(c.ctx(), in.SupportedTransports, "")
	if err != nil {
		return answer, err
	}
	heartbeat := int(a.Settings.HeartbeatInterval / time.Second)
	if in.HeartbeatInterval != nil {
		heartbeat = *in.HeartbeatInterval
	}
	streams := dffmpeg.StdioNone
	if slices.Contains(in.Features, dffmpeg.FeatureStdio) {
		streams = dffmpeg.StdioOffered
	}
	var queued dffmpeg.Job
	if err := a.demanded(c.identity, &in, &queued); err != nil {
		return answer, err
	}
	id := a.NewID()
	to := dffmpeg.Recipient{Kind: dffmpeg.RecipientRequester, ID: c.identity.ClientID, JobID: id}
	change, err := a.State.Submit(c.ctx(), dffmpeg.Job{
		ID:                id,
		RequesterID:       c.identity.ClientID,
		BinaryName:        in.BinaryName,
		Arguments:         in.Arguments,
		Paths:             in.Paths,
		WorkingDirectory:  in.WorkingDirectory,
		HeartbeatInterval: heartbeat,
		Monitor:           in.Monitor,
		Transport:         server.Name(),
		TransportMetadata: server.Address(to),
		IdempotencyKey:    in.IdempotencyKey,
		Stdio:             streams,
		Segments:          in.Segments,
		Environment:       in.Environment,
		Warnings:          in.Warnings,
		Umask:             in.Umask,
		Priority:          queued.Priority,
		Demand:            queued.Demand,
		Prefer:            queued.Prefer,
		Retry:             queued.Retry,
		QueueTimeout:      queued.QueueTimeout,
	})
	return dffmpeg.SubmitAnswer{Job: change.Job.Public(), Features: features()}, err
}

// runnable checks what no process can be started with.
func runnable(in *dffmpeg.SubmitRequest) error {
	for _, field := range []struct {
		name string
		list []string
	}{{"arguments", in.Arguments}, {"paths", in.Paths}} {
		for i, text := range field.list {
			if strings.ContainsRune(text, 0) {
				return invalidFields(dffmpeg.FieldError{
					Type: "value_error", Loc: []any{"body", field.name, i}, Msg: "A NUL character cannot be passed to a program",
				})
			}
		}
	}
	if problem := environmentProblem(in.Environment); problem != "" {
		return invalidBody("environment", problem)
	}
	if len(in.Segments) > 0 && len(in.Segments) != len(in.Arguments) {
		return invalidBody("segments", "There must be as many segments as arguments, or none")
	}
	for i, arg := range in.Segments {
		if problem := unusable(arg, in.Paths); problem != "" {
			return invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"body", "segments", i}, Msg: problem})
		}
	}
	if in.WorkingDirectory != nil && strings.ContainsRune(*in.WorkingDirectory, 0) {
		return invalidBody("working_directory", "A NUL character cannot be part of a path")
	}
	if !plain(in.IdempotencyKey) {
		return invalidBody("idempotency_key", "Control characters cannot be part of the key")
	}
	return nil
}

const (
	// maxVariables and maxVariableBytes bound what of an environment goes with a job.
	maxVariables     = 64
	maxVariableBytes = 32 << 10
)

// environmentProblem says why variables cannot be given to a process, "" when they
// can. Those whose name begins with DFFMPEG_ are ours, and may be secret.
func environmentProblem(variables map[string]string) string {
	if len(variables) > maxVariables {
		return "At most " + strconv.Itoa(maxVariables) + " variables can go with a job"
	}
	size := 0
	for name, value := range variables {
		size += len(name) + len(value)
		switch {
		case !dffmpeg.ValidVariable(name):
			return "The name of a variable has letters, digits and _, and does not begin with a digit: not " + short(name)
		case strings.ContainsRune(value, 0):
			return "A NUL character cannot be passed to a program: " + name
		case strings.HasPrefix(name, "DFFMPEG_"):
			return name + " is for dffmpeg itself"
		}
	}
	if size > maxVariableBytes {
		return "Variables of " + strconv.Itoa(maxVariableBytes) + " bytes at most can go with a job"
	}
	return ""
}

// unusable says why an argument in the second form cannot be used in a job with
// those paths, "" when it can.
func unusable(arg dffmpeg.Argument, paths []string) string {
	if arg.ContainsNUL() {
		return "A NUL character cannot be passed to a program"
	}
	for _, name := range arg.Names() {
		if !slices.Contains(paths, name) {
			return "The path " + short(name) + " is not among the job's paths"
		}
	}
	return ""
}

func (a *api) listJobs(c *call, _ nothing) ([]dffmpeg.Job, error) {
	all, err := c.truth("all")
	switch {
	case err != nil:
		return nil, err
	case all == nil || !*all:
		return a.jobsOf(c, c.identity.ClientID)
	case c.identity.Role != dffmpeg.RoleAdmin:
		return nil, wrongRole(c.identity, []dffmpeg.Role{dffmpeg.RoleAdmin})
	default:
		return a.jobsOf(c, "")
	}
}

// jobsOf lists jobs as the query asks, of one requester or of all.
func (a *api) jobsOf(c *call, requester string) ([]dffmpeg.Job, error) {
	window, err := c.number("window", 3600, 0, maxWindow)
	if err != nil {
		return nil, err
	}
	before := c.URL.Query().Get("since_id")
	if before != "" && !dffmpeg.ValidID(before) {
		return nil, dffmpeg.Errorf(dffmpeg.CodeInvalid, "Invalid job ID")
	}
	jobs, err := a.State.List(c.ctx(), store.JobQuery{
		Requester: requester, Window: time.Duration(window) * time.Second, Before: before, Limit: maxList,
	})
	if err == nil {
		err = standing.Fill(c.ctx(), a.State, jobs)
	}
	public := make([]dffmpeg.Job, 0, len(jobs))
	for _, j := range jobs {
		public = append(public, j.Public())
	}
	return public, err
}

func (a *api) showJob(c *call, _ nothing) (dffmpeg.Job, error) {
	job, err := a.job(c.ctx(), c.PathValue("job_id"))
	if err == nil && (c.identity.Role != dffmpeg.RoleWorker || job.Worker() != c.identity.ClientID) {
		err = mine(c.identity, &job)
	}
	if err != nil {
		return dffmpeg.Job{}, err
	}
	one := []dffmpeg.Job{job}
	err = standing.Fill(c.ctx(), a.State, one)
	return one[0].Public(), err
}

func (a *api) clientHeartbeat(c *call, _ nothing) (dffmpeg.CommandAnswer, error) {
	monitor, err := c.truth("monitor")
	if err != nil {
		return ok(), err
	}
	job, err := a.requested(c)
	if err != nil {
		return ok(), err
	}
	change, err := a.State.Attend(c.ctx(), job.ID, monitor)
	if change.Outcome == store.Finished {
		return detailed(dffmpeg.DetailAlreadyFinished), err
	}
	return ok(), err
}

func (a *api) cancel(c *call, _ nothing) (dffmpeg.CommandAnswer, error) {
	job, err := a.requested(c)
	if err != nil {
		return ok(), err
	}
	pending, err := c.truth("pending")
	if err != nil {
		return ok(), err
	}
	if pending != nil && *pending {
		return a.withdraw(c, job)
	}
	change, err := a.State.Cancel(c.ctx(), job.ID, c.identity.ClientID, "")
	if change.Outcome == store.Finished {
		return detailed(dffmpeg.DetailAlreadyFinished), err
	}
	return ok(), err
}

// withdraw cancels a job that no worker has been given.
func (a *api) withdraw(c *call, job dffmpeg.Job) (dffmpeg.CommandAnswer, error) {
	reason := c.URL.Query().Get("reason")
	if len(reason) > maxReason || !plain(reason) {
		return ok(), invalidQuery("reason", short(reason), "must be a sentence of "+strconv.Itoa(maxReason)+" bytes at most")
	}
	taken := dffmpeg.Errorf(dffmpeg.CodeConflict, "The job is not pending any more")
	if job.Status != dffmpeg.JobPending {
		return ok(), taken
	}
	change, err := a.State.Conclude(c.ctx(), job, dffmpeg.JobCanceled, reason)
	if err == nil && change.Outcome != store.Applied {
		err = taken
	}
	return ok(), err
}

func ok() dffmpeg.CommandAnswer { return dffmpeg.CommandAnswer{Status: "ok"} }

func detailed(detail string) dffmpeg.CommandAnswer {
	return dffmpeg.CommandAnswer{Status: "ok", Detail: &detail}
}
