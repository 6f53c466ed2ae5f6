package dffmpeg

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIDsAreValidAndAscend(t *testing.T) {
	source := NewIDSource()
	now := time.Now()
	last := ""
	for range 1000 {
		id := source.NewID(now) // the same millisecond
		if !ValidID(id) || id <= last {
			t.Fatalf("ID %q after %q", id, last)
		}
		last = id
	}
}

func TestIDsAreUniqueAmongGoroutines(t *testing.T) {
	source, now := NewIDSource(), time.Now()
	var mu sync.Mutex
	seen := make(map[string]bool)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 200 {
				id := source.NewID(now)
				mu.Lock()
				if seen[id] {
					t.Errorf("ID %s was made twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

func TestNextID(t *testing.T) {
	for last, want := range map[string]string{
		"01ARZ3NDEKTSV4RRFFQ69G5FAV": "01ARZ3NDEKTSV4RRFFQ69G5FAW",
		"01ARZ3NDEKTSV4RRFFQ69G5FAZ": "01ARZ3NDEKTSV4RRFFQ69G5FB0",
		"01ARZ3NDEKZZZZZZZZZZZZZZZZ": "01ARZ3NDEM0000000000000000",
	} {
		if got, err := NextID(last); err != nil || got != want {
			t.Errorf("NextID(%s) = %s, %v; want %s", last, got, err, want)
		}
	}
	for _, last := range []string{"", "zzz", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		if got, err := NextID(last); err == nil {
			t.Errorf("NextID(%q) = %s, want an error", last, got)
		}
	}
}

func TestAscendingID(t *testing.T) {
	const a, b = "01ARZ3NDEKTSV4RRFFQ69G5FAA", "01ARZ3NDEKTSV4RRFFQ69G5FAB"
	for _, tt := range []struct{ candidate, last, want string }{
		{b, a, b}, {a, "", a}, {a, a, b}, {"01ARZ3NDEKTSV4RRFFQ69G5FA9", a, b},
	} {
		if got, err := AscendingID(tt.candidate, tt.last); err != nil || got != tt.want {
			t.Errorf("AscendingID(%s, %s) = %s, %v; want %s", tt.candidate, tt.last, got, err, tt.want)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"01ARZ3NDEKTSV4RRFFQ69G5FAV":   true,
		"01arz3ndektsv4rrffq69g5fav":   false, // IDs are compared as text
		"01ARZ3NDEKTSV4RRFFQ69G5FA":    false,
		"01ARZ3NDEKTSV4RRFFQ69G5FAU":   false, // no such digit
		"81ARZ3NDEKTSV4RRFFQ69G5FAV":   false, // more than 128 bits
		"../../etc/passwd":             false,
		"01ARZ3NDEKTSV4RRFFQ69G5FAV\n": false,
		"":                             false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestCheckClientID(t *testing.T) {
	for _, good := range []string{"jellyfin", "wörker", "gpu-box_1.example", strings.Repeat("x", MaxClientIDBytes)} {
		if err := CheckClientID(good); err != nil {
			t.Errorf("CheckClientID(%q) = %v", good, err)
		}
	}
	for _, bad := range []string{"", " ", "a b", "a\n", "a/b", "a+", "#", "a|b", "\x00", "\u200b", "\xff", strings.Repeat("x", MaxClientIDBytes+1)} {
		if err := CheckClientID(bad); CodeOf(err) != CodeInvalid {
			t.Errorf("CheckClientID(%q) = %v, want a refusal", bad, err)
		}
	}
}

func FuzzCheckClientID(f *testing.F) {
	f.Add("jellyfin")
	f.Fuzz(func(t *testing.T, id string) {
		if CheckClientID(id) == nil && strings.ContainsAny(id, "\x00\r\n\t /") {
			t.Errorf("%q passes", id)
		}
	})
}
