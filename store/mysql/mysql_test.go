package mysql

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/testservices"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
	"github.com/dffmpeg/dffmpeg/store/storetest"
	"github.com/dffmpeg/dffmpeg/store/storetest/history"
)

// server returns where a server for tests is; of a cluster, the first node.
func server(t testing.TB, service string) dbserver.Settings {
	t.Helper()
	first, _, _ := strings.Cut(testservices.URL(t, service), ",")
	return testservices.Settings(t, first, DefaultSettings())
}

// tables returns names that nobody else uses, and drops the tables when the
// test ends.
func tables(t testing.TB, service string) store.Tables {
	t.Helper()
	return tablesIn(t, server(t, service))
}

// tablesIn does so in a database.
func tablesIn(t testing.TB, settings dbserver.Settings) store.Tables {
	t.Helper()
	prefix := "t" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() {
		pool, err := connect(settings)
		if err != nil {
			t.Error(err)
			return
		}
		defer pool.Close()
		for _, table := range []string{"_identities", "_jobs", "_jobs_output", "_jobs_coordinators", "_jobs_coordinators_leases", "_messages", "_workers", "_workers_profiles"} {
			if _, err := pool.Exec("DROP TABLE IF EXISTS " + prefix + table); err != nil { //nolint:noctx // the test's has ended
				t.Error(err)
			}
		}
		if _, err := pool.Exec("DELETE FROM dffmpeg_schema WHERE part LIKE '" + prefix + "%'"); err != nil { //nolint:noctx // the same
			t.Error(err)
		}
	})
	return store.Tables{
		Identities: prefix + "_identities", Jobs: prefix + "_jobs", Messages: prefix + "_messages", Workers: prefix + "_workers",
	}
}

func openState(t *testing.T, o storetest.Options) store.State {
	t.Helper()
	state, err := Open(t.Context(), server(t, "MARIADB"), Options{Tables: tables(t, "MARIADB"), Now: o.Now, IDs: o.IDs})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestState runs the suite, and then tries all queries that it caused with much
// history.
func TestState(t *testing.T) {
	var asked history.Recorder
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, recording(&asked), storetest.Features{InjectedClock: true})
	})
	t.Run("plans", func(t *testing.T) { checkPlans(t, &asked) })
}

func TestStateLikeTheReference(t *testing.T) {
	storetest.RunModel(t, openState, storetest.Features{InjectedClock: true})
}

func TestIdentities(t *testing.T) {
	storetest.RunIdentities(t, func(t *testing.T) store.Identities {
		t.Helper()
		identities, err := OpenIdentities(t.Context(), server(t, "MARIADB"), Options{Tables: tables(t, "MARIADB"), Now: time.Now, IDs: dffmpeg.NewIDSource()})
		if err != nil {
			t.Fatal(err)
		}
		return identities
	})
}
