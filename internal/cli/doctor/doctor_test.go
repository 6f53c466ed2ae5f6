package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/stdio"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// coordinator is a fake that is well unless a test changes it.
type coordinator struct {
	status  int
	health  any
	date    string // "": the server's own
	refuse  *dffmpeg.ErrorAnswer
	code    int // of refuse
	slow    time.Duration
	plain   bool // answers no WebSocket
	workers []dffmpeg.Worker
}

func well() *coordinator {
	return &coordinator{
		status: http.StatusOK,
		health: dffmpeg.HealthAnswer{
			Status: dffmpeg.HealthOnline, Version: "1.0", Features: []string{dffmpeg.FeatureStdio},
			Transports: map[string]dffmpeg.ComponentHealth{"http_polling": {Status: dffmpeg.HealthOnline}},
		},
		workers: []dffmpeg.Worker{
			{ID: "gpu", Status: dffmpeg.WorkerOnline, Binaries: []string{"ffmpeg"}, Paths: []string{"Media", "Cache"}},
			{ID: "old", Status: dffmpeg.WorkerOffline},
		},
	}
}

func (c *coordinator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.date != "" {
		w.Header().Set("Date", c.date)
	}
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch r.URL.Path {
	case "/health":
		answer(c.status, c.health)
	case "/jobs":
		time.Sleep(c.slow)
		if c.refuse != nil {
			answer(c.code, c.refuse)
			return
		}
		answer(http.StatusOK, []dffmpeg.Job{})
	case "/jobs/stdio":
		if c.plain || r.Header.Get("Upgrade") == "" {
			answer(http.StatusBadRequest, dffmpeg.ErrorAnswer{Detail: "This is for WebSocket connections"})
			return
		}
		if s, err := stdio.AcceptSubmission(w, r, func([]byte, []byte, string) error { return errors.New("nobody submits") }); err == nil {
			_ = s.Refuse(r.Context(), http.StatusTeapot, nil)
		}
	case "/workers":
		answer(http.StatusOK, c.workers)
	default:
		answer(http.StatusNotFound, dffmpeg.ErrorAnswer{Detail: "Not Found"})
	}
}

// env returns the surroundings of a client with this configuration.
func env(t *testing.T, text string) Env {
	t.Helper()
	file := filepath.Join(t.TempDir(), "client.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	registry, err := transport.NewRegistry(httppoll.Plugin())
	if err != nil {
		t.Fatal(err)
	}
	return Env{
		Out:  io.Discard,
		Load: func() (*config.Client, error) { return config.LoadClient(file, config.Environment{}) },
		Connect: func(cfg *config.Client) (*peer.Session, error) {
			session, err := peer.NewSession(cfg, registry, "doctor/1", slog.New(slog.DiscardHandler))
			if err == nil {
				t.Cleanup(session.Caller.HTTP().CloseIdleConnections)
			}
			return session, err
		},
		Getwd:   func() (string, error) { return "/", nil },
		Version: "1.0",
		Local:   func(name string, _ config.Fallback) (string, error) { return "", errors.New("no " + name) },
		Now:     time.Now,
	}
}

// configured returns the configuration of a client of a server, with more lines.
func configured(server *httptest.Server, more string) string {
	address := server.Listener.Addr().(*net.TCPAddr)
	scheme := "http"
	if server.TLS != nil {
		scheme = "https"
	}
	return fmt.Sprintf("client_id: me\nhmac_key: %s\ncoordinator: {scheme: %s, host: 127.0.0.1, port: %d}\n%s\n", key, scheme, address.Port, more)
}

// TestExamine makes one thing wrong at a time.
func TestExamine(t *testing.T) {
	media, cache := t.TempDir(), t.TempDir()
	paths := fmt.Sprintf("paths: {Media: %s, Cache: %s}\n", media, cache)
	health := func(change func(*dffmpeg.HealthAnswer)) func(*coordinator) {
		return func(c *coordinator) {
			h := c.health.(dffmpeg.HealthAnswer)
			change(&h)
			c.health = h
		}
	}
	refused := func(code int, detail string) func(*coordinator) {
		return func(c *coordinator) { c.code, c.refuse = code, &dffmpeg.ErrorAnswer{Detail: detail} }
	}
	off := func(by time.Duration) func(*coordinator) {
		return func(c *coordinator) { c.date = time.Now().Add(by).UTC().Format(http.TimeFormat) }
	}
	for name, tt := range map[string]struct {
		config string // instead of the paths
		change func(*coordinator)
		args   []string
		check  string // whose finding is not ok; "": all are
		status Status
		says   string // in what was found, the details or the advice
		last   bool   // nothing is looked at after that
	}{
		"all is well": {},
		"no paths":    {config: "paths: {}\n", check: "paths", status: Warning, says: "as they are typed"},
		"a path that is not there": {
			config: "paths: {Media: /there/is/no/such/directory}\n", check: "paths", status: Warning, says: "Media: ",
		},
		"no programs for the fallback": {
			config: paths + "fallback: {when: unavailable}\n", check: "fallback", status: Problem, says: "ffprobe: no ffprobe",
		},
		"another service": {
			change: func(c *coordinator) { c.health = "hello" }, check: "coordinator", status: Problem, says: "not as a coordinator does", last: true,
		},
		"the database is away": {
			change: func(c *coordinator) {
				c.status, c.health = http.StatusInternalServerError, dffmpeg.HealthAnswer{
					Status: dffmpeg.HealthUnhealthy, Databases: map[string]dffmpeg.ComponentHealth{"jobs": {Status: dffmpeg.HealthUnhealthy}},
					Transports: map[string]dffmpeg.ComponentHealth{"http_polling": {Status: dffmpeg.HealthOnline}}, Features: []string{dffmpeg.FeatureStdio},
				}
			},
			check: "coordinator", status: Problem, says: "database jobs",
		},
		"one of 0.4": {
			change: health(func(h *dffmpeg.HealthAnswer) { h.Features = nil }), check: "coordinator", status: Warning, says: "upgrade the coordinator",
		},
		"a clock that is slow":      {change: off(150 * time.Second), check: "clock", status: Warning, says: "behind the coordinator"},
		"a clock that is too slow":  {change: off(301 * time.Second), check: "clock", status: Problem, says: "NTP"},
		"a clock that is too fast":  {change: off(-302 * time.Second), check: "clock", status: Problem, says: "ahead of the coordinator"},
		"a clock that is off a bit": {change: off(20 * time.Second)},
		"nobody":                    {change: refused(http.StatusUnauthorized, "Invalid user"), check: "key", status: Problem, says: "admin user add me", last: true},
		"another key":               {change: refused(http.StatusUnauthorized, "Invalid HMAC signature"), check: "key", status: Problem, says: "rotate-key me", last: true},
		"from elsewhere":            {change: refused(http.StatusUnauthorized, "Client IP not allowed"), check: "key", status: Problem, says: "set-scope me", last: true},
		"a worker's identity":       {change: refused(http.StatusForbidden, "This needs the role client"), check: "key", status: Problem, says: "role client", last: true},
		"slow":                      {change: func(c *coordinator) { c.slow = 2 * slow }, check: "latency", status: Warning, says: "busy"},
		"no WebSockets":             {change: func(c *coordinator) { c.plain = true }, check: "streams", status: Problem, says: "Upgrade"},
		"no transport": {
			change: health(func(h *dffmpeg.HealthAnswer) {
				h.Transports = map[string]dffmpeg.ComponentHealth{"mqtt": {Status: dffmpeg.HealthOnline}}
			}),
			check: "transports", status: Problem, says: "enable one on both sides",
		},
		"no workers":      {change: func(c *coordinator) { c.workers = nil }, check: "workers", status: Problem, says: "dffmpeg worker"},
		"workers offline": {change: func(c *coordinator) { c.workers = c.workers[1:] }, check: "workers", status: Problem, says: "old: is offline"},
		"no worker with all paths": {
			change: func(c *coordinator) { c.workers[0].Paths = []string{"Media"} }, check: "workers", status: Warning, says: "gpu: lacks the path Cache",
		},
		"no worker with the command's path": {
			change: func(c *coordinator) { c.workers[0].Paths = []string{"Cache"} },
			args:   []string{"ffmpeg", "-i", media + "/a.mkv", "out.mp4"}, check: "workers", status: Problem, says: "gpu: lacks the path Media",
		},
		"a worker with the command's path": {
			change: func(c *coordinator) { c.workers[0].Paths = []string{"Media"} },
			args:   []string{"-i", media + "/a.mkv", "out.mp4"},
		},
		"no worker with the command's program": {args: []string{"/usr/bin/ffprobe", "x"}, check: "workers", status: Problem, says: "gpu: lacks the program ffprobe"},
		"a path that maps to nothing":          {args: []string{"-i", "/elsewhere/a.mkv", "out.mp4"}, check: "command", status: Warning, says: "/elsewhere/a.mkv"},
	} {
		t.Run(name, func(t *testing.T) {
			c := well()
			if tt.change != nil {
				tt.change(c)
			}
			server := httptest.NewServer(c)
			defer server.Close()
			more := tt.config
			if more == "" {
				more = paths
			}
			report := Examine(t.Context(), env(t, configured(server, more)), tt.args)
			wantFinding(t, report, tt.check, tt.status, tt.says)
			if _, reached := find(report, "workers"); reached == tt.last {
				t.Errorf("the workers were looked at: %t", reached)
			}
		})
	}
}

// wantFinding checks that one finding, and no other, is not ok.
func wantFinding(t *testing.T, report Report, check string, status Status, says string) {
	t.Helper()
	for _, f := range report.Findings {
		if f.Status == Skipped || f.Status == OK {
			continue
		}
		text := fmt.Sprint(f)
		if f.Check != check || f.Status != status || !strings.Contains(text, says) {
			t.Errorf("found %s", text)
		}
		if f.Advice == "" {
			t.Errorf("%s: what is to be done?", f.Check)
		}
		if strings.Contains(text, key) {
			t.Errorf("%s shows the key", f.Check)
		}
	}
	if check != "" && !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Check == check && f.Status == status }) {
		t.Errorf("there is no %s about the %s in %+v", status, check, report)
	}
	if report.Well != (status != Problem) {
		t.Errorf("well: %t", report.Well)
	}
}

func find(report Report, check string) (Finding, bool) {
	i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Check == check })
	if i < 0 {
		return Finding{}, false
	}
	return report.Findings[i], true
}

// TestNobodyThere: a coordinator that cannot be reached, in several ways.
func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(well())
	refusing := configured(server, "")
	server.Close()
	wantFinding(t, without(Examine(t.Context(), env(t, refusing), nil), "paths"), "connection", Problem, "start the coordinator")

	unknown := strings.Replace(refusing, "127.0.0.1", "no-such-host.invalid", 1)
	wantFinding(t, without(Examine(t.Context(), env(t, unknown), nil), "paths"), "name", Problem, "coordinator.host")

	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	quiet := fmt.Sprintf("client_id: me\nhmac_key: %s\ncoordinator: {host: 127.0.0.1, port: %d}\n", key, silent.Addr().(*net.TCPAddr).Port)
	wantFinding(t, without(Examine(ctx, env(t, quiet), nil), "paths"), "coordinator", Problem, "does not answer")
}

// without leaves a finding out.
func without(r Report, check string) Report {
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Check == check })
	return r
}

// TestEncryption: a certificate that nobody vouches for, and one side that speaks no
// TLS.
func TestEncryption(t *testing.T) {
	secure := httptest.NewUnstartedServer(well())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	wantFinding(t, without(Examine(t.Context(), env(t, configured(secure, "")), nil), "paths"), "encryption", Problem, "authority")
	plain := httptest.NewServer(well())
	defer plain.Close()
	text := strings.Replace(configured(plain, ""), "scheme: http,", "scheme: https,", 1)
	wantFinding(t, without(Examine(t.Context(), env(t, text), nil), "paths"), "encryption", Problem, "scheme: http")

	for want, err := range map[string]error{
		"another name":   x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"},
		"renew":          &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}},
		"speaks none":    io.EOF,
		"authority that": &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
	} {
		if got := tlsAdvice(err); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// TestConfiguration: a file that is wrong, and a key that is none.
func TestConfiguration(t *testing.T) {
	for text, says := range map[string]string{
		"client_id: me\nhmac_key: " + key + "\npath: {}\n": `did you mean "paths"?`,
		"client_id: me\nhmac_key: hunter2\n":               "7 characters",
	} {
		report := Examine(t.Context(), env(t, text), nil)
		wantFinding(t, report, "configuration", Problem, says)
		if len(report.Findings) != 2 || strings.Contains(fmt.Sprint(report), "hunter2") {
			t.Errorf("%+v", report)
		}
	}
}

// TestCommand is what people and programs see of it.
func TestCommand(t *testing.T) {
	server := httptest.NewServer(well())
	defer server.Close()
	for args, want := range map[string]string{
		"":       "All is well.",
		"--json": `"well": true`,
	} {
		var out bytes.Buffer
		e := env(t, configured(server, "paths: {Media: /}"))
		e.Out = &out
		cmd := Command(e)
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.Execute(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%q: %v\n%s", args, err, out.String())
		}
	}
	e := env(t, "client_id: me\n")
	var out bytes.Buffer
	e.Out = &out
	cmd := Command(e)
	cmd.SetArgs(nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var exit *clientcmd.ExitError
	if err := cmd.Execute(); !errors.As(err, &exit) || exit.Code != 1 || !strings.Contains(out.String(), "1 problem, 0 warnings.") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
