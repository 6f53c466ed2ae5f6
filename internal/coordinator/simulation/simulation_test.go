//go:build !race

package simulation

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// seedVariable chooses another seed than the usual one.
const seedVariable = "DFFMPEG_SIMULATION_SEED"

// TestSimulation: whatever happens to workers, clocks and messages, all invariants hold.
// The seed is printed with what it violates; goroutines do not run in the same order each
// time.
func TestSimulation(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	if err != nil {
		seed = 1
	}
	t.Logf("seed %d; %s chooses another", seed, seedVariable)
	for invariant, details := range simulate(t, seed, size{workers: 500, jobs: 20_000, arrive: 30 * time.Minute}, broken{}, "") {
		t.Errorf("seed %d: %s, %d times: %q", seed, invariant, len(details), details[:min(3, len(details))])
	}
}

// TestManySeeds: the same, smaller, with other seeds each time, also where machines are cut
// off all the time.
func TestManySeeds(t *testing.T) {
	for _, s := range []size{
		{workers: 60, jobs: 2000, arrive: 15 * time.Minute},
		{workers: 60, jobs: 2000, arrive: 15 * time.Minute},
		{workers: 60, jobs: 1500, arrive: 20 * time.Minute, outages: true},
	} {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d, %+v", seed, s)
		for invariant, details := range simulate(t, seed, s, broken{}, "") {
			t.Errorf("seed %d, %+v: %s, %d times: %q", seed, s, invariant, len(details), details[:min(3, len(details))])
		}
	}
}

// TestBrokenIsFound: each check finds a system in which its invariant does not hold.
func TestBrokenIsFound(t *testing.T) {
	usual := size{workers: 60, jobs: 3000, arrive: 20 * time.Minute}
	rough := size{workers: 60, jobs: 1500, arrive: 20 * time.Minute, outages: true}
	crowded := size{workers: 40, jobs: 5000, arrive: 40 * time.Minute} // for onRack
	few := size{workers: 60, jobs: 500, arrive: 5 * time.Minute}
	for name, tt := range map[string]struct {
		broken broken
		want   string
		size   size
	}{
		"ignores room":          {broken{ignoresRoom: true}, overCommitted, usual},
		"ignores leases":        {broken{ignoresLeases: true}, twiceAtOnce, usual},
		"trusts the wall clock": {broken{trustsWallClock: true}, twiceAtOnce, rough},
		"forgets":               {broken{forgets: true}, lost, few},
		"ignores order":         {broken{ignoresOrder: true}, outOfOrder, usual},
		"ignores shares":        {broken{ignoresShares: true}, unfair, usual},
		"ignores abilities":     {broken{ignoresAbilities: true}, unable, usual},
		"ignores age":           {broken{ignoresAge: true}, backAgain, rough},
		"keeps nothing":         {broken{keepsNothing: true}, starved, crowded},
		"takes the youngest":    {broken{newestFirst: true}, tooOld, usual},
		"sleeps":                {broken{sleeps: true}, idle, usual},
		"is unfenced":           {broken{unfenced: true}, twiceDone, usual},
	} {
		t.Run(name, func(t *testing.T) {
			if found := simulate(t, 1, tt.size, tt.broken, tt.want); len(found[tt.want]) == 0 {
				t.Errorf("it was not found that %s", tt.want)
			}
		})
	}
}
