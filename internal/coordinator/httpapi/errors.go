package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
)

// fail answers with an error.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) { writeError(w, a.known(r, err)) }

// known returns what the caller is told of an error. What is not meant for the caller
// goes to the log.
func (a *api) known(r *http.Request, err error) *dffmpeg.Error {
	var known *dffmpeg.Error
	if !errors.As(err, &known) {
		known = dffmpeg.Errorf(dffmpeg.CodeInternal, "Internal error; the coordinator's log has more")
	}
	if status := known.Code.Status(); status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "status", status, "error", err)
	}
	return known
}

// writeError answers with a known error.
func writeError(w http.ResponseWriter, err *dffmpeg.Error) {
	write(w, err.Code.Status(), errorAnswer(err))
}

// errorAnswer returns the answer that is an error, in the shape of 0.4.
func errorAnswer(err *dffmpeg.Error) dffmpeg.ErrorAnswer {
	answer := dffmpeg.ErrorAnswer{Detail: err.Detail, Code: err.Code}
	if err.Fields != nil {
		answer.Detail = err.Fields
	}
	return answer
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"detail":"Internal error","code":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone misses nothing
}

// invalidFields is the error for members of a body or query that are wrong.
func invalidFields(fields ...dffmpeg.FieldError) *dffmpeg.Error {
	return &dffmpeg.Error{Code: dffmpeg.CodeValidation, Detail: fields[0].Msg, Fields: fields}
}

func invalidQuery(name, value, msg string) error {
	return invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"query", name}, Msg: name + " " + msg, In: short(value)})
}

func invalidBody(field, msg string) error {
	return invalidFields(dffmpeg.FieldError{Type: "value_error", Loc: []any{"body", field}, Msg: msg})
}

// badJSON is the error for a body that is not JSON.
// offset is where that shows.
func badJSON(err error, offset int64) error {
	field := dffmpeg.FieldError{
		Type: "json_invalid", Loc: []any{"body", offset}, Msg: "JSON decode error",
		In: map[string]any{}, Ctx: map[string]any{"error": err.Error()},
	}
	return invalidFields(field)
}

// undecodable is the error for a body that is valid by its schema and yet does
// not fit: a number beyond what a machine holds, a date that does not exist.
func undecodable(err error) error {
	field := dffmpeg.FieldError{Type: "value_error", Loc: []any{"body"}, Msg: "A value is out of range: " + err.Error()}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		for step := range strings.SplitSeq(mismatch.Field, ".") {
			field.Loc = append(field.Loc, step)
		}
		field.Msg = "A " + mismatch.Value + " does not fit here"
	}
	return invalidFields(field)
}

// short cuts a value that is repeated to the caller.
func short(value string) string {
	const most = 100
	if len(value) <= most {
		return value
	}
	end := most
	for !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end] + "…"
}
