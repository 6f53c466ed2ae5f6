package proxy

import (
	"os"
	"sync"
)

// interrupt turns signals into the end of a run: before the job exists a
// signal ends the submission; then the first one cancels the job and the second
// one gives up waiting for it.
type interrupt struct {
	done  chan struct{} // closed when the run is over
	ended chan struct{} // closed when watch has returned
	armed chan func()   // gets the way to cancel the job, once there is one

	cancels sync.WaitGroup

	mu    sync.Mutex
	count int
}

func newInterrupt(signals <-chan os.Signal, giveUp func()) *interrupt {
	i := &interrupt{
		done:  make(chan struct{}),
		ended: make(chan struct{}),
		armed: make(chan func(), 1),
	}
	go i.watch(signals, giveUp)
	return i
}

func (i *interrupt) watch(signals <-chan os.Signal, giveUp func()) {
	defer close(i.ended)
	var cancelJob func()
	for {
		select {
		case <-i.done:
			return
		case cancelJob = <-i.armed:
			if i.happened() {
				i.cancels.Go(cancelJob)
			}
		case <-signals:
			i.mu.Lock()
			i.count++
			first := i.count == 1
			i.mu.Unlock()
			switch {
			case !first:
				giveUp()
			case cancelJob != nil:
				i.cancels.Go(cancelJob)
			}
		}
	}
}

// arm tells how to cancel the job. It is called at most once.
func (i *interrupt) arm(cancelJob func()) { i.armed <- cancelJob }

// happened reports whether a signal came.
func (i *interrupt) happened() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count > 0
}

// close ends the watch and waits for what it started.
func (i *interrupt) close() {
	close(i.done)
	<-i.ended
	i.cancels.Wait()
}
