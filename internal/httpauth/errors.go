package httpauth

import (
	"errors"
	"fmt"

	"github.com/dffmpeg/dffmpeg"
)

// Why a request was refused, for code (errors.Is) and for the log. The caller
// is told less: see [refuse].
var (
	ErrNoCredentials = errors.New("the request carries no dffmpeg headers")
	ErrIncomplete    = errors.New("a dffmpeg header is missing or given twice")
	ErrClientID      = errors.New("the client ID is malformed")
	ErrTimestamp     = errors.New("the timestamp is not Unix seconds")
	ErrSignature     = errors.New("the signature does not match the key, method, path, timestamp and body")
	ErrDrift         = errors.New("the timestamp is too far from the coordinator's clock")
)

// The details of a 401 that 0.4 answers, word for word (protocol.md, Identity
// and signing).
const (
	DetailRequired   = "Authentication required"
	DetailIncomplete = "Incomplete HMAC authentication provided"
	DetailUser       = "Invalid user"
	DetailAddress    = "Client IP not allowed"
	DetailSignature  = "Invalid HMAC signature"
)

// refuse makes the error of a refused request: CodeUnauthenticated with a
// detail for the caller, and the reason and a hint for the log.
func refuse(detail string, reason error, hint string, args ...any) error {
	cause := reason
	if hint != "" {
		cause = fmt.Errorf("%w: %s", reason, fmt.Sprintf(hint, args...))
	}
	return (&dffmpeg.Error{Code: dffmpeg.CodeUnauthenticated, Detail: detail}).WithCause(cause)
}
