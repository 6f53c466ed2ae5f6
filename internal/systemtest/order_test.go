// Package systemtest runs coordinator, workers and clients in one process, where
// tests reach into them.
package systemtest

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/coordinator"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/janitor"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/store/mysql"
	"github.com/dffmpeg/dffmpeg/store/postgres"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// descending is a source of IDs that is wrong on purpose: every ID sorts before
// the last one.
type descending struct {
	mu   sync.Mutex
	last uint64
}

func (d *descending) NewID(time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last--
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base 32
	id := []byte("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	for n, i := d.last, len(id)-1; i > len(id)-13; i-- {
		id[i] = digits[n%32]
		n /= 32
	}
	return string(id)
}

// hesitant delays operations at random, so that they commit in another order
// than they began.
type hesitant struct{ store.State }

func hesitate() { <-time.After(rand.N(2 * time.Millisecond)) }

func (h hesitant) Submit(ctx context.Context, job dffmpeg.Job) (store.Change, error) {
	hesitate()
	return h.State.Submit(ctx, job)
}

func (h hesitant) Claim(ctx context.Context, seen dffmpeg.Job, workerID string) (store.Change, error) {
	hesitate()
	defer hesitate()
	return h.State.Claim(ctx, seen, workerID)
}

func (h hesitant) Accept(ctx context.Context, jobID string, by store.By) (store.Change, error) {
	hesitate()
	defer hesitate()
	return h.State.Accept(ctx, jobID, by)
}

func (h hesitant) AppendLogs(ctx context.Context, jobID string, by store.By, batch int64, entries []dffmpeg.LogEntry) (store.Change, error) {
	hesitate()
	defer hesitate()
	return h.State.AppendLogs(ctx, jobID, by, batch, entries)
}

func (h hesitant) Finish(ctx context.Context, jobID string, by store.By, result store.Result) (store.Change, error) {
	hesitate()
	defer hesitate()
	return h.State.Finish(ctx, jobID, by, result)
}

// system is a coordinator in this process.
type system struct {
	t        *testing.T
	address  *url.URL
	accounts *accounts.Accounts
	registry transport.Registry
}

// startSystem runs a coordinator over state until the test ends.
func startSystem(t *testing.T, state store.State) *system {
	t.Helper()
	providers, err := secret.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	registry, err := transport.NewRegistry(httppoll.Plugin())
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	identities := memory.NewIdentities(time.Now)
	c, err := coordinator.New(coordinator.Options{
		State: state, Identities: identities, Keyring: keyring, Logger: logger,
		NewTransports: func(mailbox transport.Mailbox) (*transport.Set, error) {
			server := httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, mailbox, logger)
			return transport.NewSet(server), nil
		},
		HTTP: httpapi.Settings{
			Version: "test", AllowedBinaries: []string{"ffmpeg"}, HeartbeatInterval: 5 * time.Second, MaxBodyBytes: 1 << 20,
		},
		Janitor: janitor.Settings{
			Interval: time.Second, WorkerFactor: 1.5, HeartbeatFactor: 2.5,
			AssignmentTimeout: time.Minute, PendingTimeout: time.Minute,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("coordinator: %v", err)
		}
	})
	return &system{
		t: t, accounts: accounts.New(identities, keyring), registry: registry,
		address: &url.URL{Scheme: "http", Host: listener.Addr().String()},
	}
}

// connect adds an identity and returns what it calls and listens with.
func (s *system) connect(id string, role dffmpeg.Role) (*signedhttp.Caller, *peer.Connector) {
	s.t.Helper()
	_, key, err := s.accounts.Add(s.t.Context(), id, role, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	caller, err := peer.NewCaller(id, key, s.address, "test")
	if err != nil {
		s.t.Fatal(err)
	}
	connector, err := peer.NewConnector(s.registry, config.DefaultClient().Transports, caller, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	return caller, connector
}

// echo is a launcher of processes that end at once, having put out their
// arguments.
type echo struct{}

func (echo) Launch(_ context.Context, request dffmpeg.JobRequest, streams worker.Streams) (worker.Process, error) {
	for _, arg := range request.Arguments {
		if err := streams.Lines(dffmpeg.LogEntry{Stream: dffmpeg.Stdout, Content: arg}); err != nil {
			return nil, err
		}
	}
	return echo{}, nil
}

func (echo) Wait() int             { return 0 }
func (echo) Warnings() []string    { return nil }
func (echo) Stop(time.Duration)    {}
func (echo) Signal(syscall.Signal) {}

// noRoots is a worker's source of no roots.
type noRoots struct{}

func (noRoots) Available(context.Context) []string { return nil }

// noPrograms is of what nothing is known.
type noPrograms struct{}

func (noPrograms) Look(context.Context, func() bool, func(map[string]worker.Build)) {}

// startEcho runs a worker with echo processes until the test ends.
func (s *system) startEcho(id string) {
	s.t.Helper()
	caller, connector := s.connect(id, dffmpeg.RoleWorker)
	w := worker.New(worker.Settings{
		ID: id, InstanceID: id, Binaries: []string{"ffmpeg"}, RegistrationInterval: 10 * time.Second,
		LogBatchSize: 2, Draining: true,
	}, caller, connector, noRoots{}, noPrograms{}, echo{}, slog.New(slog.DiscardHandler))
	done := make(chan error, 1)
	go func() { done <- w.Run(context.Background()) }()
	s.t.Cleanup(func() {
		w.Drain()
		if err := <-done; err != nil {
			s.t.Errorf("worker %s: %v", id, err)
		}
	})
}

// witness notes what an attached client is told.
type witness struct {
	statuses []dffmpeg.JobStatus
	output   []string
}

func (w *witness) Output(lines []dffmpeg.LogEntry) error {
	for _, l := range lines {
		w.output = append(w.output, l.Content)
	}
	return nil
}

func (w *witness) Status(change dffmpeg.JobStatusChange) {
	w.statuses = append(w.statuses, change.Status)
}

// TestEveryClientSeesEverything: 64 submitters at once, with message IDs
// proposed in descending order and commits delayed at random. Every client
// sees every status and every line, in order, once.
func TestEveryClientSeesEverything(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		everyClientSeesEverything(t, memory.New(time.Now, &descending{last: 1 << 50}))
	})
	t.Run("sqlite", func(t *testing.T) {
		settings := sqlite.DefaultSettings()
		settings.Path = filepath.Join(t.TempDir(), "state.db")
		state, err := sqlite.Open(t.Context(), settings, sqlite.Options{Now: time.Now, IDs: &descending{last: 1 << 50}})
		if err != nil {
			t.Fatal(err)
		}
		everyClientSeesEverything(t, state)
	})
	t.Run("mariadb", func(t *testing.T) {
		settings := testservices.Database(t, "MARIADB", mysql.DefaultSettings())
		state, err := mysql.Open(t.Context(), settings, mysql.Options{Tables: ownTables(), Now: time.Now, IDs: &descending{last: 1 << 50}})
		if err != nil {
			t.Fatal(err)
		}
		everyClientSeesEverything(t, state)
	})
	t.Run("postgres", func(t *testing.T) {
		settings := testservices.Database(t, "POSTGRES", postgres.DefaultSettings())
		state, err := postgres.Open(t.Context(), settings, postgres.Options{Tables: ownTables(), Now: time.Now, IDs: &descending{last: 1 << 50}})
		if err != nil {
			t.Fatal(err)
		}
		everyClientSeesEverything(t, state)
	})
}

// ownTables returns names that nobody else uses. They go with the server, which
// is a private one.
func ownTables() store.Tables {
	prefix := "system_" + strings.ToLower(cryptorand.Text()[:12])
	return store.Tables{Jobs: prefix + "_jobs", Messages: prefix + "_messages", Workers: prefix + "_workers"}
}

// everyClientSeesEverything closes the state when the test ends, after what uses
// it.
func everyClientSeesEverything(t *testing.T, state store.State) {
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	s := startSystem(t, hesitant{state})
	for _, id := range []string{"w1", "w2", "w3"} {
		s.startEcho(id)
	}
	const submitters, jobsEach = 64, 3
	lines := []string{"one", "two", "three", "four", "five"}
	want := []dffmpeg.JobStatus{dffmpeg.JobAssigned, dffmpeg.JobRunning, dffmpeg.JobCompleted}
	var all sync.WaitGroup
	for i := range submitters {
		caller, connector := s.connect("client-"+string(rune('A'+i%26))+string(rune('a'+i/26)), dffmpeg.RoleClient)
		c := client.New("client", caller, connector, slog.New(slog.DiscardHandler))
		all.Go(func() {
			for range jobsEach {
				if err := runOne(t.Context(), c, lines, want); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// runOne submits a job and compares what is seen of it with what is wanted.
func runOne(ctx context.Context, c *client.Client, lines []string, want []dffmpeg.JobStatus) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.Submit(ctx, dffmpeg.SubmitRequest{BinaryName: "ffmpeg", Arguments: lines, Monitor: true})
	if err != nil {
		return err
	}
	w := &witness{}
	if _, err := c.Attach(ctx, client.Attachment{Job: answer.Job, Monitor: true}, w); err != nil {
		return err
	}
	if !slices.Equal(w.statuses, want) || !slices.Equal(w.output, lines) {
		return errors.New("job " + answer.ID + ": saw " + describe(w))
	}
	return nil
}

func describe(w *witness) string {
	text := ""
	for _, s := range w.statuses {
		text += string(s) + " "
	}
	for _, l := range w.output {
		text += "[" + l + "] "
	}
	return text
}
