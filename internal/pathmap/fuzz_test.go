package pathmap

import (
	"slices"
	"strings"
	"testing"
)

func FuzzClient(f *testing.F) {
	for _, arg := range []string{"/srv/media/a", "file:/in/../films/x/", "/srv/media/up/../..", "$Media/x", "//", "/\x00", "/dev/stdin", ""} {
		f.Add(arg)
	}
	client, worker := machines(f)
	f.Fuzz(func(t *testing.T, arg string) {
		mapped, names := client.MapArgs([]string{arg})
		if len(names) == 0 {
			if mapped[0] != arg {
				t.Errorf("%q became %q without a name", arg, mapped[0])
			}
			return
		}
		if slices.Contains(strings.Split(mapped[0], "/"), "..") {
			t.Errorf("%q became %q, which leads upwards", arg, mapped[0])
		}
		arrived, err := worker.Args(mapped, names)
		if err != nil || arrived[0] == mapped[0] {
			t.Errorf("%q became %q, which the worker made %q, error %v", arg, mapped[0], arrived, err)
		}
		if len(client.Unmapped([]string{arg})) != 0 {
			t.Errorf("%q is mapped and listed as unmapped", arg)
		}
	})
}

func FuzzWorker(f *testing.F) {
	for _, arg := range []string{"$Media/a", "file:$Films", "$Media/../x", "$Media//../..", "$", "file:", "$Cache/a"} {
		f.Add(arg)
	}
	_, worker := machines(f)
	names := []string{"Media", "Films"} // not Cache
	f.Fuzz(func(t *testing.T, arg string) {
		mapped, err := worker.Args([]string{arg}, names)
		if err != nil || mapped[0] == arg {
			return
		}
		_, local := splitScheme(mapped[0])
		if !under(local, "/mnt/nas") && !under(local, "/films") {
			t.Errorf("%q became %q, outside the roots that the job names", arg, mapped[0])
		}
		if slices.Contains(strings.Split(local, "/"), "..") {
			t.Errorf("%q became %q, which leads upwards", arg, mapped[0])
		}
	})
}
