package stdio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

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
		request, err := caller.Signed(ctx, http.MethodGet, path, query)
		if err != nil {
			return nil, err
		}
		//nolint:bodyclose // the library closes it
		socket, response, err := websocket.Dial(ctx, request.URL.String(), &websocket.DialOptions{
			HTTPClient: caller.HTTP(), HTTPHeader: request.Header, Subprotocols: []string{Subprotocol},
		})
		if err != nil {
			return nil, refusal(caller, response, err)
		}
		conn := newConn(socket)
		if err := prove(ctx, conn, caller, path); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
}

// refusal turns the coordinator's answer into its error.
func refusal(caller Caller, response *http.Response, err error) error {
	if response == nil || response.Body == nil || response.StatusCode < http.StatusBadRequest {
		return err
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorAnswer)) // what there is
	return caller.AnswerError(response, body)
}

func prove(ctx context.Context, conn Conn, caller Caller, path string) error {
	message, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	f, err := Decode(message)
	if err != nil || f.Kind != Challenge {
		return errors.New("the coordinator did not begin with a challenge")
	}
	return conn.Write(ctx, Frame{Kind: Proof, Data: []byte(caller.Prove(ProofText(path, f.Data)))}.Encode())
}

// Permanent reports whether an error of Dial will not go away by trying again.
func Permanent(err error) bool {
	switch dffmpeg.CodeOf(err) {
	case dffmpeg.CodeForbidden, dffmpeg.CodeNotFound, dffmpeg.CodeInvalid, dffmpeg.CodeMethodNotAllowed:
		return true
	default:
		return false
	}
}

// Accept answers a request with a connection, once check has accepted the proof of
// ProofText(path, challenge). It answers the request itself when it fails.
func Accept(w http.ResponseWriter, r *http.Request, check func(challenge []byte, proof string) error) (Conn, error) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		return nil, err
	}
	conn := newConn(socket)
	if socket.Subprotocol() != Subprotocol {
		_ = socket.Close(websocket.StatusPolicyViolation, "speak "+Subprotocol) // it is refused whether it hears that or not
		return nil, errors.New("the caller does not speak " + Subprotocol)
	}
	ctx, cancel := context.WithTimeout(r.Context(), handshakeLimit)
	defer cancel()
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // never fails
	err = conn.Write(ctx, Frame{Kind: Challenge, Data: challenge}.Encode())
	var message []byte
	if err == nil {
		message, err = conn.Read(ctx)
	}
	var f Frame
	if err == nil {
		f, err = Decode(message)
	}
	if err == nil && f.Kind != Proof {
		err = errors.New("the caller did not prove its identity")
	}
	if err == nil {
		err = check(challenge, string(f.Data))
	}
	if err != nil {
		_ = socket.Close(websocket.StatusPolicyViolation, "not proven")
		return nil, err
	}
	return conn, nil
}

// conn is a WebSocket.
type conn struct{ socket *websocket.Conn }

func newConn(socket *websocket.Conn) conn {
	socket.SetReadLimit(MaxFrame)
	return conn{socket}
}

// Read implements Conn.
func (c conn) Read(ctx context.Context) ([]byte, error) {
	kind, message, err := c.socket.Read(ctx)
	if err == nil && kind != websocket.MessageBinary {
		err = errors.New("a frame is a binary message")
	}
	return message, err
}

// Write implements Conn.
func (c conn) Write(ctx context.Context, frame []byte) error {
	return c.socket.Write(ctx, websocket.MessageBinary, frame)
}

// Ping implements Conn.
func (c conn) Ping(ctx context.Context) error { return c.socket.Ping(ctx) }

// Close implements Conn.
func (c conn) Close() { _ = c.socket.CloseNow() } // it is over in any case
