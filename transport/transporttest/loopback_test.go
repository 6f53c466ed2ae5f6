package transporttest

import "testing"

// TestLoopback shows that the contract carries transports that push.
func TestLoopback(t *testing.T) {
	Run(t, func(*testing.T) Fixture {
		return Fixture{Plugin: NewLoopback().Plugin(), Features: Features{Keeps: true}}
	})
}
