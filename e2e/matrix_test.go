package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/app"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/peer"
)

const (
	matrixClients = 8
	matrixWorkers = 4
	// matrixJobs is how many jobs each client runs, one after the other.
	matrixJobs  = 25
	matrixLimit = 5 * time.Minute
	// heartbeat is the jobs': two and a half of it are longer than anything is
	// away here.
	heartbeat = 10 * time.Second
)

// soak is the environment variable that makes the tests of this file and of faults
// try every combination.
const soak = "DFFMPEG_SOAK"

// combination is what a cluster is made of.
type combination struct{ database, transport string }

// databases are the sections of the databases of the matrix, and how many
// coordinators share one.
func databases() map[string]struct {
	section      func(t *testing.T) string
	coordinators int
} {
	return map[string]struct {
		section      func(t *testing.T) string
		coordinators int
	}{
		"sqlite":   {func(*testing.T) string { return "engine_defaults: {sqlite: {path: state.db}}" }, 1},
		"mariadb":  {func(t *testing.T) string { return serverSection(t, "mysql", "MARIADB") }, 3},
		"postgres": {func(t *testing.T) string { return serverSection(t, "postgres", "POSTGRES") }, 3},
	}
}

// transports are the sections of the transports of the matrix, over the brokers
// whose services have this ending.
func transports(ending string) map[string]func(t *testing.T) transportSections {
	return map[string]func(t *testing.T) transportSections{
		"http_polling": func(*testing.T) transportSections { return transportSections{} },
		// Peers know HTTP only, and coordinators reach each other by the broker.
		"http_polling over rabbitmq": func(t *testing.T) transportSections {
			settings := brokerSettings(t, "RABBITMQ"+ending, ", coordinators_exchange: e2e-c-"+rand.Text())
			return transportSections{coordinator: "transports: {transport_settings: {http_polling: {backend_transport: rabbitmq}, rabbitmq: " + settings + "}}"}
		},
		"mqtt": func(t *testing.T) transportSections {
			return sections("mqtt", brokerSettings(t, "MOSQUITTO"+ending, ", topic_prefix: e2e-"+rand.Text()))
		},
		"rabbitmq": func(t *testing.T) transportSections {
			own := rand.Text()
			return sections("rabbitmq", brokerSettings(t, "RABBITMQ"+ending, ", workers_exchange: e2e-w-"+own+", jobs_exchange: e2e-j-"+own))
		},
		"nats": func(t *testing.T) transportSections {
			own := rand.Text()
			return sections("nats", brokerSettings(t, "NATS"+ending, ", stream: e2e-"+own+", subject_prefix: e2e-"+own))
		},
	}
}

// combinations returns those to try: all of them, or as few as have each value.
func combinations() []combination {
	if os.Getenv(soak) == "" {
		return []combination{
			{"sqlite", "rabbitmq"},
			{"mariadb", "http_polling"},
			{"postgres", "mqtt"},
			{"mariadb", "nats"},
			{"postgres", "http_polling over rabbitmq"},
		}
	}
	return everyCombination()
}

// everyCombination returns all there are.
func everyCombination() []combination {
	var all []combination
	for _, database := range slices.Sorted(maps.Keys(databases())) {
		for _, transport := range slices.Sorted(maps.Keys(transports(""))) {
			all = append(all, combination{database, transport})
		}
	}
	return all
}

// TestMatrix: eight clients run two hundred short jobs on four workers behind a
// balancer, with every kind of database and of transport: every job runs once,
// every client gets every status and every byte of output in order.
func TestMatrix(t *testing.T) {
	for _, c := range combinations() {
		t.Run(c.database+" "+c.transport, func(t *testing.T) {
			database := databases()[c.database]
			m := newMatrix(t, database.section(t), database.coordinators, transports("")[c.transport](t))
			began := time.Now()
			m.runJobs(t)
			t.Logf("%d jobs by %d clients on %d workers in %s", matrixClients*matrixJobs, matrixClients, matrixWorkers, time.Since(began).Round(time.Millisecond))
			var names []string
			for i := range matrixClients {
				for j := range matrixJobs {
					names = append(names, fmt.Sprintf("client%d-job%d", i, j))
				}
			}
			m.check(t, names)
		})
	}
}

// matrix is a cluster with workers whose program notes when it begins and ends.
type matrix struct {
	*replicated
	marks string // the file where it does
}

func newMatrix(t *testing.T, section string, coordinators int, transports transportSections) *matrix {
	t.Helper()
	m := newIdleMatrix(t, section, coordinators, transports)
	for i := range matrixWorkers {
		m.startRunner(i)
	}
	return m
}

// newIdleMatrix starts one without its workers.
func newIdleMatrix(t *testing.T, section string, coordinators int, transports transportSections) *matrix {
	t.Helper()
	m := &matrix{replicated: newReplicated(t, section, coordinators, transports)}
	m.marks = filepath.Join(m.dir, "marks")
	m.program = m.write("program", `#!/bin/sh
# Appends are whole: each is one write of a short line.
echo "begin $1" >>`+m.marks+`
if [ -n "$3" ]; then until [ -e "$3" ]; do sleep 0.3; done; fi
sleep "$2"
i=0
while [ $i -lt 10 ]; do
  echo "$1 out $i"
  echo "$1 err $i" >&2
  i=$((i + 1))
done
echo "end $1" >>`+m.marks+`
`)
	if err := os.Chmod(m.program, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range matrixWorkers {
		m.addUser(runnerName(i), "worker")
	}
	return m
}

// startRunner starts one of the workers.
func (m *matrix) startRunner(i int) {
	m.t.Helper()
	m.startWorker(runnerName(i))
}

func runnerName(i int) string { return fmt.Sprintf("runner%d", i) }

// session connects a client in this process.
func (m *matrix) session(t *testing.T) *peer.Session {
	t.Helper()
	m.clientEnv() // writes the file
	cfg, err := config.LoadClient(m.config("client"), config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	program, err := app.Builtin("test")
	if err != nil {
		t.Fatal(err)
	}
	session, err := peer.NewSession(cfg, program.Transports, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// runJobs has all clients run their jobs.
func (m *matrix) runJobs(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), matrixLimit)
	defer cancel()
	var all sync.WaitGroup
	for i := range matrixClients {
		session := m.session(t)
		all.Go(func() {
			for j := range matrixJobs {
				attempts, err := runMarked(ctx, session.Client, fmt.Sprintf("client%d-job%d", i, j), "0")
				if err != nil || attempts != 1 {
					t.Errorf("client %d, job %d: %d attempts, %v", i, j, attempts, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// witness notes what a client is told of a job.
type witness struct {
	out, err strings.Builder
	statuses []dffmpeg.JobStatus
}

func (w *witness) Output(lines []dffmpeg.LogEntry) error {
	for i := range lines {
		if lines[i].Stream == dffmpeg.Stdout {
			w.out.WriteString(lines[i].Text())
		} else {
			w.err.WriteString(lines[i].Text())
		}
	}
	return nil
}

func (w *witness) Status(change dffmpeg.JobStatusChange) {
	w.statuses = append(w.statuses, change.Status)
}

// runMarked runs a job with the arguments of newIdleMatrix's program: a name, how
// many seconds it sleeps, and a file that it waits for before, if there is one. It
// checks all that the client was told. It returns in which attempt the job ran: more than the first if
// a worker did not come to accept an earlier one.
func runMarked(ctx context.Context, c *client.Client, name string, more ...string) (int, error) {
	answer, err := submit(ctx, c, append([]string{name}, more...))
	if err != nil {
		return 0, fmt.Errorf("submit: %w", err)
	}
	var w witness
	final, err := c.Attach(ctx, client.Attachment{Job: answer.Job, Monitor: true}, &w)
	if err != nil {
		return 0, fmt.Errorf("attach: %w", err)
	}
	if final.Status != dffmpeg.JobCompleted || final.ExitCode == nil || *final.ExitCode != 0 {
		return final.Attempt, fmt.Errorf("it ended as %+v", final)
	}
	var want []dffmpeg.JobStatus
	for range final.Attempt - 1 {
		want = append(want, dffmpeg.JobAssigned, dffmpeg.JobPending)
	}
	want = append(want, dffmpeg.JobAssigned, dffmpeg.JobRunning, dffmpeg.JobCompleted)
	// A heartbeat of the worker may say `running` again.
	if got := slices.Compact(w.statuses); !slices.Equal(got, want) {
		return final.Attempt, fmt.Errorf("the client was told of %v, want %v", got, want)
	}
	var out, errs strings.Builder
	for i := range 10 {
		fmt.Fprintf(&out, "%s out %d\n", name, i)
		fmt.Fprintf(&errs, "%s err %d\n", name, i)
	}
	if w.out.String() != out.String() || w.err.String() != errs.String() {
		return final.Attempt, fmt.Errorf("the client got the output %q and %q", w.out.String(), w.err.String())
	}
	return final.Attempt, nil
}

// submit submits a job, again if there was no answer, as the library's users are
// told to.
func submit(ctx context.Context, c *client.Client, arguments []string) (dffmpeg.SubmitAnswer, error) {
	interval := int(heartbeat / time.Second)
	request := dffmpeg.SubmitRequest{
		BinaryName: "ffmpeg", Arguments: arguments, HeartbeatInterval: &interval, Monitor: true, IdempotencyKey: rand.Text(),
	}
	for {
		answer, err := c.Submit(ctx, request)
		if dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable || ctx.Err() != nil {
			return answer, err
		}
	}
}

// check counts what the programs noted: each ran once, to its end.
func (m *matrix) check(t *testing.T, names []string) {
	t.Helper()
	text, err := os.ReadFile(m.marks)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		count[strings.TrimSpace(line)]++
	}
	for _, name := range names {
		if begun, ended := count["begin "+name], count["end "+name]; begun != 1 || ended != 1 {
			t.Errorf("%s began %d times and ended %d times", name, begun, ended)
		}
	}
	if len(count) != 2*len(names) {
		t.Errorf("%d different marks, want %d", len(count), 2*len(names))
	}
}
