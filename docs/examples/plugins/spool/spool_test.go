package spool

import (
	"testing"

	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Fixture {
		dir := t.TempDir()
		settings := transporttest.Settings(func(into any) error {
			into.(*Settings).Dir = dir
			return nil
		})
		return transporttest.Fixture{
			Plugin: Plugin(), ServerSettings: settings, ClientSettings: settings,
			Features: transporttest.Features{Keeps: true, Buffers: true},
		}
	})
}
