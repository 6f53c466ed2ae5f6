package httppoll

import (
	"sync"
	"time"
)

// proof is what is known of whether messages can be read: what any stream finds
// out holds for all of them.
type proof struct {
	mu     sync.Mutex
	failed bool
	looked time.Time
}

// note is told how a reading went.
func (p *proof) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed, p.looked = err != nil, time.Now()
}

// away reports whether messages could not be read the last time.
func (p *proof) away() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// doubtful reports whether somebody should find out again.
func (p *proof) doubtful() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed || time.Since(p.looked) >= proveEvery
}
