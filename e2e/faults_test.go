package e2e

import (
	"context"
	"fmt"
	"maps"
	random "math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/testservices"
)

const (
	// faultJobs run when a fault strikes, at least mustRun of them.
	faultJobs = 24
	mustRun   = 20
	// faultSleep is how long they take, in seconds.
	faultSleep = "6"
	// stallFor is how long nothing gets through.
	stallFor = 10 * time.Second
)

// fault is something that goes wrong, and is over when it returns.
type fault struct {
	name   string
	strike func(m *matrix)
}

// faults are those of a cluster with three coordinators on one database service
// and one broker service, "" for none; in any order.
func faults(database, broker string) []fault {
	restart := func(service string) func(*matrix) {
		return func(m *matrix) {
			testservices.Kill(m.t, service)
			testservices.Start(m.t, service)
		}
	}
	all := []fault{
		{"a coordinator is killed", func(m *matrix) {
			m.replica[0].kill()
			time.Sleep(3 * time.Second)
			m.startReplica(0)
		}},
		{"a coordinator ends", func(m *matrix) {
			m.replica[1].signal(syscall.SIGTERM)
			if code := m.replica[1].exitCode(); code != 0 {
				m.t.Errorf("its exit code is %d: %s", code, m.replica[1].stderr.text())
			}
			m.startReplica(1)
		}},
		{"the database is killed", restart(database)},
		{"nothing gets through to the coordinators", func(m *matrix) { m.balance.stall(stallFor) }},
	}
	if broker != "" {
		all = append(all, fault{"the broker is killed", restart(broker)})
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// TestFaults: at least twenty jobs run while something goes wrong. Nothing is
// lost, no job runs twice, and every client is told all of it in order.
func TestFaults(t *testing.T) {
	combinations := []combination{{"postgres", "mqtt"}}
	if os.Getenv(soak) != "" {
		combinations = nil
		for _, database := range []string{"mariadb", "postgres"} {
			for _, transport := range slices.Sorted(maps.Keys(transports(""))) {
				combinations = append(combinations, combination{database, transport})
			}
		}
	}
	engines := map[string]string{"mariadb": "mysql", "postgres": "postgres"}
	brokers := map[string]string{
		"mqtt": "mosquitto-crash", "rabbitmq": "rabbitmq-crash", "nats": "nats-crash", "http_polling over rabbitmq": "rabbitmq-crash",
	}
	for _, c := range combinations {
		t.Run(c.database+" "+c.transport, func(t *testing.T) {
			section := serverSection(t, engines[c.database], strings.ToUpper(c.database)+"_CRASH")
			shared := transports("_CRASH")[c.transport](t)
			if shared.worker != "" { // peers may go on without the broker
				shared.worker, shared.client = shared.coordinator, shared.coordinator
			}
			m := newMatrix(t, section, 3, shared)
			var names []string
			for round, f := range faults(c.database+"-crash", brokers[c.transport]) {
				began := time.Now()
				names = append(names, m.throughFault(t, round, f)...)
				t.Logf("%s: %d jobs went through in %s", f.name, faultJobs, time.Since(began).Round(time.Millisecond))
			}
			m.check(t, names)
		})
	}
}

// throughFault runs jobs, and has the fault strike when enough of them run. It
// returns their names.
func (m *matrix) throughFault(t *testing.T, round int, f fault) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), matrixLimit)
	defer cancel()
	var names []string
	var all sync.WaitGroup
	session := m.session(t)
	for i := range faultJobs {
		name := fmt.Sprintf("round%d-job%d", round, i)
		names = append(names, name)
		all.Go(func() {
			if err := runMarked(ctx, session.Client, name, faultSleep); err != nil {
				t.Errorf("%s: %s: %v", f.name, name, err)
			}
		})
	}
	m.await("enough jobs to run", func() bool { return m.running(round) >= mustRun })
	f.strike(m)
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
