package store_test

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// named is an engine that has only a name.
type named struct {
	store.Engine
	name string
}

func (n named) Name() string { return n.name }

func TestRegistry(t *testing.T) {
	r, err := store.NewRegistry(named{name: "sqlite"}, named{name: "mysql"})
	if err != nil {
		t.Fatal(err)
	}
	if names := r.Names(); !slices.Equal(names, []string{"mysql", "sqlite"}) {
		t.Errorf("Names = %q", names)
	}
	if e, err := r.Lookup("sqlite"); err != nil || e.Name() != "sqlite" {
		t.Errorf("Lookup(sqlite) = %v, %v", e, err)
	}
	if _, err := r.Lookup("sqlight"); err == nil || !strings.Contains(err.Error(), `"sqlight"`) || !strings.Contains(err.Error(), "mysql, sqlite") {
		t.Errorf("Lookup(sqlight) = %v, want the name and those that are known", err)
	}
	if _, err := store.NewRegistry(named{name: "sqlite"}, named{name: "sqlite"}); err == nil || !strings.Contains(err.Error(), "sqlite") {
		t.Errorf("two of one name: %v", err)
	}
}
