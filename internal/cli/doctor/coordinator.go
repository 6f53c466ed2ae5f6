package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
)

const (
	// maxHealth bounds what is read of an answer that may come from anybody.
	maxHealth = 1 << 20
	// rounds is how many requests the latency is the median of, and slow the latency
	// that is worth a warning: a program makes four before it starts.
	rounds = 5
	slow   = 250 * time.Millisecond
	// inTime is the difference of clocks that is not worth mentioning: the Date header
	// has seconds.
	inTime = 2 * time.Second
)

// coordinator asks how it is, and compares clocks on the way.
func (x *examination) coordinator(ctx context.Context) bool {
	const check = "coordinator"
	ctx, cancel := bounded(ctx)
	defer cancel()
	sent := x.env.Now()
	response, err := x.session.Caller.Do(ctx, http.MethodGet, "/health", url.Values{"deep": {"true"}}, nil, nil)
	if err != nil {
		x.add(check, Problem, err.Error(), "what listens there does not answer: is it the coordinator's port, and has the coordinator's log more?")
		return false
	}
	defer func() { _ = response.Body.Close() }() // it was read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	middle := sent.Add(x.env.Now().Sub(sent) / 2)
	var health dffmpeg.HealthAnswer
	if err != nil || json.Unmarshal(body, &health) != nil || health.Status == "" {
		x.add(check, Problem, fmt.Sprintf("%s answers %s, but not as a coordinator does", x.session.Caller.BaseURL(), response.Status),
			"another service, or a proxy that does not reach the coordinator: correct coordinator.port or path_base, or the proxy")
		return false
	}
	x.health = &health
	x.condition(response, body)
	x.clock(middle, response.Header.Get("Date"))
	return true
}

// condition says how the coordinator is.
func (x *examination) condition(response *http.Response, body []byte) {
	const check = "coordinator"
	if x.health.Status != dffmpeg.HealthOnline {
		x.add(check, Problem, signedhttp.AnswerError(response, body).Error(), "the coordinator's log has more")
		return
	}
	version := "version " + x.health.Version
	if x.health.Version != x.env.Version {
		version += " (this program is " + x.env.Version + ")"
	}
	if len(x.health.Features) == 0 {
		x.add(check, Warning, version+", one of 0.4: no byte streams, no signals, no paths within arguments", "upgrade the coordinator first, then workers and clients in any order (docs/migration.md)")
		return
	}
	x.add(check, OK, version, "")
}

// clock compares the coordinator's with ours, which was in the middle of the
// request.
func (x *examination) clock(middle time.Time, date string) {
	const check = "clock"
	theirs, err := http.ParseTime(date)
	if err != nil {
		x.add(check, Skipped, "the answer has no Date", "")
		return
	}
	theirs = theirs.Add(500 * time.Millisecond) // it is rounded down
	off := middle.Sub(theirs)
	way := "ahead of"
	if off < 0 {
		off, way = -off, "behind"
	}
	found := fmt.Sprintf("this machine is %s %s the coordinator", off.Round(time.Second), way)
	const advice = "set the clock that is wrong; let both machines take the time from the network (NTP)"
	switch {
	case off <= inTime:
		x.add(check, OK, "the same as the coordinator's", "")
	case off > httpauth.MaxDrift:
		x.add(check, Problem, found+fmt.Sprintf(", which refuses requests beyond %s", httpauth.MaxDrift), advice)
	case off > httpauth.MaxDrift/3:
		x.add(check, Warning, found+fmt.Sprintf("; beyond %s it refuses requests", httpauth.MaxDrift), advice)
	default:
		x.add(check, OK, found, "")
	}
}

// identify sends signed requests, and takes the time.
func (x *examination) identify(ctx context.Context) bool {
	const check = "key"
	ctx, cancel := bounded(ctx)
	defer cancel()
	var took []time.Duration
	for range rounds {
		began := time.Now()
		if _, err := x.session.Client.Jobs(ctx, time.Second); err != nil {
			if len(took) > 0 && ctx.Err() != nil {
				break // it is slow, that is all
			}
			x.add(check, Problem, err.Error(), x.keyAdvice(err))
			return false
		}
		took = append(took, time.Since(began))
	}
	x.add(check, OK, fmt.Sprintf("the coordinator knows %s by it", x.cfg.ClientID), "")
	slices.Sort(took)
	median := took[len(took)/2]
	found := fmt.Sprintf("%s for a request, the median of %d", median.Round(100*time.Microsecond), len(took))
	if median > slow {
		x.add("latency", Warning, found, "each program's start takes several of them: is the network slow, or the coordinator's machine or database busy?")
	} else {
		x.add("latency", OK, found, "")
	}
	return true
}

// keyAdvice says what to do about a request that was refused.
func (x *examination) keyAdvice(err error) string {
	id := x.cfg.ClientID
	switch text := err.Error(); {
	case strings.Contains(text, httpauth.DetailUser):
		return fmt.Sprintf("make the identity, on the coordinator's machine: dffmpeg admin user add %s; or correct client_id", id)
	case strings.Contains(text, httpauth.DetailSignature):
		return fmt.Sprintf("the key is another one than the coordinator has, or a proxy changes the path: dffmpeg admin user rotate-key %s prints a new one", id)
	case strings.Contains(text, httpauth.DetailAddress):
		return fmt.Sprintf("let it in from this machine's address: dffmpeg admin user set-scope %s; behind a proxy, the coordinator has to trust that (trusted_proxies)", id)
	case dffmpeg.CodeOf(err) == dffmpeg.CodeForbidden:
		return "a client needs the role client: use its own identity, not a worker's"
	default:
		return "the coordinator's log has more"
	}
}

// streams opens the connection that a program's streams take.
func (x *examination) streams(ctx context.Context) bool {
	const check = "streams"
	if !slices.Contains(x.health.Features, dffmpeg.FeatureStdio) {
		x.add(check, Skipped, "this coordinator passes output on as lines", "")
		return true
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	opening, err := stdio.Open(ctx, x.session.Caller, "/jobs/stdio")
	if err == nil {
		opening.Close()
		x.add(check, OK, "a WebSocket passes", "")
		return true
	}
	advice := "a proxy in between does not let WebSockets pass: it has to pass the headers Connection and Upgrade on, and to keep quiet connections (in nginx: proxy_http_version 1.1, proxy_set_header Upgrade and Connection, proxy_read_timeout)"
	var answered *dffmpeg.Error
	if errors.As(err, &answered) && answered.Code == dffmpeg.CodeForbidden {
		advice = "a client needs the role client: use its own identity"
	}
	x.add(check, Problem, err.Error(), advice)
	return true
}

// transports looks for those that both sides have.
func (x *examination) transports(context.Context) bool {
	const check = "transports"
	var shared, away []string
	for _, name := range x.cfg.Transports.Enabled {
		part, offered := x.health.Transports[name]
		switch {
		case !offered:
		case part.Status == dffmpeg.HealthOnline:
			shared = append(shared, name)
		default:
			away = append(away, name)
		}
	}
	switch {
	case len(shared) == 0 && len(away) == 0:
		x.add(check, Problem, fmt.Sprintf("this client has %s, the coordinator others", strings.Join(x.cfg.Transports.Enabled, ", ")),
			"enable one on both sides; http_polling needs nothing else")
	case len(shared) == 0:
		x.add(check, Problem, fmt.Sprintf("%s cannot be used: the coordinator does not reach its broker", strings.Join(away, ", ")), "start the broker, or enable http_polling on both sides as well")
	case len(away) > 0:
		x.add(check, Warning, fmt.Sprintf("%s; %s cannot be used: the coordinator does not reach its broker", strings.Join(shared, ", "), strings.Join(away, ", ")), "start the broker")
	default:
		x.add(check, OK, strings.Join(shared, ", "), "")
	}
	return true
}
