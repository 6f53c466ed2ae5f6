package worker

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeafTransportsComeLast for a while, longer each time, once their broker has
// been away for long enough.
func TestDeafTransportsComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPreferences([]string{"mqtt", "nats", "http_polling"}, time.Now)
		check := func(what string, changed bool, want ...string) {
			t.Helper()
			synctest.Wait()
			if got := p.names(); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
			if got := len(p.changed) == 1; got != changed {
				t.Errorf("%s: to be told of: %t, want %t", what, got, changed)
			}
		}
		p.note("mqtt", true)
		p.note("mqtt", false)
		p.note("mqtt", false)
		time.Sleep(deafLimit / 2)
		p.note("mqtt", true)
		time.Sleep(deafLimit)
		check("it came back in time", false, "mqtt", "nats", "http_polling")
		for _, avoidance := range []time.Duration{firstAvoidance, 2 * firstAvoidance} {
			p.note("mqtt", false)
			time.Sleep(deafLimit)
			check("it is away", true, "nats", "http_polling", "mqtt")
			<-p.changed
			time.Sleep(avoidance)
			check("it is tried again", false, "mqtt", "nats", "http_polling")
		}
		p.note("nats", false)
		p.forget("nats")
		time.Sleep(deafLimit)
		check("nobody listens to it", false, "mqtt", "nats", "http_polling")
	})
}

// TestOnlyTransportIsKept: there is nothing else to ask for.
func TestOnlyTransportIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPreferences([]string{"mqtt"}, time.Now)
		p.note("mqtt", false)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(p.changed) > 0 || !slices.Equal(p.names(), []string{"mqtt"}) {
			t.Errorf("%v, changed %d", p.names(), len(p.changed))
		}
	})
}
