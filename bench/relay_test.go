package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// relayedBytes go through in one round.
const relayedBytes = 256 << 20

// source is a program with as much output as it is asked for; with "wait" it puts
// out its process ID and waits.
const source = `#!/bin/sh
if [ "$1" = wait ]; then echo $$; exec sleep 600; fi
exec head -c "$1" /dev/zero
`

// sourced starts a cluster whose ffmpeg is the source, and returns the drop-in and
// its environment.
func sourced(b *testing.B) (proxy string, env []string, program string) {
	b.Helper()
	dir := b.TempDir()
	program = filepath.Join(dir, "ffmpeg")
	if err := os.WriteFile(program, []byte(source), 0o700); err != nil { //nolint:gosec // it is a program
		b.Fatal(err)
	}
	bin := build(b)
	config := standaloneWith(b, bin, append(os.Environ(), "PATH="+dir+":/usr/bin:/bin"))
	return filepath.Join(bin, "ffmpeg"), append(os.Environ(), "DFFMPEG_CLIENT_CONFIG="+config), program
}

// BenchmarkRelay reads the output of a program: on the worker, through the drop-in,
// and beside it through one plain TCP relay, by turns.
func BenchmarkRelay(b *testing.B) {
	proxy, env, program := sourced(b)
	size := strconv.Itoa(relayedBytes)
	var plain, relayed time.Duration
	readAll(b, env, proxy, size) // warm
	rounds := 0
	for b.Loop() {
		plain += throughTCP(b, program, size)
		relayed += readAll(b, env, proxy, size)
		rounds++
	}
	speed := func(took time.Duration) float64 { return float64(rounds) * relayedBytes / 1e6 / took.Seconds() }
	b.ReportMetric(speed(plain), "tcp-MB/s")
	b.ReportMetric(speed(relayed), "relay-MB/s")
	b.ReportMetric(plain.Seconds()/relayed.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart runs a program that ends at once by turns: itself, and through the
// drop-in. It is the overhead of a start without the noise of a program that works.
func BenchmarkStart(b *testing.B) {
	proxy, env, program := sourced(b)
	dir := b.TempDir()
	var local, over []time.Duration
	for range 5 { // warm
		timed(b, dir, env, proxy, "0")
	}
	for b.Loop() {
		l := timed(b, dir, env, program, "0")
		local, over = append(local, l), append(over, timed(b, dir, env, proxy, "0")-l)
	}
	report(b, "local", local)
	report(b, "overhead", over)
	b.ReportMetric(0, "ns/op")
}

// readAll runs a program and reads its output to the end.
func readAll(b *testing.B, env []string, name, size string) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), name, size)
	cmd.Env, cmd.Stderr = env, os.Stderr
	began := time.Now()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(struct{ io.Writer }{io.Discard}, out)
	if err := errors.Join(err, cmd.Wait()); err != nil || n != relayedBytes {
		b.Fatalf("%d bytes: %v", n, err)
	}
	return time.Since(began)
}

// throughTCP runs a program and reads its output at the far end of a relay that
// copies from one TCP connection to another.
func throughTCP(b *testing.B, name, size string) time.Duration {
	b.Helper()
	first, second := loopback(b), loopback(b)
	var copying sync.WaitGroup
	defer copying.Wait()
	began := time.Now()
	cmd := exec.CommandContext(b.Context(), name, size)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	pass := func(to io.WriteCloser, from io.Reader) {
		copying.Go(func() {
			_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 64<<10)) // what arrives is counted
			_ = to.Close()
		})
	}
	pass(first.near, out)
	pass(second.near, first.far)
	n, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{second.far})
	took := time.Since(began)
	if err := errors.Join(err, cmd.Wait()); err != nil || n != relayedBytes {
		b.Fatalf("%d bytes: %v", n, err)
	}
	return took
}

// connection is both ends of one.
type connection struct{ near, far net.Conn }

func loopback(b *testing.B) connection {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback, at once
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	var c connection
	c.near, err = net.Dial("tcp", listener.Addr().String()) //nolint:noctx // loopback, at once
	if err == nil {
		c.far, err = listener.Accept()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = c.near.Close(), c.far.Close() })
	return c
}

// BenchmarkFirstByteAndStop measures how soon the first byte of a program's output
// is there, beside the program itself, and how soon the program is gone when its
// caller is killed.
func BenchmarkFirstByteAndStop(b *testing.B) {
	proxy, env, program := sourced(b)
	var local, remote, stop []time.Duration
	for b.Loop() {
		cmd, _, took := firstByte(b, env, program)
		local = append(local, took)
		end(b, cmd)
		cmd, pid, took := firstByte(b, env, proxy)
		remote = append(remote, took)
		killed := time.Now()
		end(b, cmd)
		for syscall.Kill(pid, 0) == nil {
			if time.Since(killed) > 10*time.Second {
				b.Fatal("the program outlives its caller")
			}
			time.Sleep(time.Millisecond)
		}
		stop = append(stop, time.Since(killed))
	}
	report(b, "local-first-byte", local)
	report(b, "first-byte", remote)
	report(b, "stop", stop)
	b.ReportMetric(0, "ns/op")
}

// firstByte starts a program that waits, and returns the ID of the process that
// runs, when it was seen.
func firstByte(b *testing.B, env []string, name string) (cmd *exec.Cmd, pid int, took time.Duration) {
	b.Helper()
	cmd = exec.CommandContext(context.Background(), name, "wait")
	cmd.Env = env
	began := time.Now()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 16)
	n, err := out.Read(text)
	took = time.Since(began)
	if err == nil {
		pid, err = strconv.Atoi(string(text[:max(0, n-1)]))
	}
	if err != nil {
		b.Fatal(err)
	}
	return cmd, pid, took
}

// end kills a process and waits for its end.
func end(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}
