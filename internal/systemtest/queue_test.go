package systemtest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/mysql"
	"github.com/dffmpeg/dffmpeg/store/postgres"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
)

// ledger is what processes run where.
type ledger struct {
	mu     sync.Mutex
	loads  map[string]*dffmpeg.JobLoad // by worker
	runs   map[string]int              // processes that a job has had
	now    map[string]int              // processes that a job has
	faults []string
}

// begin notes that a worker with an offer begins a job.
func (l *ledger) begin(workerID string, offer *dffmpeg.Offer, job *dffmpeg.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	load := l.loads[workerID]
	if load == nil {
		load = &dffmpeg.JobLoad{}
		l.loads[workerID] = load
	}
	if limit := offer.Reached(job, load); limit != nil {
		l.faults = append(l.faults, fmt.Sprintf("worker %s is over-committed: %s %s, of which it has %d", workerID, limit.Kind, limit.Name, limit.Most))
	}
	load.Add(job, 1)
	l.runs[job.ID]++
	l.now[job.ID]++
	if l.now[job.ID] > 1 {
		l.faults = append(l.faults, "job "+job.ID+" runs twice at once")
	}
}

func (l *ledger) end(workerID string, job *dffmpeg.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loads[workerID].Add(job, -1)
	l.now[job.ID]--
}

// sleeper launches processes that take as long as their last argument says, and notes
// them in a ledger.
type sleeper struct {
	ledger   *ledger
	workerID string
	offer    *dffmpeg.Offer
}

func (s sleeper) Launch(_ context.Context, request dffmpeg.JobRequest, _ worker.Streams) (worker.Process, error) {
	job := dffmpeg.Job{ID: request.JobID, BinaryName: request.BinaryName}
	job.Demand.Light = slices.Contains(request.Arguments, "-version")
	if slices.Contains(request.Arguments, "h264_nvenc") {
		job.Demand.Uses = map[string]int{"nvenc": 1}
	}
	length, err := time.ParseDuration(request.Arguments[len(request.Arguments)-1])
	if err != nil {
		return nil, err
	}
	s.ledger.begin(s.workerID, s.offer, &job)
	return &sleeping{s, job, time.After(length)}, nil
}

// sleeping is a process of a sleeper's.
type sleeping struct {
	sleeper
	job  dffmpeg.Job
	done <-chan time.Time
}

// Wait notes the end before it is reported.
func (s *sleeping) Wait() int {
	<-s.done
	s.ledger.end(s.workerID, &s.job)
	return 0
}

func (*sleeping) Warnings() []string    { return nil }
func (*sleeping) Stop(time.Duration)    {}
func (*sleeping) Signal(syscall.Signal) {}

// TestQueueOfThreeCoordinators: with three coordinators on a real database and workers
// that come and go, no worker has more than it offers at any moment, no job is lost or
// run twice, what is urgent goes first, and nobody is starved by whoever submits most.
func TestQueueOfThreeCoordinators(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		settings := sqlite.DefaultSettings()
		settings.Path = filepath.Join(t.TempDir(), "state.db")
		queueOfThree(t, func() (store.State, error) {
			return sqlite.Open(t.Context(), settings, sqlite.Options{Now: time.Now, IDs: dffmpeg.NewIDSource()})
		})
	})
	t.Run("mariadb", func(t *testing.T) {
		settings, tables := testservices.Database(t, "MARIADB", mysql.DefaultSettings()), ownTables()
		queueOfThree(t, func() (store.State, error) {
			return mysql.Open(t.Context(), settings, mysql.Options{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
		})
	})
	t.Run("postgres", func(t *testing.T) {
		settings, tables := testservices.Database(t, "POSTGRES", postgres.DefaultSettings()), ownTables()
		queueOfThree(t, func() (store.State, error) {
			return postgres.Open(t.Context(), settings, postgres.Options{Tables: tables, Now: time.Now, IDs: dffmpeg.NewIDSource()})
		})
	})
}

// queued is what one requester submits.
type queued struct {
	requester string
	role      dffmpeg.Role
	jobs      int
	priority  int
}

func queueOfThree(t *testing.T, open func() (store.State, error)) {
	t.Helper()
	var systems []*system
	var state store.State
	for range 3 {
		var err error
		if state, err = open(); err != nil {
			t.Fatal(err)
		}
		own := state
		t.Cleanup(func() {
			if err := own.Close(); err != nil {
				t.Errorf("close the store: %v", err)
			}
		})
		systems = append(systems, startSystem(t, state))
	}
	// All wait before there is a worker.
	var all sync.WaitGroup
	for i, q := range []queued{{"greedy", dffmpeg.RoleClient, 150, 0}, {"modest", dffmpeg.RoleClient, 30, 0}, {"urgent", dffmpeg.RoleAdmin, 20, 50}} {
		caller, connector := systems[i].connect(q.requester, q.role)
		c := client.New(q.requester, caller, connector, slog.New(slog.DiscardHandler))
		all.Go(func() {
			for n := range q.jobs {
				kind := [][]string{{"-i", "a"}, {"-version"}, {"-i", "a", "-c:v", "h264_nvenc"}}[n%3]
				_, err := c.Submit(t.Context(), dffmpeg.SubmitRequest{
					BinaryName: "ffmpeg", Arguments: append(kind, fmt.Sprintf("%dms", 20+n%5*20)), Terms: dffmpeg.JobTerms{Priority: &q.priority},
				})
				if err != nil {
					t.Errorf("%s: %v", q.requester, err)
				}
			}
		})
		if q.requester == "greedy" {
			all.Wait() // first of all
		}
	}
	all.Wait()

	books := &ledger{loads: make(map[string]*dffmpeg.JobLoad), runs: make(map[string]int), now: make(map[string]int)}
	const workers = 12
	for i := range workers {
		offer := &dffmpeg.Offer{MaxJobs: 1 + i%2, MaxLightJobs: 1 + i%3, Resources: map[string]int{"nvenc": i % 2}, Weight: 1}
		systems[i%3].employ(fmt.Sprintf("w%02d", i), offer, books, i%4 == 0)
	}
	waitUntilOver(t, state)
	books.mu.Lock()
	defer books.mu.Unlock()
	for _, fault := range books.faults {
		t.Error(fault)
	}
	jobs, err := state.List(t.Context(), store.JobQuery{Window: time.Hour})
	if err != nil || len(jobs) != 200 {
		t.Fatalf("there are %d jobs, want 200: %v", len(jobs), err)
	}
	for _, job := range jobs {
		if job.Status != dffmpeg.JobCompleted || books.runs[job.ID] != 1 {
			t.Errorf("job %s is %s after %d processes: %s", job.ID, job.Status, books.runs[job.ID], job.Reason)
		}
	}
	// Of jobs of one kind, which compete for the same slots: the places of each
	// requester's, by when they were first assigned.
	for kind, places := range placesOf(jobs) {
		last, middle := func(who string) int { return slices.Max(places[who]) }, len(places["greedy"])/2
		if got, most := last("urgent"), len(places["urgent"])+slack; got >= most {
			t.Errorf("%s: the last urgent job is at place %d, want less than %d", kind, got, most)
		}
		if got, most := last("modest"), len(places["urgent"])+2*len(places["modest"])+slack; got >= most {
			t.Errorf("%s: the last job of who submits little is at place %d, want less than %d", kind, got, most)
		}
		if slices.Max(places["greedy"]) < middle {
			t.Errorf("%s: the places are %v", kind, places)
		}
	}
}

// slack is by how many places an order may differ, as several assignments are made at
// once: as many jobs as all workers take.
const slack = 24

// placesOf ranks the jobs of each kind by when they were assigned.
func placesOf(jobs []dffmpeg.Job) map[string]map[string][]int {
	kinds := make(map[string][]dffmpeg.Job)
	for _, job := range jobs {
		kind := strings.Join(job.Arguments[:len(job.Arguments)-1], " ")
		kinds[kind] = append(kinds[kind], job)
	}
	places := make(map[string]map[string][]int)
	for kind, list := range kinds {
		slices.SortFunc(list, func(a, b dffmpeg.Job) int { return a.Attempts[0].AssignedAt.Compare(b.Attempts[0].AssignedAt) })
		places[kind] = make(map[string][]int)
		for place, job := range list {
			places[kind][job.RequesterID] = append(places[kind][job.RequesterID], place)
		}
	}
	return places
}

// waitUntilOver waits until no job is active.
func waitUntilOver(t *testing.T, state store.State) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		jobs, err := state.Active(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(jobs) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d jobs are not over, such as %s, which is %s: %s", len(jobs), jobs[0].ID, jobs[0].Status, jobs[0].Reason)
		}
	}
}

// employ runs a worker until the test ends. One that is restless drains and comes back
// again and again.
func (s *system) employ(id string, offer *dffmpeg.Offer, books *ledger, restless bool) {
	s.t.Helper()
	caller, connector := s.connect(id, dffmpeg.RoleWorker)
	ended := make(chan struct{})
	var all sync.WaitGroup
	s.t.Cleanup(func() {
		close(ended)
		all.Wait()
	})
	all.Go(func() {
		for life := 0; ; life++ {
			w := worker.New(worker.Settings{
				ID: id, InstanceID: fmt.Sprint(id, "-", life), Binaries: []string{"ffmpeg"}, RegistrationInterval: 10 * time.Second,
				LogBatchSize: 2, Draining: true, Offer: *offer,
			}, caller, connector, noRoots{}, noPrograms{}, sleeper{books, id, offer}, slog.New(slog.DiscardHandler))
			done := make(chan error, 1)
			go func() { done <- w.Run(context.Background()) }()
			last := true
			select {
			case <-ended:
			case <-after(restless):
				last = false
			}
			w.Drain()
			if err := <-done; err != nil {
				s.t.Errorf("worker %s: %v", id, err)
			}
			if last {
				return
			}
		}
	})
}

// after returns what tells a restless worker to leave; nil for others.
func after(restless bool) <-chan time.Time {
	if !restless {
		return nil
	}
	return time.After(300 * time.Millisecond)
}
