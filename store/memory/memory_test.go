package memory_test

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

func open(_ *testing.T, options storetest.Options) store.State {
	return memory.New(options.Now, options.IDs)
}

func features() storetest.Features { return storetest.Features{InjectedClock: true} }

func TestState(t *testing.T) { storetest.Run(t, open, features()) }

// TestModel compares the engine with itself: that it is deterministic, and
// that the model's comparison finds no difference where there is none.
func TestModel(t *testing.T) { storetest.RunModel(t, open, features()) }

func TestIdentities(t *testing.T) {
	storetest.RunIdentities(t, func(*testing.T) store.Identities { return memory.NewIdentities(time.Now) })
}
