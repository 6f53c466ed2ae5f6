package httpauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

// vector is a request as a 0.4 peer signed it.
type vector struct {
	Key       string `json:"key"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Timestamp string `json:"timestamp"`
	Body      string `json:"body"`
	Signature string `json:"signature"`
}

func (v vector) time(t *testing.T) time.Time {
	t.Helper()
	seconds, err := strconv.ParseInt(v.Timestamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(seconds, 0)
}

func (v vector) key(t *testing.T) httpauth.Key {
	t.Helper()
	key, err := httpauth.ParseKey(secret.New(v.Key))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	return vectors
}

func TestSignsAs04(t *testing.T) {
	for _, v := range vectors(t) {
		if got := httpauth.Sign(v.key(t), v.Method, v.Path, v.Timestamp, []byte(v.Body)); got != v.Signature {
			t.Errorf("%s %s: signature %s, want %s", v.Method, v.Path, got, v.Signature)
		}
	}
}

// TestSignerSignsAs04 signs whole requests to a coordinator below a base path,
// with a query, and with the path percent-encoded.
func TestSignerSignsAs04(t *testing.T) {
	for _, v := range vectors(t) {
		for _, base := range []string{"", "/", "/dff", "dff/", "/a b/c"} {
			signer, err := httpauth.NewSigner("someone", v.key(t), base)
			if err != nil {
				t.Fatal(err)
			}
			target := url.URL{Scheme: "http", Host: "c:8000", Path: joined(base, v.Path), RawQuery: "wait=5"}
			request, err := http.NewRequest(v.Method, target.String(), strings.NewReader(v.Body))
			if err != nil {
				t.Fatal(err)
			}
			if err := signer.Sign(request, []byte(v.Body), v.time(t)); err != nil {
				t.Fatal(err)
			}
			credentials, err := httpauth.Parse(request.Header)
			if err != nil {
				t.Fatal(err)
			}
			want := httpauth.Credentials{ClientID: "someone", Timestamp: v.Timestamp, Signature: v.Signature}
			if credentials != want {
				t.Errorf("base %q: signed %s as %+v, want %+v", base, request.URL, credentials, want)
			}
		}
	}
}

func joined(base, path string) string {
	if base = strings.Trim(base, "/"); base != "" {
		return "/" + base + path
	}
	return path
}

// TestServerSeesWhatWasSigned sends requests over HTTP, where an empty path
// becomes "/" and others are percent-encoded.
func TestServerSeesWhatWasSigned(t *testing.T) {
	key := httpauth.NewKey()
	now := time.Unix(1700000000, 0)
	var verified error
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		credentials, err := httpauth.Parse(r.Header)
		if err != nil {
			verified = err
			return
		}
		verified = credentials.Verify(key, r.Method, r.URL.Path, nil, now)
	}))
	defer server.Close()
	signer, err := httpauth.NewSigner("wörker", key, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/", "/workers?window=5", "/worker/w%C3%B6rker/verify", "/a%2Fb%20c%25", "/a//b/"} {
		request, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer.Sign(request, nil, now); err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if verified != nil {
			t.Errorf("%q: %v", path, verified)
		}
	}
}

func TestSignerRefusesPathsElsewhere(t *testing.T) {
	signer, err := httpauth.NewSigner("someone", httpauth.NewKey(), "/dff")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/workers", "/dffmpeg/workers", "/"} {
		request := httptest.NewRequest(http.MethodGet, path, nil)
		if err := signer.Sign(request, nil, time.Unix(0, 0)); err == nil {
			t.Errorf("signed %s, which is not below /dff", path)
		}
	}
	if err := signer.Sign(&http.Request{}, nil, time.Unix(0, 0)); err == nil {
		t.Error("signed a request without a URL")
	}
	bare := &http.Request{URL: &url.URL{Path: "/dff"}}
	if err := signer.Sign(bare, nil, time.Unix(0, 0)); err != nil || bare.Header.Get(httpauth.HeaderSignature) == "" {
		t.Errorf("a request without method and header: error %v", err)
	}
}

func TestNewSignerRefusesWhatCannotBeVerified(t *testing.T) {
	for name, try := range map[string]struct {
		id  string
		key httpauth.Key
	}{
		"no key":           {"someone", httpauth.Key{}},
		"no ID":            {"", httpauth.NewKey()},
		"header injection": {"a\r\nX-Admin: 1", httpauth.NewKey()},
	} {
		if _, err := httpauth.NewSigner(try.id, try.key, ""); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
