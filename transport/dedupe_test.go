package transport_test

import (
	"strconv"
	"testing"

	"github.com/dffmpeg/dffmpeg/transport"
)

func TestDeduper(t *testing.T) {
	d := transport.NewDeduper()
	for i, step := range []struct {
		id   string
		seen bool
	}{{"b", false}, {"b", true}, {"a", false}, {"c", false}, {"a", true}, {"b", true}} { // not ascending
		if got := d.Seen(step.id); got != step.seen {
			t.Errorf("step %d: Seen(%s) = %v", i, step.id, got)
		}
	}
}

// TestDeduperForgets checks that memory is bounded, and recent IDs are kept.
func TestDeduperForgets(t *testing.T) {
	d := transport.NewDeduper()
	const many = 20000
	for i := range many {
		if d.Seen(strconv.Itoa(i)) {
			t.Fatalf("%d was not seen before", i)
		}
	}
	for i := many - 1; i >= many-4096; i-- {
		if !d.Seen(strconv.Itoa(i)) {
			t.Fatalf("%d is forgotten", i)
		}
	}
	if d.Seen("0") {
		t.Error("nothing is forgotten")
	}
}
