// Package storetest is the conformance suite of the store: every engine passes
// it. Each file tests one topic; a failure names the obligation of the contract
// that is broken.
package storetest

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Options are what an engine is opened with.
type Options struct {
	// Now is the clock. An engine whose database has one may ignore it: then it
	// does not declare Features.InjectedClock.
	Now func() time.Time
	// IDs proposes IDs; some tests give out the same or descending ones.
	IDs dffmpeg.IDSource
}

// Features says what an engine can do that the contract leaves open.
type Features struct {
	// InjectedClock: the engine takes all times from Options.Now. Without it,
	// what needs a clock that can be set is not tested.
	InjectedClock bool
}

// Open returns an empty store. It is called once per test; the suite closes
// what it returned, the engine's test may clean up after that with t.Cleanup.
type Open func(t *testing.T, options Options) store.State

// suite is one engine under test.
type suite struct {
	open     Open
	features Features
}

// Run tests an engine of store.State.
func Run(t *testing.T, open Open, features Features) {
	s := &suite{open: open, features: features}
	t.Run("submit", s.testSubmit)
	t.Run("transitions", s.testTransitions)
	t.Run("attempts", s.testAttempts)
	t.Run("claim", s.testClaim)
	t.Run("accept", s.testAccept)
	t.Run("room", s.testRoom)
	t.Run("queue", s.testQueue)
	t.Run("profiles", s.testProfiles)
	t.Run("pause", s.testPause)
	t.Run("finish", s.testFinish)
	t.Run("attend", s.testAttend)
	t.Run("end", s.testEnd)
	t.Run("logs", s.testLogs)
	t.Run("messages", s.testMessages)
	t.Run("workers", s.testWorkers)
	t.Run("coordinators", s.testCoordinators)
	t.Run("queries", s.testQueries)
	t.Run("values", s.testValues)
	t.Run("restore", s.testRestore)
	t.Run("context", s.testContext)
	t.Run("order", s.testOrder)
	t.Run("races", s.testRaces)
	if features.InjectedClock {
		t.Run("held messages", s.testHeld)
		t.Run("windows", s.testWindows)
		t.Run("times", s.testTimes)
		t.Run("prune", s.testPrune)
		t.Run("retry", s.testRetry)
		t.Run("queue timeout", s.testQueueTimeout)
		t.Run("trouble", s.testTrouble)
		t.Run("trouble of losses", s.testTroubleOfLosses)
		t.Run("older workers", s.testOlderWorkers)
	}
}
