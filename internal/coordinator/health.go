package coordinator

import (
	"context"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// pingLimit bounds how long a database may take to answer.
const pingLimit = 3 * time.Second

// Health tells the coordinator's condition: shallow without I/O, deep with
// every repository and transport. A transport that is away does not make the
// coordinator unhealthy: it is not offered, and the others go on.
func (c *Coordinator) Health(ctx context.Context, deep bool) dffmpeg.HealthAnswer {
	health := dffmpeg.HealthAnswer{Status: dffmpeg.HealthOnline}
	if deep {
		health.Databases = c.databases(ctx)
		health.Transports = c.transports.Health(ctx)
		health.Coordinators = c.others(ctx)
		for _, database := range health.Databases {
			if database.Status != dffmpeg.HealthOnline {
				health.Status = dffmpeg.HealthUnhealthy
			}
		}
	}
	if c.stopping.Load() {
		health.Status = dffmpeg.HealthShutdown
	}
	return health
}

// others lists the coordinators; none when the database is away, which is said
// elsewhere.
func (c *Coordinator) others(ctx context.Context) []dffmpeg.Coordinator {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	all, err := c.replicas.List(ctx)
	if err != nil {
		return nil
	}
	for i := range all {
		all[i] = all[i].Public()
	}
	return all
}

// databases checks the engine of each repository.
func (c *Coordinator) databases(ctx context.Context) map[string]dffmpeg.ComponentHealth {
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	state, auth := component(c.opts.State.Ping(ctx)), component(c.opts.Identities.Ping(ctx))
	return map[string]dffmpeg.ComponentHealth{"auth": auth, "jobs": state, "messages": state, "workers": state}
}

// component turns the result of a check into words that give nothing away.
func component(err error) dffmpeg.ComponentHealth {
	if err == nil {
		return dffmpeg.ComponentHealth{Status: dffmpeg.HealthOnline}
	}
	detail := "The database does not answer; the coordinator's log has more"
	return dffmpeg.ComponentHealth{Status: dffmpeg.HealthUnhealthy, Detail: &detail}
}
