package pathmap

import (
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// clientRoots and workerRoots have the same names elsewhere, nested on one side
// only.
func clientRoots() map[string]string {
	return map[string]string{"Media": "/srv/media", "Films": "/srv/media/films", "Cache": "/var/cache/app/"}
}

func workerRoots() map[string]string {
	return map[string]string{"Media": "/mnt/nas/", "Films": "/films", "Cache": "/"}
}

// machines returns both ends, for a test, a property or a fuzz target.
func machines(t interface{ Fatal(args ...any) }) (*Client, *Worker) {
	client, err := newClient(clientRoots(), links(map[string]string{"/in": "/srv/media", "/srv/media/up": "../x"}))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := NewWorker(workerRoots())
	if err != nil {
		t.Fatal(err)
	}
	return client, worker
}

// part draws a name in a directory, with what is awkward in one.
func part() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("ab$.-%' :é|")), 1, 6, -1).Filter(func(s string) bool { return s != ".." })
}

// TestPathsArriveAtTheCorrespondingFile maps paths below the roots, and back
// on the worker: each must become the same path below the worker's root.
func TestPathsArriveAtTheCorrespondingFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		client, worker := machines(t)
		name := rapid.SampledFrom([]string{"Media", "Films", "Cache"}).Draw(t, "name")
		scheme := rapid.SampledFrom([]string{"", "file:"}).Draw(t, "scheme")
		rest := "z/" + strings.Join(rapid.SliceOf(part()).Draw(t, "parts"), rapid.SampledFrom([]string{"/", "//", "/./"}).Draw(t, "slash"))
		local := path.Join(clientRoots()[name], rest)
		mapped, names := mapV1(client, []string{scheme + strings.TrimSuffix(clientRoots()[name], "/") + "/" + rest})
		if !slices.Equal(names, []string{name}) {
			t.Fatalf("names %q, want %s", names, name)
		}
		arrived, err := worker.Args(mapped, names)
		if err != nil {
			t.Fatal(err)
		}
		want := scheme + path.Join(workerRoots()[name], strings.TrimPrefix(local, path.Clean(clientRoots()[name])))
		if arrived[0] != want {
			t.Errorf("%s became %s and then %s, want %s", local, mapped[0], arrived[0], want)
		}
	})
}

// TestOtherArgumentsArriveUnchanged sends what is neither an absolute path nor
// a reference.
func TestOtherArgumentsArriveUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		client, worker := machines(t)
		arg := rapid.String().Filter(func(s string) bool {
			_, name := splitScheme(s)
			return !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "$")
		}).Draw(t, "arg")
		args := []string{"/srv/media/x", arg, "/srv/media/films/x"}
		mapped, names := mapV1(client, args)
		arrived, err := worker.Args(mapped, names)
		if err != nil {
			t.Fatal(err)
		}
		if mapped[1] != arg || arrived[1] != arg {
			t.Errorf("%q became %q and then %q", arg, mapped[1], arrived[1])
		}
	})
}

// mapV1 returns what a job carries in version 1.
func mapV1(c *Client, args []string) (mapped, names []string) {
	mapped, _, names, _ = c.MapCommand(args, "")
	return mapped, names
}

// unmapped returns the indices of arguments with paths that map to nothing.
func unmapped(c *Client, args []string) []int {
	var list []int
	for i, e := range c.Explain(args, "") {
		if len(e.Unmapped) > 0 {
			list = append(list, i)
		}
	}
	return list
}
