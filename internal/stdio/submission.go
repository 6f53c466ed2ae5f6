package stdio

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
)

// MaxSubmission bounds a submission that goes over the connection of its streams.
const MaxSubmission = MaxFrame - headerSize

// SubmissionText is what is proven to the coordinator that sent the challenge by
// whoever submits a job over the connection: the proof covers the submission, as the
// signature of a request covers its body.
func SubmissionText(path string, challenge, body []byte) string {
	return fmt.Sprintf("%s|%x", ProofText(path, challenge), sha256.Sum256(body))
}

// Opening is a connection over which a job can be submitted, whose streams it then
// carries: one connection for what would take a request and another connection.
type Opening struct {
	conn      *conn
	caller    Caller
	path      string
	challenge []byte
}

// Open opens a connection at a path of the coordinator's. After an error nothing was
// submitted.
func Open(ctx context.Context, caller Caller, path string) (*Opening, error) {
	conn, challenge, err := dial(ctx, caller, path, nil)
	if err != nil {
		return nil, err
	}
	return &Opening{conn, caller, path, challenge}, nil
}

// Submit submits a job and returns the answer, with the connection of the job's
// requester. After an error the connection is closed; unless that is the
// coordinator's answer, the job may have been accepted.
func (o *Opening) Submit(ctx context.Context, body []byte) (Conn, []byte, error) {
	stop := context.AfterFunc(ctx, o.conn.Close)
	answer, err := o.submit(ctx, body)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		o.conn.Close()
		return nil, nil, err
	}
	return o.conn, answer, nil
}

func (o *Opening) submit(ctx context.Context, body []byte) ([]byte, error) {
	proof := o.caller.Prove(SubmissionText(o.path, o.challenge, body))
	for _, f := range []Frame{{Kind: Proof, Data: []byte(proof)}, {Kind: Submit, Data: body}} {
		if err := o.conn.Write(ctx, f.Encode()); err != nil {
			return nil, err
		}
	}
	f, err := o.conn.readFrame(ctx)
	switch {
	case err != nil:
		return nil, err
	case f.Kind == Submitted:
		return f.Data, nil
	case f.Kind == Refused:
		status := int(f.Number)
		return nil, o.caller.AnswerError(&http.Response{StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status))}, f.Data)
	default:
		return nil, fmt.Errorf("the coordinator answered a submission with a frame of kind %d", f.Kind)
	}
}

// Submission is a job that somebody submits over a connection.
type Submission struct {
	Body []byte
	conn *conn
}

// AcceptSubmission answers a request with a connection and returns what is submitted
// over it, once check has accepted the proof of SubmissionText(path, challenge,
// body). It answers the request itself when it fails.
func AcceptSubmission(w http.ResponseWriter, r *http.Request, check func(challenge, body []byte, proof string) error) (*Submission, error) {
	var s Submission
	conn, err := accept(w, r, func(ctx context.Context, conn *conn) error {
		challenge, proof, err := conn.challenge(ctx)
		if err != nil {
			return err
		}
		f, err := conn.readFrame(ctx)
		if err == nil && f.Kind != Submit {
			err = errors.New("the caller submitted nothing")
		}
		if err != nil {
			return err
		}
		s.Body = f.Data
		return check(challenge, s.Body, proof)
	})
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return &s, nil
}

// Accept answers that there is a job now, and returns the connection of its
// requester. That the caller did not hear it is found out by using the connection.
func (s *Submission) Accept(ctx context.Context, answer []byte) Conn {
	_ = s.answer(ctx, Frame{Kind: Submitted, Data: answer})
	return s.conn
}

// Refuse answers with an error, as to a request, and closes the connection.
func (s *Submission) Refuse(ctx context.Context, status int, body []byte) error {
	defer s.conn.Close()
	return s.answer(ctx, Frame{Kind: Refused, Number: int64(status), Data: body})
}

func (s *Submission) answer(ctx context.Context, f Frame) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	return s.conn.Write(ctx, f.Encode())
}
