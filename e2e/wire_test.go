package e2e

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire carries TCP connections to one port of loopback, and can be told to carry
// them badly. Whoever is configured with its port instead goes through it.
type wire struct {
	between  string // whom, for people
	port     int
	far      int // the port that it leads to
	listener net.Listener
	carrying sync.WaitGroup

	mu      sync.Mutex
	strands map[*strand]struct{}
	held    chan struct{} // closed while traffic passes
	late    time.Duration // how much later bytes arrive
	cut     bool          // new connections are lost
}

// strand is one connection through a wire.
type strand struct {
	near, far net.Conn      // far is nil when it was lost from the start
	lost      chan struct{} // closed when nothing passes any more, not even its end
}

// piece is what was read at once, and when it may arrive.
type piece struct {
	bytes []byte
	due   time.Time
}

const (
	// pieceSize and pieces bound what is on its way in one direction.
	pieceSize = 16 << 10
	pieces    = 256
)

// startWire lays a wire to a port of loopback until the test ends.
func startWire(t *testing.T, between string, far int) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{
		between: between, port: listener.Addr().(*net.TCPAddr).Port, far: far, listener: listener,
		strands: make(map[*strand]struct{}), held: make(chan struct{}),
	}
	close(w.held)
	w.carrying.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.carrying.Go(func() { w.carry(conn) })
		}
	})
	t.Cleanup(w.close)
	return w
}

func (w *wire) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	for s := range w.strands {
		s.close()
	}
	w.mu.Unlock()
	w.carrying.Wait()
}

// instead returns a section of a configuration whose reader goes through the wire.
func (w *wire) instead(section string) string {
	return strings.ReplaceAll(section, fmt.Sprintf("port: %d", w.far), fmt.Sprintf("port: %d", w.port))
}

// wireInto lays a wire to the server that a section of a configuration names; nil
// if it names none.
func wireInto(t *testing.T, between, section string) *wire {
	t.Helper()
	match := regexp.MustCompile(`port: (\d+)`).FindStringSubmatch(section)
	if match == nil {
		return nil
	}
	port, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return startWire(t, between, port)
}

// used reports whether there is a connection.
func (w *wire) used() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.strands) > 0
}

// hold lets nothing pass for a while: no byte, no new connection, no end of one.
// Then everything passes that was held.
func (w *wire) hold(d time.Duration) {
	over := make(chan struct{})
	w.mu.Lock()
	w.held = over
	w.mu.Unlock()
	time.Sleep(d)
	close(over)
}

// delay has everything arrive later for a while.
func (w *wire) delay(by, d time.Duration) {
	w.setLate(by)
	time.Sleep(d)
	w.setLate(0)
}

func (w *wire) setLate(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = by
}

// lose loses what is sent for a while. No connection that there was works again,
// and nobody is told: what is sent later is lost, too.
func (w *wire) lose(d time.Duration) {
	w.mu.Lock()
	w.cut = true
	for s := range w.strands {
		if !s.isLost() {
			close(s.lost)
		}
	}
	w.mu.Unlock()
	time.Sleep(d)
	w.mu.Lock()
	w.cut = false
	w.mu.Unlock()
}

// flow waits until traffic may pass.
func (w *wire) flow() {
	w.mu.Lock()
	held := w.held
	w.mu.Unlock()
	<-held
}

// carry carries one connection to its end.
func (w *wire) carry(near net.Conn) {
	defer near.Close()
	w.flow()
	s := &strand{near: near, lost: make(chan struct{})}
	w.mu.Lock()
	if w.cut {
		close(s.lost)
	}
	w.strands[s] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.strands, s)
		w.mu.Unlock()
	}()
	if s.isLost() {
		w.oneWay(s, nil, near)
		return
	}
	far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(w.far))) //nolint:noctx // loopback, at once
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	s.far = far
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.oneWay(s, far, near) })
	both.Go(func() { w.oneWay(s, near, far) })
	both.Wait()
}

// oneWay carries what comes from one end of a connection to the other, and then
// its end.
func (w *wire) oneWay(s *strand, to, from net.Conn) {
	under := make(chan piece, pieces)
	go func() {
		defer close(under)
		for {
			buffer := make([]byte, pieceSize)
			n, err := from.Read(buffer)
			under <- piece{buffer[:n], w.due()} // with an error, its end
			if err != nil {
				return
			}
		}
	}()
	for p := range under {
		time.Sleep(time.Until(p.due))
		w.flow()
		if s.isLost() {
			continue
		}
		if len(p.bytes) == 0 {
			_ = to.Close()
		} else if _, err := to.Write(p.bytes); err != nil {
			_ = from.Close()
		}
	}
}

// due returns when what was read now arrives.
func (w *wire) due() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.late)
}

func (s *strand) isLost() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

// close ends both ends; the caller holds the wire's lock.
func (s *strand) close() {
	_ = s.near.Close()
	if s.far != nil {
		_ = s.far.Close()
	}
}

// faults are those of a wire.
func (w *wire) faults() []fault {
	badly := func(name string, strike func()) fault {
		return fault{name + " between " + w.between, func(*matrix) { strike() }}
	}
	return []fault{
		badly("nothing passes", func() { w.hold(faultFor) }),
		badly("everything is late", func() { w.delay(lateBy, faultFor) }),
		badly("everything is lost", func() { w.lose(faultFor) }),
	}
}
