package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/dashboard"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/standing"
	"github.com/dffmpeg/dffmpeg/store"
)

const (
	dashboardWindow = 3600 // seconds
	dashboardJobs   = 200
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// dashboardEndpoints are not there when the dashboard is disabled.
func (a *api) dashboardEndpoints() []endpoint {
	if !a.Settings.Dashboard {
		return nil
	}
	from := fromAddresses(a.Settings.DashboardFrom)
	data := define(route{http.MethodGet, "/status/data", "What the status page shows", from}, a.dashboardData)
	data.query = []parameter{{"window", "integer", "Seconds to look back"}}
	endpoints := []endpoint{
		{
			method: http.MethodGet, path: "/", summary: "Go to the status page", access: from,
			status: http.StatusTemporaryRedirect, raw: http.RedirectHandler("/status", http.StatusTemporaryRedirect),
		},
		{
			method: http.MethodGet, path: "/status", summary: "Status page for people", access: from,
			status: http.StatusOK, raw: dashboard.Page(a.Settings.Version, a.snapshot, a.Logger),
		},
		data,
	}
	for path, asset := range dashboard.Assets() {
		endpoints = append(endpoints, endpoint{
			method: http.MethodGet, path: path, summary: "Part of the status page", access: from,
			status: http.StatusOK, raw: asset,
		})
	}
	return endpoints
}

// snapshot is what the status page shows first.
func (a *api) snapshot(ctx context.Context) (dashboard.Snapshot, error) {
	now, err := a.State.Now(ctx)
	if err != nil {
		return dashboard.Snapshot{}, err
	}
	data, err := a.statusData(ctx, dashboardWindow*time.Second)
	return dashboard.Snapshot{At: now, Data: data}, err
}

func (a *api) dashboardData(c *call, _ nothing) (dffmpeg.DashboardAnswer, error) {
	window, err := c.number("window", dashboardWindow, 0, maxWindow)
	if err != nil {
		return dffmpeg.DashboardAnswer{}, err
	}
	return a.statusData(c.ctx(), time.Duration(window)*time.Second)
}

// recent returns everybody's latest jobs.
func (a *api) recent(ctx context.Context, window time.Duration) ([]dffmpeg.Job, error) {
	jobs, err := a.State.List(ctx, store.JobQuery{Window: window, Limit: dashboardJobs})
	if err == nil {
		err = standing.Fill(ctx, a.State, jobs)
	}
	return jobs, err
}
