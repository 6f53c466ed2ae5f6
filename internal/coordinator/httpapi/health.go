package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

func (a *api) healthEndpoints() []endpoint {
	health := endpoint{
		method: http.MethodGet, path: "/health", summary: "Show the coordinator's condition: 503 while it shuts down, 500 when unhealthy",
		access: everybody(), out: typeOf[dffmpeg.HealthAnswer](), status: http.StatusOK, raw: http.HandlerFunc(a.health),
		query: []parameter{{"deep", "boolean", "Look at databases and transports as well"}},
	}
	metrics := define(route{http.MethodGet, "/metrics", "Count jobs", fromAddresses(a.Settings.MetricsFrom)}, a.metrics)
	return []endpoint{health, metrics}
}

func (a *api) health(w http.ResponseWriter, r *http.Request) {
	deep := false
	if text := r.URL.Query().Get("deep"); text != "" {
		var err error
		if deep, err = strconv.ParseBool(text); err != nil {
			a.fail(w, r, invalidQuery("deep", text, "must be true or false"))
			return
		}
	}
	health := a.Health.Health(r.Context(), deep)
	status := http.StatusOK
	switch health.Status {
	case dffmpeg.HealthShutdown:
		status = http.StatusServiceUnavailable
	case dffmpeg.HealthUnhealthy:
		status = http.StatusInternalServerError
	case dffmpeg.HealthOnline:
	}
	health.Version, health.Features, health.QueryWorker = a.Settings.Version, features(), a.Settings.Queue.QueryWorker
	write(w, status, health)
}

// metrics counts jobs; every binary and every worker that is known shows, also
// with nothing to count.
func (a *api) metrics(c *call, _ nothing) (dffmpeg.MetricsAnswer, error) {
	tally, err := a.State.Tally(c.ctx())
	if err != nil {
		return tally, err
	}
	workers, err := a.State.ListWorkers(c.ctx(), maxWindow*time.Second)
	if err != nil {
		return tally, err
	}
	if tally.PerBinary == nil {
		tally.PerBinary = make(map[string]dffmpeg.JobCounts)
	}
	if tally.PerWorker == nil {
		tally.PerWorker = make(map[string]dffmpeg.JobCounts)
	}
	for _, name := range a.Settings.AllowedBinaries {
		ensure(tally.PerBinary, name)
	}
	for _, w := range workers {
		ensure(tally.PerWorker, w.ID)
	}
	return tally, nil
}

// ensure adds a zero where nothing was counted.
func ensure(counts map[string]dffmpeg.JobCounts, name string) {
	if _, counted := counts[name]; !counted {
		counts[name] = dffmpeg.JobCounts{}
	}
}

// statusData is what the dashboard shows.
func (a *api) statusData(ctx context.Context, window time.Duration) (dffmpeg.DashboardAnswer, error) {
	workers, err := a.State.ListWorkers(ctx, window)
	if err != nil {
		return dffmpeg.DashboardAnswer{}, err
	}
	loads, err := a.State.Loads(ctx)
	if err != nil {
		return dffmpeg.DashboardAnswer{}, err
	}
	jobs, err := a.recent(ctx, window)
	if err != nil {
		return dffmpeg.DashboardAnswer{}, err
	}
	return dffmpeg.NewDashboardAnswer(workers, store.JobsByWorker(loads), jobs), nil
}
