package doctor

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

// skew is how far our clock is ahead of the coordinator's, as far as an answer's Date
// tells, which has whole seconds. The zero skew is not known.
type skew struct {
	ahead   time.Duration
	margin  time.Duration // the real one is at most so far from ahead
	measure bool          // there was a date
}

// measure compares the date of an answer with the middle of its request's round trip.
func measure(sent, received time.Time, header http.Header) skew {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || sent.IsZero() {
		return skew{}
	}
	half := received.Sub(sent) / 2
	return skew{ahead: sent.Add(half).Sub(date.Add(time.Second / 2)), margin: half + time.Second/2, measure: true}
}

// beyond reports whether signatures are refused because of it.
func (s skew) beyond() bool { return s.measure && s.ahead.Abs() > httpauth.MaxDrift }

// judgeClock says whether signatures will be taken for too old or too new. accepted
// says that the coordinator has taken one that was made by our own clock.
func judgeClock(s skew, accepted bool) Finding {
	if !s.measure {
		return skipped(checkClock, "the answer has no date: a proxy in between leaves it out")
	}
	amount := s.ahead.Abs().Round(time.Second)
	side := "ahead of"
	if s.ahead < 0 {
		side = "behind"
	}
	found := fmt.Sprintf("this machine's clock is %s %s the coordinator's; at most %s are accepted", amount, side, httpauth.MaxDrift)
	switch {
	case s.beyond() && accepted:
		return warning(checkClock, found+", and yet our signature was",
			"a proxy in between has a clock that is wrong, and dates the coordinator's answers: set it")
	case s.beyond():
		return problem(checkClock, found, "set the clocks of both machines (NTP: timedatectl set-ntp true)")
	case s.ahead.Abs() > httpauth.MaxDrift/3:
		return warning(checkClock, found, "set the clocks of both machines, before it becomes more (NTP: timedatectl set-ntp true)")
	case s.ahead.Abs() <= s.margin:
		return ok(checkClock, "agrees with the coordinator's")
	}
	return ok(checkClock, "%s %s the coordinator's; at most %s are accepted", amount, side, httpauth.MaxDrift)
}
