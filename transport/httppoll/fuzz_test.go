package httppoll

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

// FuzzDecodeStream checks that whatever a coordinator sends ends in an error,
// never in a message without an ID, and that the cuts between packets do not
// matter.
func FuzzDecodeStream(f *testing.F) {
	for _, seed := range []string{
		"", "\n\n", "{}\n", "null\n", "{\"messages\":null}\n", "{\"messages\":[]}",
		"{\"messages\":[{\"message_id\":\"A\",\"payload\":{\"a\":\"\u0085\"}}]}\r\n{\"messages\":[{}]}\n",
		"{\"messages\":[{\"message_id\":\"A\"}]}\n\n{\"messages\":[{\"message_id\":\"B\"},{\"message_id\":\"C\"}]}\n{\"mess",
		"[]\n", "\x00", "{\"messages\":{}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, err := collect(t, bytes.NewReader(stream))
		parts, partsErr := collect(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if diff := cmp.Diff(whole, parts); diff != "" || errors.Is(err, io.EOF) != errors.Is(partsErr, io.EOF) {
			t.Errorf("cut into bytes it reads otherwise: %v, %v: %s", err, partsErr, diff)
		}
	})
}

func collect(t *testing.T, r io.Reader) (ids []string, err error) {
	t.Helper()
	err = readStream(r, func(line dffmpeg.MessagesAnswer) error {
		for _, m := range line.Messages {
			if m.ID == "" {
				t.Error("a message without an ID")
			}
			ids = append(ids, m.ID)
		}
		return nil
	})
	if err == nil {
		t.Error("a stream that ended gives no error")
	}
	return ids, err
}

// FuzzEncode checks that what we write is one line that reads as it was.
func FuzzEncode(f *testing.F) {
	f.Add("a", "{\"x\":\"\u0085\u2028\"}")
	f.Add("\u0085\n", "[1, 2]")
	f.Fuzz(func(t *testing.T, id, payload string) {
		line, err := encode([]dffmpeg.Message{{ID: id, Payload: []byte(payload)}})
		if err != nil {
			return // the payload is not JSON
		}
		for _, end := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} {
			if bytes.Contains(line, []byte(end)) {
				t.Errorf("line %q contains %q", line, end)
			}
		}
		if _, err := decode(line); err != nil && id != "" {
			t.Errorf("line %q does not decode: %v", line, err)
		}
	})
}

// FuzzQuery checks that whatever a peer asks is refused or bounded.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"wait=5", "wait=1e99&ack=1", "wait=0.0001", "last_message_id=zzz", "a;b", "wait=-0", "%"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, query string, stream bool) {
		r := httptest.NewRequest("GET", "/poll/worker", nil)
		r.URL = &url.URL{Path: "/poll/worker", RawQuery: query}
		if stream {
			r.Header.Set("Accept", "text/plain, "+contentStream+"; q=1")
		}
		d, err := parse(r)
		if err != nil {
			if dffmpeg.CodeOf(err) != dffmpeg.CodeInvalid {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if d.wait < 0 || d.wait > maxWait || d.stream != stream || stream && d.wait < 100*time.Millisecond || len(d.cursor) > 128 {
			t.Errorf("query %q is read as %+v", query, d)
		}
	})
}

func TestLineIsBounded(t *testing.T) {
	endless := io.MultiReader(bytes.NewReader([]byte(`{"messages":[`)), spaces{})
	if err := readStream(endless, nil); !errors.Is(err, errTooLong) {
		t.Errorf("a line without end gives %v", err)
	}
	if _, err := readAnswer(spaces{}); !errors.Is(err, errTooLong) {
		t.Errorf("an answer without end gives %v", err)
	}
}

// spaces is an endless line.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
