package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxBody bounds what is read of an answer that may be anybody's.
const maxBody = 64 << 10

// route is how a request went, step by step, as every request of a job does: through
// the same proxies and with the same rules.
type route struct {
	steps
	scheme string
	host   string // that is looked up: the coordinator's or the proxy's
	proxy  string // of the environment, "" for none; without its password
	status int
	header http.Header
	body   []byte
	err    error
}

// steps are what the request's connection tells.
type steps struct {
	addresses []string // what the host's name stands for
	lookedUp  error
	dialed    time.Time
	connected string // address, "" for none
	took      time.Duration
	refused   []error // of addresses that could not be connected to
	state     *tls.ConnectionState
	handshake error
	sent      time.Time
	received  time.Time // the first byte
}

// requester sends a request.
type requester interface {
	Do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*http.Response, error)
}

// travel sends GET /health over a connection of its own, and notes how it goes.
func travel(ctx context.Context, to *url.URL, caller requester) *route {
	r := &route{scheme: to.Scheme, host: to.Hostname()}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: to}); err == nil && proxy != nil {
		r.proxy, r.host = proxy.Redacted(), proxy.Hostname()
	}
	var log logbook
	response, err := caller.Do(httptrace.WithClientTrace(ctx, log.trace()), http.MethodGet, "/health", nil, nil, nil)
	r.steps, r.err = log.read(), err
	if err != nil {
		return r
	}
	defer response.Body.Close()
	r.status, r.header = response.StatusCode, response.Header
	r.body, r.err = io.ReadAll(io.LimitReader(response.Body, maxBody))
	return r
}

// logbook notes steps. Dials go on side by side, and for a while when the request has
// ended without them.
type logbook struct {
	mu sync.Mutex
	steps
}

// read returns what was noted so far.
func (l *logbook) read() steps {
	l.mu.Lock()
	defer l.mu.Unlock()
	copied := l.steps
	copied.addresses, copied.refused = slices.Clone(l.addresses), slices.Clone(l.refused)
	return copied
}

func (l *logbook) note(what func(s *steps)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what(&l.steps)
}

func (l *logbook) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(info httptrace.DNSDoneInfo) {
			l.note(func(s *steps) {
				s.lookedUp = info.Err
				for _, address := range info.Addrs {
					s.addresses = append(s.addresses, address.String())
				}
			})
		},
		ConnectStart: func(string, string) { l.note(func(s *steps) { s.dialed = time.Now() }) },
		ConnectDone: func(_, address string, err error) {
			l.note(func(s *steps) {
				if err != nil {
					s.refused = append(s.refused, err)
				} else if s.connected == "" {
					s.connected, s.took = address, time.Since(s.dialed)
				}
			})
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			l.note(func(s *steps) { s.handshake, s.state = err, &state })
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { l.note(func(s *steps) { s.sent = time.Now() }) },
		GotFirstResponseByte: func() { l.note(func(s *steps) { s.received = time.Now() }) },
	}
}

// judge says how far the request came: name, connection, encryption.
func (r *route) judge(now time.Time, at place) []Finding {
	findings := []Finding{r.judgeName(at)}
	if failed(findings) != "" {
		return append(findings, because(checkName, checkConnection, checkTLS)...)
	}
	findings = append(findings, r.judgeConnection(at))
	if failed(findings) != "" {
		return append(findings, because(checkConnection, checkTLS)...)
	}
	return append(findings, r.judgeTLS(now, at))
}

// whose says whose name or address it is.
func (r *route) whose() string {
	if r.proxy != "" {
		return "the HTTP proxy of the environment"
	}
	return "the coordinator"
}

// where names the settings of host and port, for advice.
func (r *route) where(at place) string {
	if r.proxy != "" {
		return "HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment"
	}
	return at.address("coordinator.host and port")
}

func (r *route) judgeName(at place) Finding {
	if _, err := netip.ParseAddr(r.host); err == nil {
		return ok(checkName, "%s is an address (%s)", r.host, r.whose())
	}
	var dns *net.DNSError
	switch {
	case len(r.addresses) > 0 || r.connected != "":
		return ok(checkName, "%s (%s) is %s", r.host, r.whose(), strings.Join(unique(r.addresses), ", "))
	case r.lookedUp == nil && r.err != nil && !errors.Is(r.err, context.DeadlineExceeded):
		return problem(checkName, fmt.Sprintf("%s (%s) cannot be looked up: %v", r.host, r.whose(), cause(r.err)), "correct "+r.where(at))
	case errors.As(r.lookedUp, &dns) && dns.IsNotFound:
		return problem(checkName, fmt.Sprintf("there is no %s (%s)", r.host, r.whose()), "correct "+r.where(at)+", or enter the name in DNS or /etc/hosts")
	case r.lookedUp == nil || errors.Is(r.err, context.DeadlineExceeded) || dns != nil && dns.IsTimeout:
		return problem(checkName, fmt.Sprintf("the name servers of this machine do not answer for %s (%s)", r.host, r.whose()),
			"see /etc/resolv.conf, or give an address in "+r.where(at))
	}
	return problem(checkName, fmt.Sprintf("%s (%s) cannot be looked up: %v", r.host, r.whose(), r.lookedUp), "see /etc/resolv.conf, and "+r.where(at))
}

func (r *route) judgeConnection(at place) Finding {
	if r.connected != "" {
		return ok(checkConnection, "%s, in %s", r.connected, r.took.Round(100*time.Microsecond))
	}
	// What ends because the request has ended does not say why that did.
	err := errors.Join(slices.DeleteFunc(slices.Clone(r.refused), canceled)...)
	if err == nil {
		err = r.err
	}
	found := fmt.Sprintf("%s cannot be connected to: %s", r.whose(), reason(err))
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem(checkConnection, found, "start the coordinator, or correct "+r.where(at)+"; a coordinator is reached from other machines only if its own configuration says so (host: 0.0.0.0)")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return problem(checkConnection, found, "there is no way to that address: see this machine's network, or correct "+r.where(at))
	case timedOut(err):
		return problem(checkConnection, found, "a firewall drops it, or the machine is off; see that "+r.where(at)+" are right")
	}
	return problem(checkConnection, found, "correct "+r.where(at)+"")
}

// canceled reports whether an error says that somebody did not wait any more.
func canceled(err error) bool { return errors.Is(err, context.Canceled) }

// timedOut reports whether an error says that nobody answered.
func timedOut(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// cause returns an error without the words of those who passed it on.
func cause(err error) error {
	for {
		inner := err
		var u *url.Error
		if errors.As(err, &u) {
			inner = u.Err
		} else if parts, several := err.(interface{ Unwrap() []error }); several && len(parts.Unwrap()) > 0 {
			list := parts.Unwrap()
			inner = list[len(list)-1]
		}
		if inner == err { //nolint:errorlint // whether it is this very one
			return err
		}
		err = inner
	}
}

// reason says in one line why something failed.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return oneLine(cause(err))
}

// oneLine renders an error of several lines in one.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// soon is how long before its end a certificate is warned of, if that is not most of
// its life.
const soon = 14 * 24 * time.Hour

func (r *route) judgeTLS(now time.Time, at place) Finding {
	if r.scheme != "https" {
		return skipped(checkTLS, "not used (scheme http): requests are signed, not encrypted")
	}
	if r.handshake != nil || r.state == nil {
		err := r.handshake
		if err == nil || canceled(err) {
			err = r.err
		}
		return problem(checkTLS, "no encrypted connection: "+reason(err), adviceTLS(err, at))
	}
	leaf := r.state.PeerCertificates[0]
	found := fmt.Sprintf("%s, certificate of %s until %s", tls.VersionName(r.state.Version), name(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	if left := leaf.NotAfter.Sub(now); left < soon && left < leaf.NotAfter.Sub(leaf.NotBefore)/3 {
		return warning(checkTLS, found+", "+days(left), "renew the certificate: see why that did not happen by itself")
	}
	return ok(checkTLS, "%s", found)
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("in %d hours", int(d/time.Hour))
	}
	return fmt.Sprintf("in %d days", int(d/(24*time.Hour)))
}

// name is whose a certificate is.
func name(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// adviceTLS says what to do when a connection cannot be encrypted.
func adviceTLS(err error, at place) string {
	var (
		invalid   x509.CertificateInvalidError
		unknown   x509.UnknownAuthorityError
		other     x509.HostnameError
		plaintext tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, or set this machine's clock"
	case errors.As(err, &unknown):
		return "install the certificate of the authority that signed it on this machine (or name it in the variable SSL_CERT_FILE)"
	case errors.As(err, &other):
		return "use a name that the certificate is for: " + at.address("coordinator.host")
	case errors.As(err, &plaintext):
		return "what listens there does not encrypt: use http, or correct the port: " + at.address("coordinator.scheme and port")
	case timedOut(err):
		return "what listens there does not answer: see that these are right: " + at.address("coordinator.scheme and port")
	}
	return "see that these are right: " + at.address("coordinator.scheme and port")
}
