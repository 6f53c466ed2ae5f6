package dffmpeg

import "testing"

func TestNamesStandardStream(t *testing.T) {
	for _, arg := range []string{
		"-", "pipe:", "pipe:0", "pipe:1", "fd:", "cache:pipe:0", "/dev/stdin", "/proc/self/fd/1",
		"[f=mpegts]pipe:1", "/media/a.mkv|pipe:1", "concat:pipe:0|b.ts", "/media/windpipe:1.mkv|pipe:1", "movie=filename='pipe:0'",
	} {
		if !NamesStandardStream(arg) {
			t.Errorf("%q does", arg)
		}
	}
	for _, arg := range []string{"", "--", "-i", "/media/pipe.mkv", "pipeline", "/media/windpipe:1.mkv", "title=a - b", "/dev/null"} {
		if NamesStandardStream(arg) {
			t.Errorf("%q does not", arg)
		}
	}
}
