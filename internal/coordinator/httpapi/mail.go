package httpapi

import (
	"net/http"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// mailLimit bounds how many messages one answer has; a peer asks until there are
// none.
const mailLimit = 100

// mailEndpoints are where peers that listen to a broker fetch what it may have
// lost. (Extension to 0.4.)
func (a *api) mailEndpoints() []endpoint {
	query := []parameter{{"after", "string", "Only messages whose ID sorts after this; without it, those not acknowledged"}}
	worker := define(route{http.MethodGet, "/worker/{worker_id}/mail", "Fetch messages to a worker", signedBy(dffmpeg.RoleWorker)}, a.workerMail)
	requester := define(route{http.MethodGet, "/jobs/{job_id}/mail", "Fetch messages to a requester", requesters()}, a.requesterMail)
	worker.query, requester.query = query, query
	return []endpoint{worker, requester}
}

func (a *api) workerMail(c *call, _ nothing) (dffmpeg.MailAnswer, error) {
	if err := own(c, c.PathValue("worker_id")); err != nil {
		return dffmpeg.MailAnswer{}, err
	}
	return a.mail(c, dffmpeg.ToWorker(c.identity.ClientID))
}

func (a *api) requesterMail(c *call, _ nothing) (dffmpeg.MailAnswer, error) {
	job, err := a.listener(c)
	if err != nil {
		return dffmpeg.MailAnswer{}, err
	}
	return a.mail(c, job.Requester())
}

// mail reads messages and counts them as handed over: the broker need not carry
// them any more.
func (a *api) mail(c *call, to dffmpeg.Recipient) (dffmpeg.MailAnswer, error) {
	answer := dffmpeg.MailAnswer{Messages: []dffmpeg.NumberedMessage{}}
	query := store.MailQuery{Select: store.MailUnacknowledged, After: c.URL.Query().Get("after"), Limit: mailLimit}
	if len(query.After) > maxCursor || !plain(query.After) {
		return answer, invalidQuery("after", query.After, "must be the message_id of a message")
	}
	if query.After != "" {
		query.Select = store.MailAfter
	}
	messages, err := a.State.Mail(c.ctx(), to, query)
	if err != nil {
		return answer, err
	}
	var unsent int64
	for _, m := range messages {
		if m.SentAt == nil {
			unsent = m.Seq
		}
		answer.Messages = append(answer.Messages, dffmpeg.NumberedMessage{Message: m, Seq: m.Seq})
	}
	if unsent > 0 {
		err = a.State.MarkSent(c.ctx(), to, unsent)
	}
	return answer, err
}
