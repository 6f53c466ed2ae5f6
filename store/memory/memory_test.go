package memory_test

import (
	"testing"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/memory"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

func TestState(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, options storetest.Options) store.State {
		return memory.New(options.Now, options.IDs)
	}, storetest.Features{InjectedClock: true})
}
