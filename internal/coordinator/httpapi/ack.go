package httpapi

import (
	"net/http"

	"github.com/dffmpeg/dffmpeg"
)

// ackEndpoints are where peers with ack/1 say what they acted upon. (Extension
// to 0.4.)
func (a *api) ackEndpoints() []endpoint {
	return []endpoint{
		define(route{http.MethodPost, "/worker/{worker_id}/ack", "Acknowledge messages to a worker", signedBy(dffmpeg.RoleWorker)}, a.workerAck),
		define(route{http.MethodPost, "/jobs/{job_id}/ack", "Acknowledge messages to a requester", requesters()}, a.requesterAck),
	}
}

func (a *api) workerAck(c *call, in dffmpeg.AcknowledgeRequest) (dffmpeg.CommandAnswer, error) {
	if err := own(c, c.PathValue("worker_id")); err != nil {
		return ok(), err
	}
	_, err := a.State.Acknowledge(c.ctx(), dffmpeg.ToWorker(c.identity.ClientID), in.MessageIDs)
	return ok(), err
}

func (a *api) requesterAck(c *call, in dffmpeg.AcknowledgeRequest) (dffmpeg.CommandAnswer, error) {
	job, err := a.listener(c)
	if err != nil {
		return ok(), err
	}
	_, err = a.State.Acknowledge(c.ctx(), job.Requester(), in.MessageIDs)
	return ok(), err
}
