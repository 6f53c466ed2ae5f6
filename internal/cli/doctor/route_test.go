package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// listen returns a listener of loopback.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	return listener
}

// wantWithin checks that an examination ends in time, and reports one problem.
func wantWithin(t *testing.T, s *subject, limit time.Duration) *Report {
	t.Helper()
	s.limit = limit
	began := time.Now()
	report := examine(t.Context(), s)
	if took := time.Since(began); took > limit+2*time.Second { // a busy machine
		t.Errorf("it took %s, want at most %s", took, limit)
	}
	if report.count(Problem) != 1 {
		t.Errorf("findings %+v, want one problem", report.Findings)
	}
	return &report
}

// TestSilence: somebody takes the connection, and never says a word.
func TestSilence(t *testing.T) {
	listener := listen(t)
	defer listener.Close()
	for _, scheme := range []string{"http", "https"} {
		report := wantWithin(t, patient(t, scheme+"://"+listener.Addr().String(), httpauth.NewKey().Text()), 500*time.Millisecond)
		report.want(t, checkConnection, OK)
		if scheme == "https" {
			report.want(t, checkTLS, Problem, "does not answer")
		} else {
			report.want(t, checkCoordinator, Problem, "no answer in time")
		}
	}
}

// TestNotHTTP: what listens there speaks another language.
func TestNotHTTP(t *testing.T) {
	listener := listen(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1<<10)) // an answer before that is logged by net/http
			_, _ = conn.Write([]byte("220 mail.example ESMTP\r\n"))
			_ = conn.Close()
		}
	}()
	defer func() {
		_ = listener.Close()
		<-served
	}()
	report := wantWithin(t, patient(t, "http://"+listener.Addr().String(), httpauth.NewKey().Text()), normalTimeout)
	report.want(t, checkCoordinator, Problem, "connected, but: ", "coordinator.scheme and port")
	report = wantWithin(t, patient(t, "https://"+listener.Addr().String(), httpauth.NewKey().Text()), normalTimeout)
	report.want(t, checkTLS, Problem, "use http")
}

// TestBlackHole: packets disappear, as behind a firewall. A listener whose queue is
// full drops what comes.
func TestBlackHole(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	defer func() { _ = syscall.Close(fd) }()
	must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	must(t, err)
	address := "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	for full := false; !full; {
		conn, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(t.Context(), "tcp", address)
		if full = err != nil; !full {
			defer conn.Close()
		}
	}
	report := wantWithin(t, patient(t, "http://"+address, httpauth.NewKey().Text()), 500*time.Millisecond)
	report.want(t, checkConnection, Problem, "no answer in time", "firewall")
}

func TestRefused(t *testing.T) {
	listener := listen(t)
	must(t, listener.Close())
	report := wantWithin(t, patient(t, "http://"+listener.Addr().String(), httpauth.NewKey().Text()), normalTimeout)
	report.want(t, checkConnection, Problem, "connection refused", "coordinator.host and port in /etc/dffmpeg/client.yaml")
	report.want(t, checkTLS, Skipped, checkConnection)
}

// TestSlowNames: the name server never answers.
func TestSlowNames(t *testing.T) {
	silent, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	over, asked := context.WithCancel(t.Context()) // a look-up goes on when nobody waits for it
	defer asked()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if over.Err() != nil {
			return nil, over.Err()
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
		if err == nil {
			context.AfterFunc(over, func() { _ = conn.Close() })
		}
		return conn, err
	}}
	s := patient(t, "http://coordinator.example:8000", httpauth.NewKey().Text())
	s.http = &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Resolver: resolver}).DialContext}}
	report := wantWithin(t, s, 500*time.Millisecond)
	report.want(t, checkName, Problem, "the name servers of this machine do not answer for coordinator.example")
	report.want(t, checkConnection, Skipped, checkName)
}

// TestSteps: what went wrong on the way, in words.
func TestSteps(t *testing.T) {
	at := place{file: "c.yaml"}
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for name, tt := range map[string]struct {
		route  *route
		check  string
		status Status
		says   []string
	}{
		"an address":           {&route{host: "::1", steps: steps{connected: "[::1]:8000"}}, checkName, OK, []string{"::1 is an address (the coordinator)"}},
		"a name":               {&route{host: "c.example", steps: steps{addresses: []string{"192.0.2.2", "192.0.2.1", "192.0.2.2"}, connected: "x"}}, checkName, OK, []string{"c.example (the coordinator) is 192.0.2.1, 192.0.2.2"}},
		"no such name":         {&route{host: "c.example", steps: steps{lookedUp: &net.DNSError{IsNotFound: true}}}, checkName, Problem, []string{"there is no c.example", "coordinator.host and port in c.yaml"}},
		"name servers late":    {&route{host: "c.example", err: errors.New("x"), steps: steps{lookedUp: &net.DNSError{IsTimeout: true}}}, checkName, Problem, []string{"do not answer"}},
		"name servers ill":     {&route{host: "c.example", err: errors.New("x"), steps: steps{lookedUp: &net.DNSError{Err: "server misbehaving"}}}, checkName, Problem, []string{"server misbehaving"}},
		"the proxy's name":     {&route{host: "p.example", proxy: "http://p.example:3128", steps: steps{lookedUp: &net.DNSError{IsNotFound: true}}}, checkName, Problem, []string{"the HTTP proxy of the environment", "HTTP_PROXY"}},
		"no way":               {&route{host: "192.0.2.1", steps: steps{refused: []error{dial(syscall.EHOSTUNREACH)}}}, checkConnection, Problem, []string{"no way to that address"}},
		"refused and no way":   {&route{host: "c.example", steps: steps{addresses: []string{"a"}, refused: []error{dial(syscall.ENETUNREACH), dial(syscall.ECONNREFUSED)}}}, checkConnection, Problem, []string{"start the coordinator"}},
		"given up":             {&route{host: "192.0.2.1", err: context.DeadlineExceeded, steps: steps{refused: []error{&net.OpError{Op: "dial", Err: context.Canceled}}}}, checkConnection, Problem, []string{"no answer in time", "firewall"}},
		"no handshake":         {&route{host: "192.0.2.1", scheme: "https", err: context.DeadlineExceeded, steps: steps{connected: "x", handshake: context.Canceled}}, checkTLS, Problem, []string{"no answer in time", "does not answer"}},
		"something else":       {&route{host: "192.0.2.1", err: errors.New("strange")}, checkConnection, Problem, []string{"strange"}},
		"not encrypted":        {&route{host: "192.0.2.1", scheme: "http", steps: steps{connected: "x"}}, checkTLS, Skipped, []string{"not encrypted"}},
		"wrong name":           {&route{host: "192.0.2.1", scheme: "https", steps: steps{connected: "x", handshake: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"other.example"}}, Host: "c.example"}}}, checkTLS, Problem, []string{"other.example", "coordinator.host in c.yaml"}},
		"handshake broken":     {&route{host: "192.0.2.1", scheme: "https", steps: steps{connected: "x", handshake: errors.New("tls: handshake failure")}}, checkTLS, Problem, []string{"handshake failure"}},
		"it was not looked up": {&route{host: "c.example", err: errors.New("proxyconnect")}, checkName, Problem, []string{"proxyconnect"}},
	} {
		t.Run(name, func(t *testing.T) {
			report := newReport(tt.route.judge(time.Now(), at), nil)
			report.want(t, tt.check, tt.status, tt.says...)
			if len(report.Findings) != 3 {
				t.Errorf("findings %+v", report.Findings)
			}
		})
	}
}

// TestCertificates: those that are refused, and those that soon will be.
func TestCertificates(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		lived, left time.Duration
		trusted     bool
		status      Status
		says        string
	}{
		"good":             {10 * day, 80 * day, true, OK, "certificate of 127.0.0.1"},
		"ends soon":        {80 * day, 10*day + time.Hour, true, Warning, "in 10 days"},
		"ends in hours":    {80 * day, 30*time.Hour + time.Minute, true, Warning, "in 30 hours"},
		"short-lived":      {2 * day, 4 * day, true, OK, ""},
		"expired":          {90 * day, -day, true, Problem, "renew the certificate"},
		"unknown to us":    {10 * day, 80 * day, false, Problem, "SSL_CERT_FILE"},
		"expired, unknown": {90 * day, -day, false, Problem, "renew the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, pool := issue(t, time.Now().Add(-tt.lived), time.Now().Add(tt.left))
			server := httptest.NewUnstartedServer(answering(404, "text/plain", ""))
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that we end
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.StartTLS()
			defer server.Close()
			s := patient(t, server.URL, httpauth.NewKey().Text())
			s.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}}
			if tt.trusted {
				s.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = pool
			}
			report := examine(t.Context(), s)
			report.want(t, checkTLS, tt.status, tt.says)
			if tt.status == Problem {
				report.want(t, checkCoordinator, Skipped, checkTLS)
			}
		})
	}
}

// issue makes a certificate for 127.0.0.1.
func issue(t *testing.T, from, to time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestCauseIsShort: the words of those who passed an error on are left out.
func TestCauseIsShort(t *testing.T) {
	s := patient(t, "http://127.0.0.1:1", httpauth.NewKey().Text())
	report := examine(t.Context(), s)
	if found := report.of(checkConnection)[0].Found; strings.Count(found, "127.0.0.1") != 1 || strings.Contains(found, "\n") {
		t.Errorf("found %q", found)
	}
}
