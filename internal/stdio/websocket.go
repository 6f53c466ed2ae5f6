package stdio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/dffmpeg/dffmpeg"
)

// handshakeLimit bounds how long it may take until a connection carries frames.
const handshakeLimit = 10 * time.Second

// maxErrorAnswer bounds what is read of an answer that is no connection.
const maxErrorAnswer = 64 << 10

// Caller signs requests and proves whose they are.
type Caller interface {
	// Signed returns a signed request without a body.
	Signed(ctx context.Context, method, path string, query url.Values) (*http.Request, error)
	// Prove returns what only the holder of the key can make of a text.
	Prove(text string) string
	// HTTP returns the client to send requests with.
	HTTP() *http.Client
	// AnswerError returns what an answer that is an error says.
	AnswerError(response *http.Response, body []byte) error
}

// ProofText is what is proven to the coordinator that sent the challenge: it is
// good for one connection to one path, so that a signed request that somebody
// recorded opens none.
func ProofText(path string, challenge []byte) string {
	return fmt.Sprintf("%s|%s|%x", Subprotocol, path, challenge)
}

// Connect returns how to connect to the stdio of a job, at a path of the
// coordinator's.
func Connect(caller Caller, path string, query url.Values) Dial {
	return func(ctx context.Context) (Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
		defer cancel()
		conn, challenge, err := dial(ctx, caller, path, query)
		if err != nil {
			return nil, err
		}
		proof := Frame{Kind: Proof, Data: []byte(caller.Prove(ProofText(path, challenge)))}
		if err := conn.Write(ctx, proof.Encode()); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}

// dial opens a connection and returns what is to be proven over.
func dial(ctx context.Context, caller Caller, path string, query url.Values) (*conn, []byte, error) {
	request, err := caller.Signed(ctx, http.MethodGet, path, query)
	if err != nil {
		return nil, nil, err
	}
	target := *request.URL
	target.Scheme = map[string]string{"http": "ws", "https": "wss"}[target.Scheme]
	dialer := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, Subprotocols: []string{Subprotocol},
		WriteBufferSize: MaxFrame + frameOverhead, WriteBufferPool: new(sync.Pool), // one write for a frame
	}
	//nolint:bodyclose // of an answer that is no connection only a copy in memory is left
	socket, response, err := dialer.DialContext(ctx, target.String(), request.Header)
	if err != nil {
		return nil, nil, refusal(caller, response, err)
	}
	conn := newConn(socket)
	f, err := conn.readFrame(ctx)
	if err == nil && f.Kind != Challenge {
		err = errors.New("the coordinator did not begin with a challenge")
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, f.Data, nil
}

// refusal turns the coordinator's answer into its error.
func refusal(caller Caller, response *http.Response, err error) error {
	if response == nil || response.Body == nil || response.StatusCode < http.StatusBadRequest {
		return err
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorAnswer)) // what there is
	return caller.AnswerError(response, body)
}

// Permanent reports whether an error of Dial will not go away by trying again.
func Permanent(err error) bool {
	switch dffmpeg.CodeOf(err) {
	case dffmpeg.CodeForbidden, dffmpeg.CodeNotFound, dffmpeg.CodeInvalid, dffmpeg.CodeMethodNotAllowed,
		dffmpeg.CodeUpgradeRequired:
		return true
	default:
		return false
	}
}

// Wanted reports whether a request asks for a connection, for Accept to answer.
func Wanted(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// Accept answers a request with a connection, once check has accepted the proof of
// ProofText(path, challenge). It answers the request itself when it fails.
func Accept(w http.ResponseWriter, r *http.Request, check func(challenge []byte, proof string) error) (Conn, error) {
	conn, err := accept(w, r, func(ctx context.Context, conn *conn) error {
		challenge, proof, err := conn.challenge(ctx)
		if err != nil {
			return err
		}
		return check(challenge, proof)
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// accept answers a request with a connection that begins as it should.
func accept(w http.ResponseWriter, r *http.Request, begin func(ctx context.Context, conn *conn) error) (*conn, error) {
	upgrader := websocket.Upgrader{Subprotocols: []string{Subprotocol}}
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	conn := newConn(socket)
	ctx, cancel := context.WithTimeout(r.Context(), handshakeLimit)
	defer cancel()
	err = begin(ctx, conn)
	if err == nil && socket.Subprotocol() != Subprotocol {
		err = errors.New("the caller does not speak " + Subprotocol)
	}
	if err != nil {
		conn.refuse()
		return nil, err
	}
	return conn, nil
}

// challenge has the caller prove its identity over the bytes that it returns.
func (c *conn) challenge(ctx context.Context) (random []byte, proof string, err error) {
	random = make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	if err := c.Write(ctx, Frame{Kind: Challenge, Data: random}.Encode()); err != nil {
		return nil, "", err
	}
	f, err := c.readFrame(ctx)
	if err == nil && f.Kind != Proof {
		err = errors.New("the caller did not prove its identity")
	}
	return random, string(f.Data), err
}
