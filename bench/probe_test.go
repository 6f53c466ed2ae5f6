// Package bench measures what dffmpeg costs, as people would notice it, beside a
// yardstick in the same run.
package bench

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds how long standalone may take to be ready.
const startLimit = 30 * time.Second

// build makes the programs as they are shipped.
func build(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir+"/", "../cmd/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if err := os.Symlink("dffmpeg_proxy", filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// standalone starts everything on this machine and returns the client's
// configuration.
func standalone(b *testing.B, bin string) string {
	b.Helper()
	return standaloneWith(b, bin, os.Environ())
}

// standaloneWith does so in an environment, whose PATH has the programs to run.
func standaloneWith(b *testing.B, bin string, env []string) string {
	b.Helper()
	dir := b.TempDir()
	config := filepath.Join(dir, "client.yaml")
	cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "dffmpeg"), "standalone", "--dir", dir, "--listen", "127.0.0.1:0", "--client-config", config)
	cmd.Env = env
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it runs until now
		if err := cmd.Wait(); err != nil {
			b.Errorf("standalone: %v", err)
		}
	})
	watchdog := time.AfterFunc(startLimit, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "is ready") {
			go func() {
				for lines.Scan() { // what else it says, until it ends
				}
			}()
			return config
		}
	}
	b.Fatal("standalone did not get ready")
	return ""
}

// timed runs a program and returns how long it took.
func timed(b *testing.B, dir string, env []string, program string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, env
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("%s: %v\n%s", program, err, out)
	}
	return took
}

// BenchmarkProbe runs ffprobe on a clip by turns: the real one twice, and through
// the proxy with coordinator and worker on this machine. By how much two runs of the
// real one differ is the noise that the overhead contains.
func BenchmarkProbe(b *testing.B) {
	bin := build(b)
	config := standalone(b, bin)
	media := b.TempDir()
	clip := filepath.Join(media, "clip.mkv")
	timed(b, media, os.Environ(), "/usr/bin/ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=duration=1", clip)
	args := []string{"-v", "error", "-of", "json", "-show_format", "-show_streams", clip}
	env := append(os.Environ(), "DFFMPEG_CLIENT_CONFIG="+config)

	var local, remote, over, noise []time.Duration
	for range 5 { // warm
		timed(b, media, env, filepath.Join(bin, "ffprobe"), args...)
		timed(b, media, env, "/usr/bin/ffprobe", args...)
	}
	for b.Loop() {
		l := timed(b, media, env, "/usr/bin/ffprobe", args...)
		r := timed(b, media, env, filepath.Join(bin, "ffprobe"), args...)
		again := timed(b, media, env, "/usr/bin/ffprobe", args...)
		local, remote, over, noise = append(local, l), append(remote, r), append(over, r-l), append(noise, (again-l).Abs())
	}
	report(b, "local", local)
	report(b, "proxy", remote)
	report(b, "overhead", over)
	report(b, "noise", noise)
	b.ReportMetric(0, "ns/op") // the sum of both says nothing
}

// report prints the median and the 99th percentile in milliseconds.
func report(b *testing.B, name string, times []time.Duration) {
	slices.Sort(times)
	ms := func(quantile float64) float64 {
		return float64(times[int(quantile*float64(len(times)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(ms(0.5), name+"-p50-ms")
	b.ReportMetric(ms(0.99), name+"-p99-ms")
}
