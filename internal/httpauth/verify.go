package httpauth

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
)

// MaxDrift is how far a request's timestamp may be from the coordinator's
// clock, either way (protocol.md, Identity and signing).
const MaxDrift = 300 * time.Second

// maxTimestampDigits bounds the timestamp's text: ten digits last until 2286.
const maxTimestampDigits = 11

// Credentials are the headers of a signed request, not yet verified.
type Credentials struct {
	ClientID  string // bounded, valid UTF-8, free of control characters
	Timestamp string
	Signature string
}

// Parse reads the headers of a signed request. An empty header counts as
// missing. Errors are of code unauthenticated, with the detail for the caller,
// and match ErrNoCredentials, ErrIncomplete or ErrClientID.
func Parse(header http.Header) (Credentials, error) {
	names := []string{HeaderClientID, HeaderTimestamp, HeaderSignature}
	values, present := make([]string, len(names)), 0
	for i, name := range names {
		given := header.Values(name)
		if len(given) > 1 {
			return Credentials{}, refuse(DetailIncomplete, ErrIncomplete, "%s is given %d times", name, len(given))
		}
		if len(given) == 1 && given[0] != "" {
			values[i] = given[0]
			present++
		}
	}
	if present == 0 {
		return Credentials{}, refuse(DetailRequired, ErrNoCredentials, "")
	}
	for i, name := range names {
		if values[i] == "" {
			return Credentials{}, refuse(DetailIncomplete, ErrIncomplete, "%s is missing", name)
		}
	}
	if err := checkClientID(values[0]); err != nil {
		return Credentials{}, refuse(DetailUser, ErrClientID, "%v", err)
	}
	return Credentials{ClientID: values[0], Timestamp: values[1], Signature: values[2]}, nil
}

// checkClientID accepts what a header can safely carry to a look-up and a log.
// Identities imported from 0.4 may have names that dffmpeg.CheckClientID would
// refuse for a new one.
func checkClientID(id string) error {
	switch {
	case id == "":
		return errors.New("empty")
	case len(id) > dffmpeg.MaxClientIDBytes:
		return fmt.Errorf("%d bytes long, at most %d are allowed", len(id), dffmpeg.MaxClientIDBytes)
	case !utf8.ValidString(id):
		return errors.New("not valid UTF-8")
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return fmt.Errorf("contains the control character %U", r)
		}
	}
	return nil
}

// Verify returns nil when the credentials prove that the holder of key sent
// this request at about now. method is the request's own, path is
// percent-decoded without query and base path, body is all of it. It takes the
// same time for every wrong signature.
//
// Errors are of code unauthenticated with the detail `Invalid HMAC signature`,
// and match ErrTimestamp, ErrSignature or ErrDrift. Drift is looked at last, so
// that ErrDrift means that the key is right and only a clock is wrong.
func (c Credentials) Verify(key Key, method, path string, body []byte, now time.Time) error {
	sent, err := parseTimestamp(c.Timestamp)
	if err != nil {
		return err
	}
	expected := Sign(key, method, path, c.Timestamp, body)
	if !hmac.Equal([]byte(expected), []byte(c.Signature)) || key.IsZero() {
		return refuse(DetailSignature, ErrSignature, "")
	}
	if drift := sent.Sub(now); drift.Abs() > MaxDrift {
		return refuse(DetailSignature, ErrDrift, "the clock of %q is %s the coordinator's, at most %s are accepted; set the clocks of both machines (NTP)",
			c.ClientID, offset(drift), MaxDrift)
	}
	return nil
}

// parseTimestamp accepts digits only: a '|' would shift the boundaries of what
// was signed.
func parseTimestamp(text string) (time.Time, error) {
	if len(text) > maxTimestampDigits {
		return time.Time{}, refuse(DetailSignature, ErrTimestamp, "%d characters long", len(text))
	}
	for _, r := range text {
		if r < '0' || r > '9' {
			return time.Time{}, refuse(DetailSignature, ErrTimestamp, "%q", text)
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, refuse(DetailSignature, ErrTimestamp, "%q", text)
	}
	return time.Unix(seconds, 0), nil
}

// offset says how far and to which side a clock is off.
func offset(drift time.Duration) string {
	if drift < 0 {
		return drift.Abs().Round(time.Second).String() + " behind"
	}
	return drift.Round(time.Second).String() + " ahead of"
}
