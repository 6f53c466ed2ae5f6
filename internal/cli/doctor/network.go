package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// target returns the host and port that are connected to: the coordinator's, or
// those of the HTTP proxy that the environment names for it.
func (x *examination) target() (host, port, through string) {
	u := x.cfg.Coordinator.URL()
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		return proxy.Hostname(), portOf(proxy), " (the HTTP proxy of the environment)"
	}
	return u.Hostname(), portOf(u), ""
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// resolve looks the name up.
func (x *examination) resolve(ctx context.Context) bool {
	const check = "name"
	host, _, through := x.target()
	if net.ParseIP(host) != nil {
		x.add(check, OK, host+through+" is an address", "")
		return true
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		x.add(check, Problem, fmt.Sprintf("%s%s has no address: %v", host, through, err), "correct coordinator.host, or the name service of this machine")
		return false
	}
	x.add(check, OK, fmt.Sprintf("%s%s is %s", host, through, strings.Join(addresses, ", ")), "")
	return true
}

// connect opens a connection.
func (x *examination) connect(ctx context.Context) bool {
	const check = "connection"
	host, port, through := x.target()
	address := net.JoinHostPort(host, port)
	ctx, cancel := bounded(ctx)
	defer cancel()
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		advice := "is the machine up, and on a network that this one reaches?"
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			advice = "nothing listens there: start the coordinator, or correct coordinator.port; one that listens on 127.0.0.1 only is reached from its own machine only (its key host)"
		case isTimeout(err):
			advice = "no answer at all: a firewall in between, or a machine that is down; correct coordinator.host or let the port through"
		}
		x.add(check, Problem, fmt.Sprintf("%s%s: %v", address, through, err), advice)
		return false
	}
	_ = conn.Close() // nothing was sent
	x.add(check, OK, fmt.Sprintf("%s%s answers after %s", address, through, time.Since(began).Round(100*time.Microsecond)), "")
	return true
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// encrypt looks at the certificate.
func (x *examination) encrypt(ctx context.Context) bool {
	const check = "encryption"
	u := x.cfg.Coordinator.URL()
	if u.Scheme != "https" {
		x.add(check, OK, "none: requests are signed, but everybody in between can read them", "")
		return true
	}
	if host, _, through := x.target(); through != "" {
		x.add(check, Skipped, "the HTTP proxy "+host+" is in between", "")
		return true
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	conn, err := (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), portOf(u)))
	if err != nil {
		x.add(check, Problem, err.Error(), tlsAdvice(err))
		return false
	}
	defer func() { _ = conn.Close() }()         // nothing was sent
	state := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // what tls.Dialer returns
	until := state.PeerCertificates[0].NotAfter
	if left := until.Sub(x.env.Now()); left < soon {
		x.add(check, Warning, fmt.Sprintf("the certificate is valid for %d more days only", int(left.Hours()/24)), "renew it where TLS ends: at the proxy in front of the coordinator")
		return true
	}
	x.add(check, OK, fmt.Sprintf("%s, the certificate is valid until %s", tls.VersionName(state.Version), until.UTC().Format(time.DateOnly)), "")
	return true
}

// tlsAdvice says what to do about a handshake that failed.
func tlsAdvice(err error) string {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "add the authority that signed the certificate to this machine's (on Debian: /usr/local/share/ca-certificates, then update-ca-certificates)"
	case errors.As(err, &hostname):
		return "the certificate is for another name: write that one into coordinator.host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, or set this machine's clock"
	case errors.As(err, &record):
		return "what listens there does not speak TLS: correct coordinator.port, or set scheme: http"
	default:
		return "is there a proxy with TLS in front of the coordinator? It speaks none itself"
	}
}
