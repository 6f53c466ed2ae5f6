package httpapi

import (
	"net/http"

	"github.com/dffmpeg/dffmpeg"
)

// clusterEndpoints are for other coordinators on the same database. (Extension to
// 0.4.)
func (a *api) clusterEndpoints() []endpoint {
	coordinators := signedBy(dffmpeg.RoleCoordinator)
	return []endpoint{
		define(route{http.MethodPost, "/cluster/wake", "Wake those who have got mail; for other coordinators", coordinators}, a.wake),
	}
}

func (a *api) wake(_ *call, in dffmpeg.WakeRequest) (dffmpeg.OKAnswer, error) {
	a.Replicas.Hear(in)
	return dffmpeg.OKAnswer{Status: "ok"}, nil
}
