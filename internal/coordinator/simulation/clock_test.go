//go:build !race

package simulation

import (
	"math/rand/v2"
	"time"
)

// True time is that of the bubble. Nobody knows it: machines have clocks of their own, and
// so has the database, whose clock is that of all deadlines.

const (
	// skew is by how much clocks may be wrong, and by how much they are set.
	skew = 12 * time.Hour
	// drift is how much faster or slower they may run.
	drift = 200e-6
)

// clock is a machine's.
type clock struct {
	began time.Time     // true
	rate  float64       // by how much it runs faster than it should
	set   time.Duration // by how much its wall clock is ahead, beside what the rate makes
	slept time.Duration // which counts for the wall clock alone
}

// moment is a time as a machine knows it.
type moment struct {
	steady time.Duration // by the clock that is never set, and stands still while the machine sleeps
	wall   time.Time
}

func newClock(random *rand.Rand) clock {
	c := clock{began: time.Now(), rate: drift * (2*random.Float64() - 1)}
	c.step(random, skew)
	return c
}

// step sets the wall clock anew, as a time server does, forward or back.
func (c *clock) step(random *rand.Rand, most time.Duration) {
	c.set += time.Duration((2*random.Float64() - 1) * float64(most))
}

func (c *clock) now() moment {
	passed := time.Since(c.began)
	return moment{steady: c.measured(passed - c.slept), wall: c.began.Add(c.measured(passed) + c.set)}
}

// measured returns what passes by the clock in a true duration.
func (c *clock) measured(d time.Duration) time.Duration { return d + time.Duration(float64(d)*c.rate) }

// lasts returns how long a duration by the clock lasts.
func (c *clock) lasts(d time.Duration) time.Duration { return d - time.Duration(float64(d)*c.rate) }

// since returns what has passed since a moment by whichever clock says more, as workers
// count leases: neither sleep nor a clock that is set back prolongs them.
func (c *clock) since(m moment) time.Duration {
	now := c.now()
	return max(now.steady-m.steady, now.wall.Sub(m.wall))
}
