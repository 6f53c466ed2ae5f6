package relay

import (
	"io"
	"testing"

	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// BenchmarkStdout moves bytes from a worker's end to a requester's.
func BenchmarkStdout(b *testing.B) {
	c := startCoordinator(b, httpauth.NewKey(), here{})
	p := connectPair(b, c.dial(Requester, "job", 0), c.dial(Worker, "job", 1))
	piece := make([]byte, 32<<10)
	b.SetBytes(int64(len(piece)))
	go func() { _, _ = p.requester.Stdout.WriteTo(io.Discard) }() // ends with the test
	for b.Loop() {
		if _, err := p.worker.Stdout.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
}
