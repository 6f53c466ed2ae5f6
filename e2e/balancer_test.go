package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// balancer passes TCP connections on to one backend after the other; one that
// cannot be reached is left out, and after checkHealth one that is not well.
type balancer struct {
	port     int
	backends []string

	mu          sync.Mutex
	next        int
	connections map[net.Conn]struct{}
	serving     sync.WaitGroup
	unwell      map[string]bool
}

// checkEvery is how often a balancer asks for health.
const checkEvery = 100 * time.Millisecond

// checkHealth asks the backends for their health until the test ends, as balancers
// do; one that is not well gets no more connections.
func (b *balancer) checkHealth(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var checking sync.WaitGroup
	checking.Go(func() {
		web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
		for ctx.Err() == nil {
			for _, backend := range b.backends {
				response, err := web.Get("http://" + backend + "/health") //nolint:noctx // bounded
				if err == nil {
					_ = response.Body.Close()
				}
				b.mu.Lock()
				b.unwell[backend] = err != nil || response.StatusCode != http.StatusOK
				b.mu.Unlock()
			}
			select {
			case <-ctx.Done():
			case <-time.After(checkEvery):
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		checking.Wait()
	})
}

// startBalancer runs a balancer over ports of loopback until the test ends.
func startBalancer(t *testing.T, ports ...int) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{port: listener.Addr().(*net.TCPAddr).Port, connections: make(map[net.Conn]struct{}), unwell: make(map[string]bool)}
	for _, port := range ports {
		b.backends = append(b.backends, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	b.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.serving.Go(func() { b.pass(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		b.mu.Lock()
		for conn := range b.connections {
			_ = conn.Close()
		}
		b.mu.Unlock()
		b.serving.Wait()
	})
	return b
}

// pass copies between a client and a backend until either ends.
func (b *balancer) pass(client net.Conn) {
	defer client.Close()
	backend := b.dial()
	if backend == nil {
		return
	}
	defer backend.Close()
	b.keep(client, backend)
	defer b.drop(client, backend)
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: backend, backend: client} {
		both.Go(func() {
			_, _ = io.Copy(to, from)
			_ = client.Close()
			_ = backend.Close()
		})
	}
	both.Wait()
}

func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	first := b.next
	b.next++
	b.mu.Unlock()
	for i := range b.backends {
		backend := b.backends[(first+i)%len(b.backends)]
		b.mu.Lock()
		unwell := b.unwell[backend]
		b.mu.Unlock()
		if unwell {
			continue
		}
		conn, err := net.Dial("tcp", backend) //nolint:noctx // loopback, at once
		if err == nil {
			return conn
		}
	}
	return nil
}

func (b *balancer) keep(conns ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range conns {
		b.connections[conn] = struct{}{}
	}
}

func (b *balancer) drop(conns ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range conns {
		delete(b.connections, conn)
	}
}
