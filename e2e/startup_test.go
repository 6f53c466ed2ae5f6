package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// startupCalls is what a media server runs, one after the other, before it is up.
func startupCalls() [][]string {
	calls := [][]string{{"-version"}, {"-version"}, {"-hide_banner", "-decoders"}, {"-hide_banner", "-encoders"}, {"-hide_banner", "-filters"}, {"-hide_banner", "-hwaccels"}}
	for _, filter := range []string{"scale_cuda", "tonemap_cuda", "tonemap_opencl", "overlay_opencl", "tonemap_vaapi", "overlay_vaapi", "alphasrc", "libplacebo", "subtitles"} {
		calls = append(calls, []string{"-h", "filter=" + filter})
	}
	for _, bsf := range []string{"hevc_metadata", "av1_metadata", "dovi_rpu", "dovi_split", "hevc_mp4toannexb"} {
		calls = append(calls, []string{"-h", "bsf=" + bsf})
	}
	return append(calls,
		[]string{"-v", "verbose", "-hide_banner", "-init_hw_device", "vaapi=va:/dev/dri/renderD128"}, // what hardware there is
		[]string{"-hide_banner", "-v", "error", "-f", "lavfi", "-i", "nullsrc=s=1x1:d=1", "-f", "null", "-"},
	)
}

// TestStartup: what a media server asks at its start is answered as by the local
// program, without a word of our own.
func TestStartup(t *testing.T) {
	c := newCluster(t)
	c.startWorker("w1")
	var locally, proxied time.Duration
	ask := func(program string, env []string, stdin string, args ...string) (outcome, time.Duration) {
		began := time.Now()
		p := startWith(t, streams{stdin: strings.NewReader(stdin)}, env, c.media(), program, args...)
		code := p.exitCode()
		return outcome{Stdout: p.stdout.text(), Stderr: steady(p.stderr.text()), ExitCode: code}, time.Since(began)
	}
	calls := startupCalls()
	for _, args := range calls {
		want, took := ask("/usr/bin/ffmpeg", nil, "", args...)
		locally += took
		got, took := ask("ffmpeg", c.clientEnv(), "", args...)
		proxied += took
		if got.ExitCode != want.ExitCode || got.Stdout != want.Stdout || got.Stderr != want.Stderr {
			t.Errorf("%q: through the proxy exit code %d\nstdout %s\nstderr %s\nlocal exit code %d\nstdout %s\nstderr %s",
				args, got.ExitCode, got.Stdout, got.Stderr, want.ExitCode, want.Stdout, want.Stderr)
		}
		if want.Stdout+want.Stderr == "" != (args[len(args)-1] == "-") {
			t.Errorf("%q: the local program printed %q and %q", args, want.Stdout, want.Stderr)
		}
	}
	t.Logf("%d calls took %s, %s locally", len(calls), proxied.Round(time.Millisecond), locally.Round(time.Millisecond))

	// The help on keys, asked for by a caller that has nothing more to say.
	help := regexp.MustCompile(`(?s)key    function\n.*?\nq      quit\n`)
	keys := []string{"-hide_banner", "-f", "lavfi", "-i", "nullsrc=s=1x1:d=2000", "-f", "null", "-"}
	want, _ := ask("/usr/bin/ffmpeg", nil, "?", keys...)
	got, _ := ask("ffmpeg", c.clientEnv(), "?", keys...)
	if text := help.FindString(want.Stderr); text == "" || help.FindString(got.Stderr) != text || got.ExitCode != want.ExitCode {
		t.Errorf("'?': exit code %d, stderr %s\nlocal exit code %d, stderr %s", got.ExitCode, got.Stderr, want.ExitCode, want.Stderr)
	}
	if entries, err := os.ReadDir(c.media()); err != nil || len(entries) != 0 {
		t.Errorf("the calls left files %v, error %v", entries, err)
	}
}
