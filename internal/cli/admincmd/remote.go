package admincmd

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Caller sends requests to the coordinator, signed by an admin.
type Caller interface {
	Call(ctx context.Context, method, path string, query url.Values, in, out any) error
}

// Remote works through a coordinator.
type Remote struct{ caller Caller }

var (
	_ Users   = (*Remote)(nil)
	_ Cluster = (*Remote)(nil)
)

// NewRemote returns a backend that works through a coordinator.
func NewRemote(caller Caller) *Remote { return &Remote{caller: caller} }

func (r *Remote) get(ctx context.Context, path string, query url.Values, out any) error {
	return r.caller.Call(ctx, http.MethodGet, path, query, nil, out)
}

func userPath(id, more string) string { return "/admin/users/" + url.PathEscape(id) + more }

// Add implements Users.
func (r *Remote) Add(ctx context.Context, id string, role dffmpeg.Role, cidrs []netip.Prefix) (dffmpeg.Identity, secret.Value, error) {
	var answer dffmpeg.UserKeyAnswer
	request := dffmpeg.AddUserRequest{ClientID: id, Role: role, AllowedCIDRs: texts(cidrs)}
	err := r.caller.Call(ctx, http.MethodPost, "/admin/users", nil, request, &answer)
	return answer.Identity, secret.New(answer.HMACKey), err
}

func texts(cidrs []netip.Prefix) []string {
	list := make([]string, 0, len(cidrs))
	for _, c := range cidrs {
		list = append(list, c.String())
	}
	return list
}

// List implements Users.
func (r *Remote) List(ctx context.Context) ([]dffmpeg.Identity, error) {
	var users []dffmpeg.Identity
	err := r.get(ctx, "/admin/users", nil, &users)
	return users, err
}

// Show implements Users.
func (r *Remote) Show(ctx context.Context, id string) (dffmpeg.Identity, error) {
	var user dffmpeg.Identity
	err := r.get(ctx, userPath(id, ""), nil, &user)
	return user, err
}

// Key implements Users.
func (r *Remote) Key(ctx context.Context, id string) (secret.Value, error) {
	var answer dffmpeg.UserKeyAnswer
	err := r.get(ctx, userPath(id, "/key"), nil, &answer)
	return secret.New(answer.HMACKey), err
}

// Delete implements Users.
func (r *Remote) Delete(ctx context.Context, id string) error {
	return r.caller.Call(ctx, http.MethodDelete, userPath(id, ""), nil, nil, nil)
}

// RotateKey implements Users.
func (r *Remote) RotateKey(ctx context.Context, id string) (secret.Value, error) {
	var answer dffmpeg.UserKeyAnswer
	err := r.caller.Call(ctx, http.MethodPost, userPath(id, "/rotate-key"), nil, nil, &answer)
	return secret.New(answer.HMACKey), err
}

// SetScope implements Users.
func (r *Remote) SetScope(ctx context.Context, id string, cidrs []netip.Prefix) error {
	request := dffmpeg.ScopeRequest{AllowedCIDRs: texts(cidrs)}
	return r.caller.Call(ctx, http.MethodPut, userPath(id, "/scope"), nil, request, nil)
}

// SetRole implements Users.
func (r *Remote) SetRole(ctx context.Context, id string, role dffmpeg.Role) error {
	return r.caller.Call(ctx, http.MethodPut, userPath(id, "/role"), nil, dffmpeg.RoleRequest{Role: role}, nil)
}

// SetPriorities implements Users.
func (r *Remote) SetPriorities(ctx context.Context, id string, priorities dffmpeg.Priorities) error {
	return r.caller.Call(ctx, http.MethodPut, userPath(id, "/priorities"), nil, dffmpeg.PrioritiesRequest{Priorities: priorities}, nil)
}

// Health implements Cluster.
func (r *Remote) Health(ctx context.Context) (dffmpeg.HealthAnswer, error) {
	var health dffmpeg.HealthAnswer
	err := r.get(ctx, "/health", url.Values{"deep": {"true"}}, &health)
	return health, err
}

// Workers implements Cluster.
func (r *Remote) Workers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error) {
	var workers []dffmpeg.Worker
	err := r.get(ctx, "/workers", back(window), &workers)
	return workers, err
}

func back(window time.Duration) url.Values {
	return url.Values{"window": {strconv.Itoa(int(window / time.Second))}}
}

// Worker implements Cluster.
func (r *Remote) Worker(ctx context.Context, id string) (dffmpeg.Worker, error) {
	var worker dffmpeg.Worker
	err := r.get(ctx, "/workers/"+url.PathEscape(id), nil, &worker)
	return worker, err
}

// Jobs implements Cluster.
func (r *Remote) Jobs(ctx context.Context, window time.Duration, requester string) ([]dffmpeg.Job, error) {
	query := back(window)
	if requester != "" {
		query.Set("requester", requester)
	}
	var jobs []dffmpeg.Job
	err := r.get(ctx, "/admin/jobs", query, &jobs)
	return jobs, err
}

// Job implements Cluster.
func (r *Remote) Job(ctx context.Context, id string) (dffmpeg.Job, error) {
	var job dffmpeg.Job
	err := r.get(ctx, "/jobs/"+url.PathEscape(id)+"/status", nil, &job)
	return job, err
}

// Logs implements Cluster.
func (r *Remote) Logs(ctx context.Context, id, since string) (dffmpeg.LogsAnswer, error) {
	query := url.Values{}
	if since != "" {
		query.Set("since_message_id", since)
	}
	var page dffmpeg.LogsAnswer
	err := r.get(ctx, "/jobs/"+url.PathEscape(id)+"/logs", query, &page)
	return page, err
}

// Coordinators implements Cluster.
func (r *Remote) Coordinators(ctx context.Context) ([]dffmpeg.Coordinator, error) {
	var all []dffmpeg.Coordinator
	err := r.get(ctx, "/admin/coordinators", nil, &all)
	return all, err
}

// Janitor implements Cluster.
func (r *Remote) Janitor(ctx context.Context, action dffmpeg.JanitorAction) error {
	return r.caller.Call(ctx, http.MethodPost, "/admin/janitor", nil, dffmpeg.JanitorRequest{Action: action}, nil)
}
