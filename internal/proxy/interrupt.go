package proxy

import (
	"os"
	"sync"
	"syscall"
)

// mostPassed is how many signals are passed on to a program before one more gives
// up waiting for it: ffmpeg ends at once with the fourth.
const mostPassed = 4

// interrupt handles signals during a run. They are the program's once it runs and
// can be given them. Before the job exists one ends the submission; before the
// program runs the first one cancels the job and the second gives up waiting.
type interrupt struct {
	done   chan struct{} // closed when the run is over
	ended  chan struct{} // closed when watch has returned
	armed  chan func()   // gets the way to cancel the job, once there is one
	passed chan syscall.Signal

	cancels sync.WaitGroup

	mu      sync.Mutex
	count   int
	first   os.Signal
	passing bool
}

func newInterrupt(signals <-chan os.Signal, giveUp func()) *interrupt {
	i := &interrupt{
		done:   make(chan struct{}),
		ended:  make(chan struct{}),
		armed:  make(chan func(), 1),
		passed: make(chan syscall.Signal, mostPassed),
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
		case sig := <-signals:
			switch count, passing := i.note(sig); {
			case passing && count <= mostPassed:
				if system, ok := sig.(syscall.Signal); ok {
					i.passed <- system // there is room for so many
				}
			case passing || count > 1:
				giveUp()
			case cancelJob != nil:
				i.cancels.Go(cancelJob)
			}
		}
	}
}

// note counts a signal.
func (i *interrupt) note(sig os.Signal) (count int, passing bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	if i.first == nil {
		i.first = sig
	}
	return i.count, i.passing
}

// pass makes signals the program's from now on.
func (i *interrupt) pass() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.passing = true
}

// arm tells how to cancel the job. It is called at most once.
func (i *interrupt) arm(cancelJob func()) { i.armed <- cancelJob }

// happened reports whether a signal came.
func (i *interrupt) happened() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.count > 0
}

// exitCode is what a shell shows of a program that the first signal ended.
func (i *interrupt) exitCode() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if system, ok := i.first.(syscall.Signal); ok {
		return 128 + int(system)
	}
	return 128 + int(syscall.SIGINT)
}

// close ends the watch and waits for what it started.
func (i *interrupt) close() {
	close(i.done)
	<-i.ended
	i.cancels.Wait()
}
