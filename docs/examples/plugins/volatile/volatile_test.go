package volatile

import (
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/storetest"
)

func TestState(t *testing.T) {
	open := func(t *testing.T, o storetest.Options) store.State {
		state, err := Engine().OpenState(t.Context(), nil, store.OpenOptions{Now: o.Now, IDs: o.IDs})
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	storetest.Run(t, open, storetest.Features{InjectedClock: true})
}

func TestIdentities(t *testing.T) {
	storetest.RunIdentities(t, func(t *testing.T) store.Identities {
		identities, err := Engine().OpenIdentities(t.Context(), nil, store.OpenOptions{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return identities
	})
}
