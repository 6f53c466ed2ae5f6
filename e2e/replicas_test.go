package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
)

// replicated is a cluster with several coordinators behind a balancer, which is
// all that workers and clients know.
type replicated struct {
	*cluster
	section string
	ports   []int
	replica []*process
	balance *balancer
	// through are the wires by which a coordinator reaches its servers.
	through map[int][]*wire
}

// newReplicated starts so many coordinators on one database.
func newReplicated(t *testing.T, section string, count int, transports transportSections) *replicated {
	t.Helper()
	r := &replicated{cluster: newClusterWith(t, section, transports), section: section}
	r.ports, r.replica = []int{r.port}, []*process{r.coordinator}
	for i := 1; i < count; i++ {
		r.ports = append(r.ports, freePort(t))
		r.replica = append(r.replica, nil)
		r.startReplica(i)
	}
	r.balance = startBalancer(t, r.ports...)
	r.port = r.balance.port
	return r
}

// startReplica starts a coordinator, again if it was killed.
func (r *replicated) startReplica(i int) {
	r.t.Helper()
	balanced, section, coordinators := r.port, r.section, r.transports.coordinator
	defer func() { r.port, r.transports.coordinator = balanced, coordinators }()
	r.port = r.ports[i]
	for _, w := range r.through[i] {
		section, r.transports.coordinator = w.instead(section), w.instead(r.transports.coordinator)
	}
	r.configure(section)
	r.startCoordinator()
	r.replica[i] = r.coordinator
}

// coordinators lists those that live.
func (r *replicated) coordinators() []dffmpeg.Coordinator {
	r.t.Helper()
	var all []dffmpeg.Coordinator
	if err := json.Unmarshal([]byte(succeed(r.t, r.admin("coordinator", "list", "--json"))), &all); err != nil {
		r.t.Fatal(err)
	}
	return all
}

// TestDrain: a coordinator that ends says so by its health first; peers that listen
// to it are let go in time, and not one request fails behind a balancer that
// looks at health.
func TestDrain(t *testing.T) {
	r := newReplicated(t, serverSection(t, "postgres", "POSTGRES"), 2, transportSections{})
	r.shutdownDelay = "2"
	for i := range r.replica { // with the delay
		r.replica[i].signal(syscall.SIGTERM)
		r.replica[i].exitCode()
		r.startReplica(i)
	}
	r.balance.checkHealth(t)
	_, media := r.startWorker("w1")
	encode := r.proxy("ffmpeg", realtime("8", filepath.Join(r.media(), "drained.mkv"))...)
	encode.stderr.await(t, "frame=")

	m := &matrix{replicated: r}
	session := m.session(t)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var asked atomic.Int64
	for range 4 {
		asking.Go(func() {
			for ctx.Err() == nil {
				if _, err := session.Client.Jobs(ctx, time.Hour); err != nil && ctx.Err() == nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				asked.Add(1)
			}
		})
	}
	ending := r.replica[0]
	began := time.Now()
	ending.signal(syscall.SIGTERM)
	r.await("its health to say 503", func() bool {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/health", r.ports[0])) //nolint:noctx // loopback
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusServiceUnavailable
	})
	if took := time.Since(began); took > time.Second {
		t.Errorf("health said so after %s", took)
	}
	if code := ending.exitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, ending.stderr.text())
	}
	if took := time.Since(began); took < 2*time.Second || took > 7*time.Second {
		t.Errorf("it ended after %s, want shutdown_delay_seconds (2) and at most 5 s more", took)
	}
	time.Sleep(time.Second)
	cancel()
	asking.Wait()
	if asked.Load() < 20 {
		t.Errorf("only %d requests were made meanwhile", asked.Load())
	}
	if code := encode.exitCode(); code != 0 {
		t.Errorf("the job that ran meanwhile: exit code %d: %s", code, encode.stderr.text())
	}
	if got := duration(t, filepath.Join(media, "drained.mkv")); math.Abs(got-8) > 0.3 {
		t.Errorf("the file lasts %v s, want 8", got)
	}
}

// TestReplicas: coordinators on MariaDB and PostgreSQL behave as one: a job that
// is submitted to one, runs through another and is waited for at a third; one of
// them is killed in the middle, and another one ends in good order.
func TestReplicas(t *testing.T) {
	for name, section := range map[string]func(t *testing.T) string{
		"mariadb":  func(t *testing.T) string { return serverSection(t, "mysql", "MARIADB") },
		"postgres": func(t *testing.T) string { return serverSection(t, "postgres", "POSTGRES") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplicated(t, section(t), 3, transportSections{})
			_, media := r.startWorker("w1")
			makeClip(t, filepath.Join(media, "in.mkv"), 1)
			r.await("three coordinators to know each other", func() bool { return len(r.coordinators()) == 3 })
			var probes []*process
			for range 6 {
				probes = append(probes, r.proxy("ffprobe", "-v", "error", "-show_format", filepath.Join(r.media(), "in.mkv")))
			}
			for _, p := range probes {
				if code := p.exitCode(); code != 0 || !strings.Contains(p.stdout.text(), "format_name=matroska") {
					t.Errorf("ffprobe: exit code %d: %q %q", code, p.stdout.text(), p.stderr.text())
				}
			}

			out := filepath.Join(media, "survivor.mkv")
			encode := r.proxy("ffmpeg", realtime("8", filepath.Join(r.media(), "survivor.mkv"))...)
			encode.stderr.await(t, "frame=")
			before := processesWith(t, out)
			r.replica[0].kill()
			r.replica[1].signal(syscall.SIGTERM)
			if code := r.replica[1].exitCode(); code != 0 {
				t.Errorf("the coordinator that was to end has exit code %d: %s", code, r.replica[1].stderr.text())
			}
			if after := processesWith(t, out); fmt.Sprint(after) != fmt.Sprint(before) || len(after) == 0 {
				t.Errorf("the encode was disturbed: processes %v before, %v after", before, after)
			}
			if code := encode.exitCode(); code != 0 {
				t.Fatalf("exit code %d: %s", code, encode.stderr.text())
			}
			if got := duration(t, out); math.Abs(got-8) > 0.3 {
				t.Errorf("the file lasts %v s, want 8", got)
			}
			jobs := r.jobs()
			if len(jobs) != 7 {
				t.Errorf("there are %d jobs, want 7", len(jobs))
			}
			for _, job := range jobs {
				if job.Status != dffmpeg.JobCompleted || job.Attempt != 1 {
					t.Errorf("job %s is %s in attempt %d, want completed in the first", job.ID, job.Status, job.Attempt)
				}
				if job.BinaryName != "ffmpeg" {
					continue
				}
				logs := run(t, r.clientEnv(), r.dir, "dffmpeg-client", "job", "logs", job.ID)
				if logs.stderr.text() != encode.stderr.text() {
					t.Errorf("the client saw %d bytes of stderr, the log holds %d", len(encode.stderr.text()), len(logs.stderr.text()))
				}
			}
			if users := succeed(t, r.admin("user", "list")); !strings.Contains(users, accounts.ClusterID) {
				t.Errorf("the coordinators did not call each other: they have no key among\n%s", users)
			}
			for _, c := range r.replica {
				if strings.Contains(c.stderr.text(), "request refused") {
					t.Errorf("a request was refused: %s", c.stderr.text())
				}
			}
			r.await("the dead to be missed", func() bool { return len(r.coordinators()) == 1 })
		})
	}
}
