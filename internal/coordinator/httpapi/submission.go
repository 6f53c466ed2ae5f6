package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/relay"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

// submitStreams submits a job over a connection, which then is its requester's.
func (a *api) submitStreams(w http.ResponseWriter, c *call) error {
	s, err := stdio.AcceptSubmission(w, c.Request, func(challenge, body []byte, proof string) error {
		return a.Authenticator.CheckProof(c.ctx(), c.identity.ClientID, stdio.SubmissionText(c.URL.Path, challenge, body), proof)
	})
	if err == nil {
		err = a.serveSubmission(c, s)
	}
	a.connectionEnded(c, err)
	return nil
}

// serveSubmission answers a submission and serves the job's streams.
func (a *api) serveSubmission(c *call, s *stdio.Submission) error {
	answer, err := a.streamed(c, s.Body)
	var body []byte
	if err == nil {
		body, err = json.Marshal(answer)
	}
	if err != nil {
		known := a.known(c.Request, err)
		body, _ = json.Marshal(errorAnswer(known)) // strings and numbers
		return errors.Join(err, s.Refuse(c.ctx(), known.Code.Status(), body))
	}
	return a.Relay.Serve(c.ctx(), s.Accept(c.ctx(), body), answer.ID, relay.Requester, 0)
}

// streamed submits a job whose requester has streams.
func (a *api) streamed(c *call, body []byte) (dffmpeg.SubmitAnswer, error) {
	var in dffmpeg.SubmitRequest
	body, err := a.schemas.check(reflect.TypeFor[dffmpeg.SubmitRequest](), body)
	if err == nil {
		if err = json.Unmarshal(body, &in); err != nil {
			err = undecodable(err)
		}
	}
	if err == nil && !slices.Contains(in.Features, dffmpeg.FeatureStdio) {
		err = invalidBody("features", "A job that is submitted here needs "+dffmpeg.FeatureStdio+" among its features")
	}
	if err != nil {
		return dffmpeg.SubmitAnswer{}, err
	}
	return a.submit(c, in)
}
