package httppoll

import (
	"io"
	"time"
)

// watchdog bites when the other side is silent for too long while it is waited
// for; what the receiver does in between does not count.
type watchdog struct {
	limit time.Duration
	timer *time.Timer
}

// newWatchdog returns a watchdog that waits from now on.
func newWatchdog(limit time.Duration, bite func()) *watchdog {
	return &watchdog{limit: limit, timer: time.AfterFunc(limit, bite)}
}

// reader returns a reader that is watched. Until the first read nothing is.
func (w *watchdog) reader(r io.Reader) io.Reader {
	w.timer.Stop()
	return watched{w, r}
}

type watched struct {
	*watchdog
	r io.Reader
}

func (w watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	defer w.timer.Stop()
	return w.r.Read(p)
}
