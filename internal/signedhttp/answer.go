package signedhttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// maxSkew is how far the clocks of a peer and the coordinator may differ
// (protocol.md, Identity and signing).
const maxSkew = 300 * time.Second

// AnswerError turns an answer with an error status into an error.
func AnswerError(response *http.Response, body []byte) error {
	err := &dffmpeg.Error{Code: dffmpeg.CodeForStatus(response.StatusCode)}
	var answer struct {
		Detail json.RawMessage `json:"detail"`
		Code   dffmpeg.Code    `json:"code"`
	}
	if json.Unmarshal(body, &answer) == nil {
		err.Detail, err.Fields = detail(answer.Detail)
		if answer.Code != "" {
			err.Code = answer.Code
		}
	}
	if err.Detail == "" {
		err.Detail = condition(body)
	}
	if err.Detail == "" {
		err.Detail = "The coordinator answered " + response.Status
	}
	if err.Code == dffmpeg.CodeUnauthenticated {
		err.Detail += skewHint(response.Header.Get("Date"), time.Now())
	}
	return err
}

// condition says what is wrong with a coordinator that answers how it is (GET
// /health), "" for any other answer.
func condition(body []byte) string {
	var health dffmpeg.HealthAnswer
	if json.Unmarshal(body, &health) != nil || health.Status != dffmpeg.HealthUnhealthy && health.Status != dffmpeg.HealthShutdown {
		return ""
	}
	var ill []string
	for kind, parts := range map[string]map[string]dffmpeg.ComponentHealth{"database": health.Databases, "transport": health.Transports} {
		for name, part := range parts {
			if part.Status == dffmpeg.HealthOnline {
				continue
			}
			text := kind + " " + name + ": " + string(part.Status)
			if part.Detail != nil {
				text += " (" + *part.Detail + ")"
			}
			ill = append(ill, text)
		}
	}
	slices.Sort(ill)
	text := "The coordinator's condition is " + string(health.Status)
	if len(ill) == 0 {
		return text
	}
	return text + "; " + strings.Join(ill, "; ")
}

// detail reads either form of the member: a sentence, or a list of what is
// wrong where.
func detail(raw json.RawMessage) (string, []dffmpeg.FieldError) {
	var sentence string
	if json.Unmarshal(raw, &sentence) == nil {
		return sentence, nil
	}
	var fields []dffmpeg.FieldError
	if json.Unmarshal(raw, &fields) != nil {
		return "", nil
	}
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		place := make([]string, 0, len(f.Loc))
		for _, step := range f.Loc {
			place = append(place, fmt.Sprint(step))
		}
		parts = append(parts, strings.Join(place, ".")+": "+f.Msg)
	}
	return strings.Join(parts, "; "), fields
}

// skewHint explains a refused signature by clocks that differ, when they do.
func skewHint(date string, now time.Time) string {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return ""
	}
	skew := now.Sub(theirs).Round(time.Second)
	if skew.Abs() <= maxSkew {
		return ""
	}
	return fmt.Sprintf(" (this machine's clock differs from the coordinator's by %s; at most %s are accepted: set the clocks)", skew, maxSkew)
}
