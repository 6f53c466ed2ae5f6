package httppoll_test

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/transport/httppoll"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

func TestConformance(t *testing.T) {
	for name, streaming := range map[string]bool{"Stream": true, "LongPoll": false} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(*testing.T) transporttest.Fixture {
				return transporttest.Fixture{
					Plugin:         httppoll.Plugin(),
					ClientSettings: clientSettings(streaming, 5*time.Second),
					Features:       transporttest.Features{Copies: true, Rewinds: true, Keeps: true},
				}
			})
		})
	}
}

// clientSettings chooses the form of fetching.
func clientSettings(streaming bool, wait time.Duration) transporttest.Settings {
	return func(into any) error {
		settings := into.(*httppoll.ClientSettings)
		settings.Streaming, settings.PollWait = streaming, wait
		return nil
	}
}
