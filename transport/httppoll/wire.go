// Package httppoll is the transport that needs no broker: peers fetch their
// messages from the coordinator, by long polls or over an endless stream of
// JSON lines (protocol.md, Endpoints and Transports: http_polling).
package httppoll

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Name is what peers negotiate.
const Name = "http_polling"

const (
	contentStream = "application/x-ndjson"
	contentAnswer = "application/json"

	queryWait   = "wait"            // seconds
	queryCursor = "last_message_id" // only messages that sort after it
	queryAck    = "ack"             // extension: without a cursor, all that is not acknowledged

	maxWait     = 60 * time.Second
	defaultKeep = 15 * time.Second // between keep-alives of a stream
	// maxLine bounds a line of a stream, and an answer, that a peer reads: more
	// than the largest message that a coordinator takes by default (16 MiB), and
	// some of them, because 0.4 sends all it has in one line.
	maxLine = 64 << 20
	// lineGoal is about how large a line becomes that we write.
	lineGoal = 1 << 20
	// awayLine is a keep-alive to peers that ask with queryAck: the coordinator is
	// there, but cannot read messages now (api.go, MessagesAnswer).
	awayLine = `{"messages":[],"away":true}` + "\n"
	// envelope is about what a message costs besides its payload.
	envelope = 384
)

// basePath is what a mux pattern takes literally and a URL needs not escape.
var basePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+/?$`)

// Plugin returns the transport, both ends.
func Plugin() transport.Plugin {
	return transport.Plugin{
		Name:           Name,
		ServerSettings: func() any { return &ServerSettings{BasePath: "/poll"} },
		ClientSettings: func() any {
			settings := DefaultClientSettings()
			return &settings
		},
		NewServer: func(o transport.ServerOptions) (transport.Server, error) {
			settings := ServerSettings{BasePath: "/poll"}
			if err := o.Settings.Decode(&settings); err != nil {
				return nil, err
			}
			if !basePath.MatchString(settings.BasePath) {
				return nil, fmt.Errorf("base_path %q must be a path such as /poll, of letters, digits, and -._~", settings.BasePath)
			}
			return NewServer(settings, o.Mailbox, o.Logger), nil
		},
		NewClient: func(o transport.ClientOptions) (transport.Client, error) {
			settings := DefaultClientSettings()
			if err := o.Settings.Decode(&settings); err != nil {
				return nil, err
			}
			return NewClient(settings, o.Subscription, o.Caller, o.Logger)
		},
	}
}

// demand is what a peer asks for.
type demand struct {
	stream bool
	wait   time.Duration // of a poll; of a stream, between keep-alives
	cursor string
	ack    bool
}

// parse reads a peer's request.
func parse(r *http.Request) (demand, error) {
	d := demand{stream: accepts(r.Header, contentStream)}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return d, dffmpeg.Errorf(dffmpeg.CodeInvalid, "The query is malformed")
	}
	d.cursor = query.Get(queryCursor)
	if len(d.cursor) > 128 {
		return d, dffmpeg.Errorf(dffmpeg.CodeInvalid, "%s is too long; use the ID of the last message", queryCursor)
	}
	if text := query.Get(queryAck); text != "" {
		if d.ack, err = strconv.ParseBool(text); err != nil {
			return d, dffmpeg.Errorf(dffmpeg.CodeInvalid, "%s must be true or false", queryAck)
		}
	}
	if d.stream {
		d.wait = defaultKeep
	}
	if text := query.Get(queryWait); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(seconds) || seconds < 0 {
			return d, dffmpeg.Errorf(dffmpeg.CodeInvalid, "%s must be a number of seconds from 0 on", queryWait)
		}
		d.wait = time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	}
	if d.stream {
		d.wait = max(d.wait, 100*time.Millisecond) // keep-alives must not spin
	}
	return d, nil
}

func accepts(header http.Header, content string) bool {
	for _, value := range header.Values("Accept") {
		for part := range strings.SplitSeq(value, ",") {
			media, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(media), content) {
				return true
			}
		}
	}
	return false
}

// encode returns messages as a peer reads them: one line of JSON. The
// characters that some readers take for the end of a line are escaped:
// encoding/json does it for U+2028 and U+2029, we for U+0085.
func encode(messages []dffmpeg.Message) ([]byte, error) {
	if messages == nil {
		messages = []dffmpeg.Message{}
	}
	line, err := json.Marshal(dffmpeg.MessagesAnswer{Messages: messages})
	if err != nil {
		return nil, fmt.Errorf("encode messages: %w", err)
	}
	return bytes.ReplaceAll(line, []byte("\u0085"), []byte(`\u0085`)), nil
}

// fitting returns how many of the messages, at least one, go into one line.
func fitting(messages []dffmpeg.Message) int {
	size := 0
	for i := range messages {
		size += len(messages[i].Payload) + envelope
		if i > 0 && size > lineGoal {
			return i
		}
	}
	return len(messages)
}

// decode reads a line of a stream, or an answer. A blank line is a keep-alive
// and holds no messages.
func decode(line []byte) (dffmpeg.MessagesAnswer, error) {
	var answer dffmpeg.MessagesAnswer
	if len(bytes.TrimSpace(line)) == 0 {
		return answer, nil
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return answer, fmt.Errorf("decode messages: %w", err)
	}
	for i := range answer.Messages {
		if answer.Messages[i].ID == "" {
			return answer, fmt.Errorf("decode messages: message %d has no ID", i)
		}
	}
	return answer, nil
}
