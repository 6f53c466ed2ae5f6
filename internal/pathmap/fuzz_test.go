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
		mapped, names := mapV1(client, []string{arg})
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
		if len(unmapped(client, []string{arg})) != 0 {
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

// FuzzCommand looks for paths where they are hard to find.
func FuzzCommand(f *testing.F) {
	for option, value := range map[string]string{
		"-vf": "[a]subtitles=f='/in/a':si=1[b];[b]movie=/in/../x\\", "-x264-params": "a=1:stats=/in/a", "-i": "concat:/in/a|file:/in/b|c",
		"-tee": "[f=a:segment_list=/in/a]/in/b|/in/c", "-concat": "file '/in/a b'\r\nfile b\n", "-lavfi": "libvmaf=model=path=/in/x,ass='",
	} {
		f.Add(option, value)
	}
	client, worker := machines(f)
	f.Fuzz(func(t *testing.T, option, value string) {
		args := []string{option, value, "-i", "/in/x"}
		client.readList = func(string) (string, bool) { return value, true }
		switch option {
		case "-tee":
			args = []string{"-i", "/in/x", "-f", "tee", value}
		case "-concat":
			args = []string{"-f", "concat", "-i", "list", value}
		}
		v1, segments, names, _ := client.MapCommand(args, "/in")
		old, err := worker.Args(v1, names)
		if err != nil {
			t.Fatalf("%q became %q: %v", args, v1, err)
		}
		if segments == nil {
			return
		}
		arrived, err := worker.Arguments(segments, names, func(text string) (string, error) { return text, nil })
		if err != nil {
			t.Fatalf("%q became %q: %v", args, segments, err)
		}
		for i, arg := range segments {
			if len(arg.Names()) == 0 && arrived[i] != args[i] {
				t.Errorf("%q became %q, and has no reference", args[i], arrived[i])
			}
			for _, s := range arg {
				if slices.Contains(strings.Split(s.Rest, "/"), "..") {
					t.Errorf("%q became %q, which leads upwards", args[i], arg)
				}
			}
			if v1[i] != args[i] && old[i] != arrived[i] && arg[len(arg)-1].Content == nil && len(arg[0].Literal) == 0 && arg[0].Context == "" {
				t.Errorf("%q is %q in version 1, and %q", args[i], old[i], arrived[i])
			}
		}
	})
}
