package httpapi

import (
	"net/http"

	"github.com/dffmpeg/dffmpeg"
)

func (a *api) adminEndpoints() []endpoint {
	admin := signedBy(dffmpeg.RoleAdmin)
	janitor := define(route{http.MethodPost, "/admin/janitor", "Have the janitor tidy up now", admin}, a.janitor)
	janitor.status = http.StatusAccepted
	jobs := define(route{http.MethodGet, "/admin/jobs", "List everybody's jobs, newest first", admin}, a.allJobs)
	jobs.query = []parameter{
		{"window", "integer", "Seconds back that a finished job may have ended"},
		{"since_id", "string", "Only jobs older than this one"},
		{"requester", "string", "Only this identity's jobs"},
	}
	coordinators := define(route{http.MethodGet, "/admin/coordinators", "List the coordinators that share this database", admin}, a.coordinators)
	return []endpoint{janitor, jobs, coordinators}
}

func (a *api) coordinators(c *call, _ nothing) ([]dffmpeg.Coordinator, error) {
	all, err := a.Replicas.List(c.ctx())
	if all == nil {
		all = []dffmpeg.Coordinator{}
	}
	return all, err
}

func (a *api) janitor(_ *call, in dffmpeg.JanitorRequest) (dffmpeg.JanitorAnswer, error) {
	a.Janitor.Trigger(in.Action)
	return dffmpeg.JanitorAnswer{Message: "Action accepted", Action: in.Action}, nil
}

func (a *api) allJobs(c *call, _ nothing) ([]dffmpeg.Job, error) {
	requester := c.URL.Query().Get("requester")
	if !plain(requester) {
		return nil, invalidQuery("requester", requester, "must be the client ID of an identity, which has no control characters")
	}
	return a.jobsOf(c, requester)
}
