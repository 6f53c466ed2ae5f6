package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
)

// diagnosis is what `dffmpeg doctor --json` prints.
type diagnosis struct {
	Status   string `json:"status"`
	Findings []struct{ Check, Status, Found, Advice string }
	Workers  []struct {
		ID    string   `json:"worker_id"`
		Could bool     `json:"could_take_it"`
		Lacks []string `json:"lacks_paths"`
	}
}

// of returns the worst status of a check, and all that was found.
func (d *diagnosis) of(check string) (status, found string) {
	rank := map[string]int{"ok": 1, "skipped": 2, "warning": 3, "problem": 4}
	for _, f := range d.Findings {
		if f.Check != check {
			continue
		}
		found += f.Found + " -> " + f.Advice + "\n"
		if rank[f.Status] > rank[status] {
			status = f.Status
		}
	}
	return status, found
}

// doctor runs the doctor twice, for programs and for people, and checks that both
// agree on the exit code and keep the key to themselves.
func (c *cluster) doctor(env []string, code int, args ...string) *diagnosis {
	c.t.Helper()
	began := time.Now()
	p := run(c.t, env, c.media(), "dffmpeg", append([]string{"doctor", "--json"}, args...)...)
	d := &diagnosis{}
	if err := json.Unmarshal([]byte(p.stdout.text()), d); err != nil || p.exitCode() != code || p.stderr.text() != "" {
		c.t.Fatalf("exit code %d, want %d; %v\nstdout %s\nstderr %s", p.exitCode(), code, err, p.stdout.text(), p.stderr.text())
	}
	if took := time.Since(began); took > 20*time.Second { // 10 s by its own clock
		c.t.Errorf("it took %s", took)
	}
	text := run(c.t, env, c.media(), "dffmpeg", append([]string{"doctor"}, args...)...)
	if text.exitCode() != code || strings.Contains(p.stdout.text()+text.stdout.text(), c.keys["jellyfin"]) {
		c.t.Errorf("exit code %d, want %d: %s", text.exitCode(), code, text.stdout.text())
	}
	c.t.Logf("doctor %q:\n%s", args, text.stdout.text())
	return d
}

// want checks how checks ended, and that what was found says so.
func (d *diagnosis) want(t *testing.T, check, status, says string) {
	t.Helper()
	got, found := d.of(check)
	if got != status || !strings.Contains(found, says) {
		t.Errorf("%s is %s, want %s that says %q: %s", check, got, status, says, found)
	}
}

// through returns the environment of a client that reaches the coordinator through
// a proxy, which changes requests and answers as it is told.
func (c *cluster) through(change func(*http.Request), answer func(*http.Response) error) []string {
	c.t.Helper()
	target, err := url.Parse(c.url())
	if err != nil {
		c.t.Fatal(err)
	}
	backend := &http.Transport{}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: backend,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			change(r.Out)
		},
		ModifyResponse: answer,
	})
	c.t.Cleanup(func() {
		server.Close()
		backend.CloseIdleConnections()
	})
	return append(c.clientEnv(), "DFFMPEG_COORDINATOR_URL="+server.URL)
}

// TestDoctor: the doctor finds what is wrong with a cluster, and nothing with one
// that is well.
func TestDoctor(t *testing.T) {
	c := newCluster(t)
	nobody := c.doctor(c.clientEnv(), 1)
	nobody.want(t, "workers", "problem", "no worker is online")
	c.startWorker("w1")

	t.Run("well", func(t *testing.T) {
		d := c.doctor(c.clientEnv(), 0)
		for _, f := range d.Findings {
			if f.Status != "ok" && (f.Check != "tls" || f.Status != "skipped") && f.Check != "latency" { // a busy machine is slow
				t.Errorf("%s: %s: %s -> %s", f.Check, f.Status, f.Found, f.Advice)
			}
		}
		if len(d.Workers) != 1 || !d.Workers[0].Could {
			t.Errorf("diagnosis %+v", d)
		}
		if jobs := c.jobs(); len(jobs) != 0 {
			t.Errorf("it made %d jobs", len(jobs))
		}
	})
	t.Run("a command", func(t *testing.T) {
		d := c.doctor(c.clientEnv(), 0, "--", "ffprobe", "-i", filepath.Join(c.media(), "a.mkv"), "/elsewhere/b.srt")
		d.want(t, "command", "warning", "/elsewhere/b.srt")
		d.want(t, "workers", "ok", "1 of 1 online could take ffprobe with the path Media")
	})
	t.Run("a program that nobody has", func(t *testing.T) {
		c.doctor(c.clientEnv(), 1, "--", "HandBrakeCLI", "-i", "x").want(t, "workers", "problem", "add HandBrakeCLI to binaries")
	})
	t.Run("a path that no worker has", func(t *testing.T) {
		d := c.doctor(c.rewritten("paths: {Media:", "paths: {Elsewhere: /, Media:"), 1)
		d.want(t, "workers", "problem", "add Elsewhere to paths of a worker's configuration")
		if len(d.Workers) != 1 || d.Workers[0].Could || fmt.Sprint(d.Workers[0].Lacks) != "[Elsewhere]" {
			t.Errorf("workers %+v", d.Workers)
		}
	})
	t.Run("an unknown identity", func(t *testing.T) {
		c.doctor(append(c.clientEnv(), "DFFMPEG_CLIENT_ID=sombody"), 1).want(t, "key", "problem", "knows no identity sombody")
	})
	t.Run("a wrong key", func(t *testing.T) {
		d := c.doctor(append(c.clientEnv(), "DFFMPEG_HMAC_KEY="+c.keys["stranger"]), 1)
		d.want(t, "clock", "ok", "")
		d.want(t, "key", "problem", "the key is not that of jellyfin")
		d.want(t, "workers", "skipped", "because of the problem with key")
	})
	t.Run("a worker's identity", func(t *testing.T) {
		d := c.doctor(append(c.clientEnv(), "DFFMPEG_CLIENT_ID=w1", "DFFMPEG_HMAC_KEY="+c.keys["w1"]), 1)
		d.want(t, "key", "ok", "")
		d.want(t, "role", "problem", "w1 has the role worker")
	})
	t.Run("a key that everybody may read", func(t *testing.T) {
		env := c.clientEnv()
		if err := os.Chmod(filepath.Join(c.dir, "dffmpeg-client.yaml"), 0o644); err != nil {
			t.Fatal(err)
		}
		c.doctor(env, 0).want(t, "key-file", "warning", "chmod o-rw")
	})
	t.Run("a mistake in the configuration", func(t *testing.T) {
		d := c.doctor(c.rewritten("job_heartbeat_interval", "job_hartbeat_interval"), 1)
		d.want(t, "configuration", "problem", `did you mean "job_heartbeat_interval"?`)
		d.want(t, "key", "skipped", "because of the problem with configuration")
	})
	t.Run("a transport that the coordinator has not", func(t *testing.T) {
		d := c.doctor(c.rewritten("job_heartbeat_interval", "transports: {enabled_transports: [mqtt]}\njob_heartbeat_interval"), 1)
		d.want(t, "transport", "problem", "none of ours can be used: mqtt")
	})
	t.Run("a fallback that is not there", func(t *testing.T) {
		env := append(c.withFallback("{when: unavailable, binaries: {ffmpeg: "+filepath.Join(binaries, "ffmpeg")+"}}"), "PATH="+binaries)
		d := c.doctor(env, 0)
		d.want(t, "fallback", "warning", "is the drop-in itself")
		d.want(t, "drop-in", "ok", "ffmpeg in PATH is the drop-in")
	})
	t.Run("a proxy that stops WebSockets", func(t *testing.T) {
		env := c.through(func(r *http.Request) {
			r.Header.Del("Upgrade")
			r.Header.Del("Connection")
		}, nil)
		d := c.doctor(env, 1)
		d.want(t, "streams", "problem", "removes the headers that ask for a WebSocket")
		d.want(t, "workers", "ok", "")
		c.doctor(c.through(func(*http.Request) {}, nil), 0).want(t, "streams", "ok", "WebSockets reach the coordinator")
	})
	t.Run("a proxy with a wrong clock", func(t *testing.T) {
		env := c.through(func(*http.Request) {}, func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			return nil
		})
		d := c.doctor(env, 0)
		d.want(t, "clock", "warning", "1h0m0s ahead of the coordinator's")
	})
	t.Run("a command that is wrong", func(t *testing.T) {
		if p := run(t, c.clientEnv(), c.dir, "dffmpeg", "doctor", "--timeout", "0s"); p.exitCode() != 2 {
			t.Errorf("exit code %d, want 2: %s", p.exitCode(), p.stderr.text())
		}
	})
	t.Run("no coordinator", func(t *testing.T) {
		c.coordinator.kill()
		d := c.doctor(c.clientEnv(), 1)
		d.want(t, "connection", "problem", "connection refused")
		d.want(t, "paths", "ok", "Media")
		for _, f := range d.Findings {
			if f.Status == "problem" && f.Check != "connection" {
				t.Errorf("the cause is reported again: %+v", f)
			}
		}
	})
}

// TestDoctorOfBrokers: whether a client's settings lead to the broker is found out
// without a job.
func TestDoctorOfBrokers(t *testing.T) {
	own := rand.Text()
	for name, settings := range map[string][2]string{
		"mqtt":     {"MOSQUITTO", ", topic_prefix: e2e-" + own},
		"rabbitmq": {"RABBITMQ", ", workers_exchange: e2e-w-" + own + ", jobs_exchange: e2e-j-" + own},
		"nats":     {"NATS", ", stream: e2e-" + own + ", subject_prefix: e2e-" + own},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClusterWith(t, "engine_defaults: {sqlite: {path: state.db}}", sections(name, brokerSettings(t, settings[0], settings[1])))
			c.startWorker("w1")
			c.doctor(c.clientEnv(), 0).want(t, "transport", "ok", name+"; its broker is reached and takes our credentials")
			password := testservices.Broker(t, settings[0]).Password.Reveal()
			d := c.doctor(c.rewritten("password: "+password, "password: mistaken"), 0)
			d.want(t, "transport", "warning", "cannot be used from here")
			if _, found := d.of("transport"); strings.Contains(found, password) || strings.Contains(found, "mistaken") {
				t.Errorf("a password shows: %s", found)
			}
		})
	}
}

// rewritten returns the environment of a client with another configuration.
func (c *cluster) rewritten(old, with string) []string {
	c.t.Helper()
	env := c.clientEnv()
	text, err := os.ReadFile(filepath.Join(c.dir, "dffmpeg-client.yaml"))
	if err != nil || !strings.Contains(string(text), old) {
		c.t.Fatalf("no %q in the configuration: %v", old, err)
	}
	c.write("dffmpeg-client.yaml", strings.Replace(string(text), old, with, 1))
	return env
}
