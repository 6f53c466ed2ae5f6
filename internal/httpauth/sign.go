package httpauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed request.
const (
	HeaderClientID  = "X-Dffmpeg-Client-Id"
	HeaderTimestamp = "X-Dffmpeg-Timestamp" // Unix seconds, decimal
	HeaderSignature = "X-Dffmpeg-Signature" // standard base64
)

// Sign returns the signature of a request. path is percent-decoded, without
// query and base path; timestamp is the header's text; the body may be nil.
func Sign(key Key, method, path, timestamp string, body []byte) string {
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, []byte(key.raw.Reveal()))
	mac.Write([]byte(method + "|" + path + "|" + timestamp + "|" + hex.EncodeToString(digest[:])))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Signer signs the requests of one identity. It is immutable and safe for
// concurrent use.
type Signer struct {
	clientID string
	key      Key
	base     string // "" or "/…" without a trailing '/'
}

// NewSigner returns a Signer. pathBase is the path that the coordinator is
// reached below (path_base of the configuration, percent-decoded); it is not
// part of what is signed, because a reverse proxy takes it off. "" and "/"
// mean none.
func NewSigner(clientID string, key Key, pathBase string) (*Signer, error) {
	if err := checkClientID(clientID); err != nil {
		return nil, fmt.Errorf("sign requests: client ID: %w", err)
	}
	if key.IsZero() {
		return nil, fmt.Errorf("sign requests as %s: no HMAC key; set hmac_key or hmac_key_file", clientID)
	}
	base := strings.Trim(pathBase, "/")
	if base != "" {
		base = "/" + base
	}
	return &Signer{clientID: clientID, key: key, base: base}, nil
}

// ClientID returns whose requests are signed.
func (s *Signer) ClientID() string { return s.clientID }

// Sign sets the three headers of a request that will be sent with this body.
// It does not read r.Body. The request's path must lie below the base path.
func (s *Signer) Sign(r *http.Request, body []byte, now time.Time) error {
	if r.URL == nil {
		return errors.New("sign request: it has no URL")
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.base)
	switch {
	case !ok || path != "" && path[0] != '/':
		return fmt.Errorf("sign request: path %q is not below the base path %s", r.URL.Path, s.base)
	case path == "":
		path = "/" // as it is sent
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	timestamp := strconv.FormatInt(now.Unix(), 10)
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	r.Header.Set(HeaderClientID, s.clientID)
	r.Header.Set(HeaderTimestamp, timestamp)
	r.Header.Set(HeaderSignature, Sign(s.key, method, path, timestamp, body))
	return nil
}
