package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// cluster is a coordinator with identities, and what belongs to it.
type cluster struct {
	t           *testing.T
	dir         string
	port        int
	coordinator *process
	keys        map[string]string
	// transports is the section of the coordinator's, the workers' and the
	// client's configuration; "" for the defaults.
	transports transportSections
	// shutdownDelay is the coordinators', in seconds; "" for none.
	shutdownDelay string
	// program is what workers run as ffmpeg; "" for ffmpeg.
	program string
	// asked says that program answers questions as ffmpeg does.
	asked bool
	// slots is max_jobs of workers; "" for any number.
	slots string
}

// transportSections are sections "transports".
type transportSections struct{ coordinator, worker, client string }

// newCluster starts a coordinator on a free port with an empty database.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOn(t, "engine_defaults: {sqlite: {path: state.db}}")
}

// newClusterOn starts a coordinator on the databases that the section says.
func newClusterOn(t *testing.T, section string) *cluster {
	t.Helper()
	return newClusterWith(t, section, transportSections{})
}

// newClusterWith does so with transports.
func newClusterWith(t *testing.T, section string, transports transportSections) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), port: freePort(t), keys: make(map[string]string), transports: transports}
	c.configure(section)
	for name, role := range map[string]string{"jellyfin": "client", "stranger": "client", "w1": "worker", "w2": "worker", "root": "admin"} {
		c.addUser(name, role)
	}
	c.startCoordinator()
	return c
}

// configure writes the coordinator's configuration.
func (c *cluster) configure(section string) {
	c.t.Helper()
	c.write("dffmpeg-coordinator.yaml", fmt.Sprintf(`
host: 127.0.0.1
port: %d
handshake_delay_seconds: 0.1
shutdown_delay_seconds: %s
dev_mode: true
log_level: debug
%s
database:
%s
`, c.port, cmp.Or(c.shutdownDelay, "0"), c.transports.coordinator, "  "+strings.ReplaceAll(strings.TrimSpace(section), "\n", "\n  ")))
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func (c *cluster) write(name, content string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	// At once, as a program that was started before may be reading it.
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

func (c *cluster) config(component string) string {
	return filepath.Join(c.dir, "dffmpeg-"+component+".yaml")
}

// addUser makes an identity with the admin tool on the database, and keeps the
// key as a script would read it.
func (c *cluster) addUser(name, role string) {
	c.t.Helper()
	p := run(c.t, nil, c.dir, "dffmpeg-admin", "-c", c.config("coordinator"), "user", "add", name, "--role", role)
	match := regexp.MustCompile(`(?m)^HMAC Key: (\S{44})$`).FindStringSubmatch(p.stdout.text())
	if p.exitCode() != 0 || match == nil {
		c.t.Fatalf("user add %s: exit code %d, stdout %q, stderr %q", name, p.exitCode(), p.stdout.text(), p.stderr.text())
	}
	c.keys[name] = match[1]
}

func (c *cluster) startCoordinator() {
	c.t.Helper()
	c.coordinator = start(c.t, nil, c.dir, "dffmpeg-coordinator", "-c", c.config("coordinator"))
	c.await("the coordinator to be online", func() bool {
		response, err := http.Get(c.url() + "/health") //nolint:noctx // loopback
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func (c *cluster) url() string { return "http://127.0.0.1:" + strconv.Itoa(c.port) }

// await polls for a condition of another process that no event tells of.
func (c *cluster) await(what string, holds func() bool) {
	c.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			c.t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

// startWorker starts a worker whose root Media is a directory of its own.
func (c *cluster) startWorker(name string) (*process, string) {
	c.t.Helper()
	media := filepath.Join(c.dir, name+"-media")
	mkdir(c.t, media)
	return c.startWorkerAt(name, media), media
}

// startWorkerAt starts a worker whose root Media is the given directory. With the
// client's, c.media(), the two share their files under the same names.
func (c *cluster) startWorkerAt(name, media string) *process {
	c.t.Helper()
	c.writeWorker(name, media)
	p := start(c.t, nil, c.dir, "dffmpeg-worker", "-c", c.config(name))
	c.await("worker "+name+" to be online", func() bool { return c.workerStatus(name) == dffmpeg.WorkerOnline })
	return p
}

// writeWorker writes a worker's configuration.
func (c *cluster) writeWorker(name, media string) {
	c.t.Helper()
	c.write("dffmpeg-"+name+".yaml", fmt.Sprintf(`
client_id: %s
hmac_key: %s
registration_interval: 2
jitter: 0.1
min_drain_time_seconds: 0.2
coordinator: {scheme: http, host: 127.0.0.1, port: %d}
binaries: {ffmpeg: %s, ffprobe: /usr/bin/ffprobe}
paths: {Media: %s}
max_jobs: %s
max_light_jobs: unlimited
detect_programs: %t
log_level: debug
%s
`, name, c.keys[name], c.port, cmp.Or(c.program, "/usr/bin/ffmpeg"), media, cmp.Or(c.slots, "unlimited"), c.program == "" || c.asked, c.transports.worker))
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) workerStatus(name string) dffmpeg.WorkerStatus {
	var workers []dffmpeg.Worker
	c.clientJSON(&workers, "worker", "list", "--json")
	for _, w := range workers {
		if w.ID == name {
			return w.Status
		}
	}
	return ""
}

// clientJSON runs a command of the client and reads what it prints.
func (c *cluster) clientJSON(into any, args ...string) {
	c.t.Helper()
	p := run(c.t, c.clientEnv(), c.dir, "dffmpeg-client", args...)
	if p.exitCode() != 0 {
		c.t.Fatalf("dffmpeg-client %v: exit code %d: %s", args, p.exitCode(), p.stderr.text())
	}
	if err := json.Unmarshal([]byte(p.stdout.text()), into); err != nil {
		c.t.Fatalf("dffmpeg-client %v printed %q: %v", args, p.stdout.text(), err)
	}
}

// media returns the client's directory behind its root Media. It is not the
// worker's: whatever the job reads and writes is on the worker's side.
func (c *cluster) media() string {
	path := filepath.Join(c.dir, "client", "media")
	mkdir(c.t, path)
	return path
}

// clientEnv returns the environment of a client with the root Media.
func (c *cluster) clientEnv() []string {
	path := c.write("dffmpeg-client.yaml", fmt.Sprintf(`
client_id: jellyfin
hmac_key: %s
job_heartbeat_interval: 2
coordinator: {scheme: http, host: 127.0.0.1, port: %d}
paths: {Media: %s}
%s
`, c.keys["jellyfin"], c.port, c.media(), c.transports.client))
	return []string{"DFFMPEG_CLIENT_CONFIG=" + path}
}

// proxy starts a program through the drop-in, in the client's media directory.
func (c *cluster) proxy(name string, args ...string) *process {
	c.t.Helper()
	return start(c.t, c.clientEnv(), c.media(), name, args...)
}

// jobs returns the client's jobs, newest first.
func (c *cluster) jobs() []dffmpeg.Job {
	c.t.Helper()
	var jobs []dffmpeg.Job
	c.clientJSON(&jobs, "job", "list", "--json")
	return jobs
}

// onlyJob returns the one job there is.
func (c *cluster) onlyJob() dffmpeg.Job {
	c.t.Helper()
	jobs := c.jobs()
	if len(jobs) != 1 {
		c.t.Fatalf("there are %d jobs, want 1", len(jobs))
	}
	return jobs[0]
}
