package e2e

import (
	"context"
	"fmt"
	random "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
)

const (
	// faultJobs run when a fault strikes, at least mustRun of them.
	faultJobs = 24
	mustRun   = 20
	// faultSleep is how long they go on then, in seconds.
	faultSleep = "6"
	// faultFor is how long traffic is disturbed, and lateBy how late it is then.
	faultFor = 10 * time.Second
	lateBy   = time.Second
	// randomRounds is how many faults are chosen at random.
	randomRounds = 8
)

// faultSeed is the environment variable with the seed of the faults that are
// chosen at random.
const faultSeed = "DFFMPEG_FAULT_SEED"

// fault is something that goes wrong, and is over when it returns.
type fault struct {
	name   string
	strike func(m *matrix)
}

// faults are those of a whole cluster whose servers are these services of
// dev/services: of its coordinators, of its servers, and of everything before
// the coordinators.
func (c *wired) faults(services ...string) []fault {
	last := len(c.replica) - 1
	all := []fault{
		{"a coordinator is killed", func(m *matrix) {
			m.replica[0].kill()
			time.Sleep(3 * time.Second)
			m.startReplica(0)
		}},
		{"a coordinator ends", func(m *matrix) {
			m.replica[last].signal(syscall.SIGTERM)
			if code := m.replica[last].exitCode(); code != 0 {
				m.t.Errorf("its exit code is %d: %s", code, m.replica[last].stderr.text())
			}
			m.startReplica(last)
		}},
		{"nothing gets through to the coordinators", func(*matrix) { c.front.hold(faultFor) }},
	}
	for _, service := range services {
		all = append(all, fault{service + " is killed", func(m *matrix) {
			testservices.Kill(m.t, service)
			testservices.Start(m.t, service)
		}})
	}
	return all
}

// crashing are the services that tests may kill, and what stands for them in the
// sections of a configuration.
func (c combination) crashing() (database func(t *testing.T) string, services []string) {
	database = databases()[c.database].section
	if engine := map[string]string{"mariadb": "mysql", "postgres": "postgres"}[c.database]; engine != "" {
		database = func(t *testing.T) string { return serverSection(t, engine, strings.ToUpper(c.database)+"_CRASH") }
		services = append(services, c.database+"-crash")
	}
	brokers := map[string]string{
		"mqtt": "mosquitto-crash", "rabbitmq": "rabbitmq-crash", "nats": "nats-crash", "http_polling over rabbitmq": "rabbitmq-crash",
	}
	if broker := brokers[c.transport]; broker != "" {
		services = append(services, broker)
	}
	return database, services
}

// newCrashing starts a cluster on servers that tests may kill, and returns which
// they are.
func newCrashing(t *testing.T, c combination) (*wired, []string) {
	t.Helper()
	database, services := c.crashing()
	return newWired(t, database(t), databases()[c.database].coordinators, transports("_CRASH")[c.transport](t)), services
}

// TestFaults: at least twenty jobs run while something goes wrong. Nothing is
// lost, no job runs twice, and every client is told all of it in order.
func TestFaults(t *testing.T) {
	combinations := []combination{{"sqlite", "http_polling"}, {"postgres", "mqtt"}}
	if os.Getenv(soak) != "" {
		combinations = everyCombination()
		t.Run("links", linkFaults)
		t.Run("random", randomFaults)
	}
	taken := make(map[string]*sync.Mutex) // services that are to be killed
	for _, c := range combinations {
		_, services := c.crashing()
		for _, service := range services {
			if taken[service] == nil {
				taken[service] = new(sync.Mutex)
			}
		}
		t.Run(c.database+" "+c.transport, func(t *testing.T) {
			t.Parallel() // they mostly wait
			for _, service := range services {
				taken[service].Lock() // a database before a broker: nobody waits in a circle
				t.Cleanup(taken[service].Unlock)
			}
			m, _ := newCrashing(t, c)
			all := m.faults(services...)
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			m.survive(t, all)
		})
	}
}

// linkFaults: the same, when it is only between two parties that traffic is held
// back, late or lost.
func linkFaults(t *testing.T) {
	for _, c := range []combination{{"sqlite", "http_polling"}, {"postgres", "mqtt"}, {"mariadb", "rabbitmq"}} {
		t.Run(c.database+" "+c.transport, func(t *testing.T) {
			t.Parallel() // each has servers of its own
			m, _ := newCrashing(t, c)
			m.survive(t, m.linkFaults())
		})
	}
}

// randomFaults: the same, with a few of all faults in an order of chance on a
// cluster of chance. The same seed makes the same choice.
func randomFaults(t *testing.T) {
	seed := random.Uint64()
	if text := os.Getenv(faultSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", faultSeed, err)
		}
	}
	chance := random.New(random.NewPCG(seed, 0)) //nolint:gosec // not for secrets
	every := everyCombination()
	c := every[chance.IntN(len(every))]
	t.Logf("%s=%d makes this one: %s with %s", faultSeed, seed, c.database, c.transport)
	m, services := newCrashing(t, c)
	all := append(m.faults(services...), m.linkFaults()...)
	var some []fault
	for range randomRounds {
		some = append(some, all[chance.IntN(len(all))])
	}
	m.survive(t, some)
}

// survive runs jobs through one fault after the other, and in the end finds
// everybody back.
func (c *wired) survive(t *testing.T, all []fault) {
	t.Helper()
	var names []string
	for round, f := range all {
		began := time.Now()
		names = append(names, c.throughFault(t, round, f)...)
		t.Logf("%s: %d jobs went through in %s", f.name, faultJobs, time.Since(began).Round(time.Millisecond))
	}
	c.check(t, names)
	c.await("all coordinators to be there", func() bool { return len(c.coordinators()) == len(c.replica) })
	for i := range matrixWorkers {
		c.await("all workers to be online", func() bool { return c.workerStatus(runnerName(i)) == dffmpeg.WorkerOnline })
	}
}

// throughFault runs jobs, and has the fault strike when enough of them run. It
// returns their names.
func (c *wired) throughFault(t *testing.T, round int, f fault) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), matrixLimit)
	defer cancel()
	var names []string
	var all sync.WaitGroup
	struck := filepath.Join(c.dir, fmt.Sprintf("struck%d", round)) // until then they go on
	for i := range faultJobs {
		name := fmt.Sprintf("round%d-job%d", round, i)
		names = append(names, name)
		all.Go(func() {
			if _, err := runMarked(ctx, c.sessions[i%len(c.sessions)].Client, name, faultSleep, struck); err != nil {
				t.Errorf("%s: %s: %v", f.name, name, err)
			}
		})
	}
	c.await("enough jobs to run", func() bool { return c.running(round) >= mustRun })
	for _, w := range c.links {
		if round == 0 && !w.used() { // later, somebody may do without
			t.Errorf("nothing is connected between %s", w.between)
		}
	}
	c.write(filepath.Base(struck), "")
	f.strike(c.matrix)
	all.Wait()
	return names
}

// running counts the processes of a round that have begun and not ended.
func (m *matrix) running(round int) int {
	text, err := os.ReadFile(m.marks)
	if err != nil {
		return 0 // none has begun
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, fmt.Sprintf("begin round%d-", round)) {
			count++
		}
		if strings.HasPrefix(line, fmt.Sprintf("end round%d-", round)) {
			count--
		}
	}
	return count
}
