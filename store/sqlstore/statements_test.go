package sqlstore

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // any database will do
)

// TestStatements: each text is prepared once, however many ask for it at the
// same time, and too many texts work all the same.
func TestStatements(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "some.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := NewStatements(db, func(query string) string { return "SELECT " + query })
	ask := func(i int) {
		rows, err := s.QueryContext(t.Context(), fmt.Sprintf("%d + ?", i), 1)
		if err != nil {
			t.Error(err)
			return
		}
		var got int
		if err := (oneRow{rows, nil}).Scan(&got); err != nil || got != i+1 {
			t.Errorf("%d + 1 = %d (%v)", i, got, err)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 20 {
				ask(i)
			}
		})
	}
	all.Wait()
	if len(s.kept) != 20 {
		t.Errorf("%d statements kept of 20 texts", len(s.kept))
	}
	for i := range 2 * maxStatements {
		ask(i)
	}
	if len(s.kept) != maxStatements {
		t.Errorf("%d statements kept, want the bound of %d", len(s.kept), maxStatements)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	ask(1) // as the writer does after it lost its connection
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
