package dffmpeg

import (
	"errors"
	"fmt"
	"net/http"
)

// Code classifies an error across the wire. Callers branch on it, people read
// the detail.
type Code string

// The codes of errors that cross the wire.
const (
	CodeInvalid          Code = "invalid"            // the request cannot be right, whoever sends it
	CodeValidation       Code = "validation"         // members of the body are wrong; see Fields
	CodeUnauthenticated  Code = "unauthenticated"    // who sends it could not be established
	CodeForbidden        Code = "forbidden"          // known, but not allowed to
	CodeNotFound         Code = "not_found"          // no such thing, or not for this caller
	CodeMethodNotAllowed Code = "method_not_allowed" // the path exists, the method does not
	CodeConflict         Code = "conflict"           // the thing exists already or changed meanwhile
	CodeTooLarge         Code = "too_large"          // the body exceeds the limit
	CodeUnsupportedMedia Code = "unsupported_media"  // the body is not application/json
	CodeUpgradeRequired  Code = "upgrade_required"   // for WebSocket connections only; the request does not ask for one
	CodeUnavailable      Code = "unavailable"        // try again later: shutting down, or the store is down
	CodeInternal         Code = "internal"           // our fault; the log has more
)

// Status returns the HTTP status that carries c; an unknown code is an internal
// error.
func (c Code) Status() int {
	switch c {
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeValidation:
		return http.StatusUnprocessableEntity
	case CodeUnauthenticated:
		return http.StatusUnauthorized
	case CodeForbidden:
		return http.StatusForbidden
	case CodeNotFound:
		return http.StatusNotFound
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case CodeConflict:
		return http.StatusConflict
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case CodeUpgradeRequired:
		return http.StatusUpgradeRequired
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// CodeForStatus is the inverse of [Code.Status], for a client that reads an
// answer. Statuses that no code maps to become CodeInternal from 500 on,
// CodeInvalid below.
func CodeForStatus(status int) Code {
	for _, c := range Codes() {
		if c.Status() == status {
			return c
		}
	}
	if status >= http.StatusInternalServerError {
		return CodeInternal
	}
	return CodeInvalid
}

// Codes lists every code.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeValidation, CodeUnauthenticated, CodeForbidden, CodeNotFound,
		CodeMethodNotAllowed, CodeConflict, CodeTooLarge, CodeUnsupportedMedia,
		CodeUpgradeRequired, CodeUnavailable, CodeInternal,
	}
}

// Error is an error with a code and a detail that the caller may see. What
// only the operator may see is wrapped and never leaves the process.
type Error struct {
	Code   Code
	Detail string       // one sentence for the caller, free of secrets
	Fields []FieldError // for CodeValidation: what is wrong where
	cause  error
}

// FieldError names one wrong member of a request, in the shape 0.4 peers print.
type FieldError struct {
	Type string `json:"type"`            // a word such as "too_short", "missing", "json_invalid"
	Loc  []any  `json:"loc"`             // path to the member: strings and indices, first "body", "query" or "path"
	Msg  string `json:"msg"`             // one sentence
	In   any    `json:"input,omitempty"` // the offending value, when it is short and not secret
	// Ctx has the numbers behind the sentence, as 0.4 gives them for some types.
	Ctx map[string]any `json:"ctx,omitempty"`
}

// Errorf makes an Error with a formatted detail. An argument wrapped with %w
// becomes the cause and shows in the detail like any other.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Detail: err.Error(), cause: errors.Unwrap(err)}
}

// WithCause returns a copy of e that wraps cause, which Error() shows and the
// wire does not.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error implements error; it includes the cause, so it is for logs.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Detail + ": " + e.cause.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first Error in err's chain, CodeInternal when
// there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
