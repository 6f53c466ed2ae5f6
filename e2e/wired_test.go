package e2e

import (
	"slices"
	"syscall"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/peer"
)

// wired is a cluster of which one coordinator, one worker and one client reach
// the others by wires of their own, and everybody reaches the coordinators by
// one.
type wired struct {
	*matrix
	front    *wire           // to the balancer
	links    []*wire         // each between two parties
	sessions []*peer.Session // clients, the first by wires of its own
}

func newWired(t *testing.T, section string, coordinators int, shared transportSections) *wired {
	t.Helper()
	if shared.worker != "" { // peers may go on without the broker
		shared.worker, shared.client = shared.coordinator, shared.coordinator
	}
	c := &wired{matrix: newIdleMatrix(t, section, coordinators, shared)}
	c.front = startWire(t, "everybody and the coordinators", c.balance.port)
	c.port = c.front.port

	database := wireInto(t, "a coordinator and the database", section)
	broker := wireInto(t, "a coordinator and the broker", shared.coordinator)
	c.link(database, broker)
	c.startThrough(0, database, broker)

	c.by(t, "a worker", &c.transports.worker, func() { c.startRunner(0) })
	for i := 1; i < matrixWorkers; i++ {
		c.startRunner(i)
	}
	c.by(t, "a client", &c.transports.client, func() { c.sessions = append(c.sessions, c.session(t)) })
	c.sessions = append(c.sessions, c.session(t))
	return c
}

// link adds wires; nil ones lead nowhere.
func (c *wired) link(wires ...*wire) {
	c.links = append(c.links, slices.DeleteFunc(wires, func(w *wire) bool { return w == nil })...)
}

// startThrough ends a coordinator, and starts it with wires to its servers.
func (c *wired) startThrough(replica int, wires ...*wire) {
	c.t.Helper()
	c.replica[replica].signal(syscall.SIGTERM)
	c.replica[replica].exitCode()
	c.through = map[int][]*wire{replica: slices.DeleteFunc(wires, func(w *wire) bool { return w == nil })}
	c.startReplica(replica)
}

// by starts a peer, whose section of transports is given, with wires of its own to
// the coordinators and to the broker.
func (c *wired) by(t *testing.T, name string, section *string, start func()) {
	t.Helper()
	port, plain := c.port, *section
	defer func() { c.port, *section = port, plain }()
	coordinators := startWire(t, name+" and the coordinators", port)
	c.port = coordinators.port
	broker := wireInto(t, name+" and the broker", plain)
	if broker != nil {
		*section = broker.instead(plain)
	}
	c.link(coordinators, broker)
	start()
}

// linkFaults are those between two parties.
func (c *wired) linkFaults() []fault {
	var all []fault
	for _, w := range c.links {
		all = append(all, w.faults()...)
	}
	return all
}
