package httpauth_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/secret"
)

// headers returns a header of what is given; "" leaves one out.
func headers(id, timestamp, signature string) http.Header {
	header := make(http.Header)
	for name, value := range map[string]string{
		"x-dffmpeg-client-id": id, "X-DFFMPEG-TIMESTAMP": timestamp, "X-Dffmpeg-Signature": signature,
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return header
}

// check fails the test unless err is a refusal with this detail and reason.
func check(t *testing.T, err error, detail string, reason error) {
	t.Helper()
	var e *dffmpeg.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a *dffmpeg.Error", err)
	}
	if e.Code != dffmpeg.CodeUnauthenticated || e.Detail != detail {
		t.Errorf("code %s and detail %q, want a 401 with %q", e.Code, e.Detail, detail)
	}
	if !errors.Is(err, reason) {
		t.Errorf("error %q, want the reason %q", err, reason)
	}
}

func TestParse(t *testing.T) {
	twice := headers("a", "1", "s")
	twice.Add(httpauth.HeaderClientID, "b")
	allEmpty := http.Header{httpauth.HeaderClientID: {""}, httpauth.HeaderTimestamp: {""}, httpauth.HeaderSignature: {""}}
	emptied := headers("", "1", "s")
	emptied[httpauth.HeaderClientID] = []string{""}
	for _, c := range []struct {
		name   string
		header http.Header
		detail string
		reason error
	}{
		{"none", http.Header{"Accept": {"*/*"}}, "Authentication required", httpauth.ErrNoCredentials},
		{"nil", nil, "Authentication required", httpauth.ErrNoCredentials},
		{"all empty", allEmpty, "Authentication required", httpauth.ErrNoCredentials},
		{"no client ID", headers("", "1", "s"), "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"no timestamp", headers("a", "", "s"), "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"no signature", headers("a", "1", ""), "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"only a signature", headers("", "", "s"), "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"empty client ID", emptied, "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"two client IDs", twice, "Incomplete HMAC authentication provided", httpauth.ErrIncomplete},
		{"control character", headers("a\x1b[31m", "1", "s"), "Invalid user", httpauth.ErrClientID},
		{"C1 control character", headers("a\u0085", "1", "s"), "Invalid user", httpauth.ErrClientID},
		{"invalid UTF-8", headers("w\xf6rker", "1", "s"), "Invalid user", httpauth.ErrClientID},
		{"long", headers(strings.Repeat("a", 129), "1", "s"), "Invalid user", httpauth.ErrClientID},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := httpauth.Parse(c.header)
			check(t, err, c.detail, c.reason)
		})
	}
	if _, err := httpauth.Parse(twice); !strings.Contains(err.Error(), "given 2 times") {
		t.Errorf("error %q does not say that the header is given twice", err)
	}
	for _, id := range []string{"jellyfin", "living room", "wörker", strings.Repeat("a", 128)} {
		if c, err := httpauth.Parse(headers(id, "1", "s")); err != nil || c.ClientID != id {
			t.Errorf("%q: parsed as %q, error %v", id, c.ClientID, err)
		}
	}
}

func TestVerifyAcceptsWhat04Signed(t *testing.T) {
	for _, v := range vectors(t) {
		c := httpauth.Credentials{ClientID: "someone", Timestamp: v.Timestamp, Signature: v.Signature}
		for _, drift := range []time.Duration{0, 300 * time.Second, -300 * time.Second} {
			if err := c.Verify(v.key(t), v.Method, v.Path, []byte(v.Body), v.time(t).Add(drift)); err != nil {
				t.Errorf("%s %s, %s off: %v", v.Method, v.Path, drift, err)
			}
		}
	}
}

func TestVerifyRefusesEveryOtherRequest(t *testing.T) {
	v := vectors(t)[1]
	key, now := v.key(t), v.time(t)
	good := httpauth.Credentials{ClientID: "someone", Timestamp: v.Timestamp, Signature: v.Signature}
	for _, c := range []struct {
		name         string
		key          httpauth.Key
		method, path string
		body         string
		timestamp    string
		signature    string
	}{
		{"another key", httpauth.NewKey(), v.Method, v.Path, v.Body, v.Timestamp, v.Signature},
		{"another method", key, "PUT", v.Path, v.Body, v.Timestamp, v.Signature},
		{"another path", key, v.Method, v.Path + "/", v.Body, v.Timestamp, v.Signature},
		{"another body", key, v.Method, v.Path, v.Body + " ", v.Timestamp, v.Signature},
		{"another time", key, v.Method, v.Path, v.Body, "1700000001", v.Signature},
		{"the time with a zero before it", key, v.Method, v.Path, v.Body, "0" + v.Timestamp, v.Signature},
		{"no signature", key, v.Method, v.Path, v.Body, v.Timestamp, ""},
		{"half a signature", key, v.Method, v.Path, v.Body, v.Timestamp, v.Signature[:22]},
		{"signature and more", key, v.Method, v.Path, v.Body, v.Timestamp, v.Signature + "="},
	} {
		t.Run(c.name, func(t *testing.T) {
			given := httpauth.Credentials{ClientID: "someone", Timestamp: c.timestamp, Signature: c.signature}
			check(t, given.Verify(c.key, c.method, c.path, []byte(c.body), now), "Invalid HMAC signature", httpauth.ErrSignature)
		})
	}
	if err := good.Verify(key, v.Method, v.Path, []byte(v.Body), now); err != nil {
		t.Errorf("the request itself: %v", err)
	}
}

// TestVerifyRefusesTheZeroKey signs as anybody could for an identity whose key
// failed to load.
func TestVerifyRefusesTheZeroKey(t *testing.T) {
	var key httpauth.Key
	c := httpauth.Credentials{ClientID: "x", Timestamp: "1700000000", Signature: httpauth.Sign(key, "GET", "/", "1700000000", nil)}
	check(t, c.Verify(key, "GET", "/", nil, time.Unix(1700000000, 0)), "Invalid HMAC signature", httpauth.ErrSignature)
}

func TestVerifyRefusesMalformedTimestamps(t *testing.T) {
	key := httpauth.NewKey()
	for _, timestamp := range []string{
		"", "now", "1700000000.5", "+1700000000", "-1700000000", " 1700000000", "1700000000\n", "1_700_000_000", "0x6553f100",
		"1e9", "5|1700000000", "٣", "170000000000", strings.Repeat("9", 40),
	} {
		c := httpauth.Credentials{ClientID: "x", Timestamp: timestamp, Signature: httpauth.Sign(key, "GET", "/", timestamp, nil)}
		check(t, c.Verify(key, "GET", "/", nil, time.Unix(1700000000, 0)), "Invalid HMAC signature", httpauth.ErrTimestamp)
	}
}

func TestVerifyExplainsDrift(t *testing.T) {
	key, sent := httpauth.NewKey(), time.Unix(1700000000, 0)
	c := httpauth.Credentials{ClientID: "attic", Timestamp: "1700000000", Signature: httpauth.Sign(key, "GET", "/", "1700000000", nil)}
	for _, v := range []struct {
		now   time.Time
		where string
	}{
		{sent.Add(301 * time.Second), `"attic" is 5m1s behind`},
		{sent.Add(-301 * time.Second), `"attic" is 5m1s ahead of`},
		{time.Unix(1<<40, 0), "behind"},
		{time.Time{}, "ahead of"},
	} {
		err := c.Verify(key, "GET", "/", nil, v.now)
		check(t, err, "Invalid HMAC signature", httpauth.ErrDrift)
		for _, part := range []string{v.where, "at most 5m0s", "set the clocks"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %q does not say %q", err, part)
			}
		}
	}
}

// FuzzParse holds Parse to what it promises about its result, and Verify to
// accepting nothing that was not signed.
func FuzzParse(f *testing.F) {
	key, err := httpauth.ParseKey(secret.New(strings.Repeat("A", 43) + "="))
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1700000000, 0)
	f.Add("jellyfin", "1700000000", "NU17DiCJBRsceGSZ3xsD9/3U8s/uGtJ2sFdmEdsirq0=")
	f.Add("", "", "")
	f.Add("wörker", "99999999999", "=")
	f.Add("\x00", "-1", "\xff")
	f.Fuzz(func(t *testing.T, id, timestamp, signature string) {
		header := http.Header{
			httpauth.HeaderClientID: {id}, httpauth.HeaderTimestamp: {timestamp}, httpauth.HeaderSignature: {signature},
		}
		c, err := httpauth.Parse(header)
		if err != nil {
			if dffmpeg.CodeOf(err) != dffmpeg.CodeUnauthenticated {
				t.Errorf("error %v is not a 401", err)
			}
			return
		}
		if c.ClientID == "" || len(c.ClientID) > dffmpeg.MaxClientIDBytes || !utf8.ValidString(c.ClientID) {
			t.Errorf("client ID %q passed", c.ClientID)
		}
		if c.Verify(key, "GET", "/", nil, now) == nil {
			t.Errorf("verified %+v, signed with another key", c)
		}
		c.Signature = httpauth.Sign(key, "GET", "/", c.Timestamp, nil)
		seconds, err := strconv.ParseInt(c.Timestamp, 10, 64)
		inTime := err == nil && time.Unix(seconds, 0).Sub(now).Abs() <= httpauth.MaxDrift
		if err := c.Verify(key, "GET", "/", nil, now); err == nil && !inTime {
			t.Errorf("verified the timestamp %q", c.Timestamp)
		}
	})
}
