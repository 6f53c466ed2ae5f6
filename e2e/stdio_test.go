package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
)

// source is a stream of random bytes that counts and hashes what was read of it.
type source struct {
	random io.Reader
	sum    hash.Hash

	mu   sync.Mutex
	read int64
}

func newSource(size int64, seed byte) *source {
	return &source{random: io.LimitReader(rand.NewChaCha8([32]byte{seed}), size), sum: sha256.New()}
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.random.Read(p)
	s.sum.Write(p[:n])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read += int64(n)
	return n, err
}

func (s *source) count() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

// copyThrough are arguments by which ffmpeg passes bytes on unchanged.
func copyThrough() []string {
	return []string{"-hide_banner", "-f", "data", "-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "data", "pipe:1"}
}

// throughPipes sends bytes through ffmpeg's pipes and compares what comes out;
// meanwhile is called at certain shares of them.
func (c *cluster) throughPipes(size int64, meanwhile map[float64]func()) {
	t := c.t
	t.Helper()
	began := time.Now()
	in, out := newSource(size, 1), sha256.New()
	p := startWith(t, streams{in, out}, c.clientEnv(), c.media(), "ffmpeg", copyThrough()...)
	for _, share := range slices.Sorted(maps.Keys(meanwhile)) {
		c.await(fmt.Sprintf("%.0f %% of the bytes", 100*share), func() bool { return in.count() >= int64(share*float64(size)) })
		meanwhile[share]()
	}
	code := p.exitCode()
	if code != 0 || in.count() != size || !bytes.Equal(in.sum.Sum(nil), out.Sum(nil)) {
		t.Errorf("exit code %d after %d of %d bytes, the same came out: %t", code, in.count(), size, bytes.Equal(in.sum.Sum(nil), out.Sum(nil)))
	}
	if !strings.Contains(p.stderr.text(), "muxing overhead") {
		t.Errorf("stderr is not whole: %q", p.stderr.text())
	}
	t.Logf("%d MiB both ways in %s", size>>20, time.Since(began).Round(time.Millisecond))
}

const pipedBytes = 256 << 20

func TestPipes(t *testing.T) {
	c := newCluster(t)
	c.startWorker("w1")
	c.throughPipes(pipedBytes, nil)
}

// TestPipesThroughFaults: the coordinator is killed, then it is restarted in good
// order, and then nothing gets through for five seconds.
func TestPipesThroughFaults(t *testing.T) {
	r := newReplicated(t, "engine_defaults: {sqlite: {path: state.db}}", 1, transportSections{})
	front := startWire(t, "everybody and the coordinator", r.balance.port)
	r.port = front.port
	r.startWorker("w1")
	r.throughPipes(pipedBytes, map[float64]func(){
		0.2: func() {
			r.replica[0].kill()
			r.startReplica(0)
		},
		0.5: func() {
			r.replica[0].signal(syscall.SIGTERM)
			r.replica[0].exitCode()
			r.startReplica(0)
		},
		0.8: func() { front.hold(5 * time.Second) },
	})
}

// TestPipesBetweenReplicas: the two ends are at whichever coordinator the balancer
// chose, and one after the other is killed.
func TestPipesBetweenReplicas(t *testing.T) {
	r := newReplicated(t, serverSection(t, "postgres", "POSTGRES"), 3, transportSections{})
	r.startWorker("w1")
	r.await("three coordinators to know each other", func() bool { return len(r.coordinators()) == 3 })
	for range 3 { // ends at the same one, and at different ones
		r.throughPipes(8<<20, nil)
	}
	meanwhile := make(map[float64]func())
	for i := range r.replica {
		meanwhile[0.2+0.25*float64(i)] = func() {
			r.replica[i].kill()
			r.startReplica(i)
		}
	}
	r.throughPipes(128<<20, meanwhile)
}

// TestKeys: what is typed reaches ffmpeg, also before it runs and without a newline.
func TestKeys(t *testing.T) {
	c := newCluster(t)
	_, media := c.startWorker("w1")
	input := []string{"-re", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=30", "-y"}

	help := startWith(t, streams{stdin: strings.NewReader("?")}, c.clientEnv(), c.media(), "ffmpeg", append(input, "-t", "1", filepath.Join(c.media(), "help.mkv"))...)
	if code := help.exitCode(); code != 0 || !strings.Contains(help.stderr.text(), "show this help") {
		t.Errorf("'?' and the end of input: exit code %d, stderr %q", code, help.stderr.text())
	}

	keys, typed := io.Pipe()
	quit := startWith(t, streams{stdin: keys}, c.clientEnv(), c.media(), "ffmpeg", append(input, filepath.Join(c.media(), "quit.mkv"))...)
	quit.stderr.await(t, "frame=")
	if _, err := typed.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	c.await("ffmpeg to be told", func() bool { // while our input is still open
		select {
		case <-quit.exited:
			return true
		default:
			return len(processesWith(t, filepath.Join(media, "quit.mkv"))) == 0
		}
	})
	_ = typed.Close() // exec waits for its end
	if code := quit.exitCode(); code != 0 {
		t.Errorf("'q': exit code %d: %s", code, quit.stderr.text())
	}
	if got := duration(t, filepath.Join(media, "quit.mkv")); got <= 0 || got >= 30 {
		t.Errorf("the file lasts %v s", got)
	}
}

// keyed is a program that pauses and resumes by keys, as Jellyfin's build of ffmpeg
// does and Debian's does not.
const keyed = `while key=$(dd bs=1 count=1 2>/dev/null) && [ -n "$key" ]; do
	case "$key" in
	p) echo paused >&2 ;;
	u) echo resumed >&2 ;;
	q) echo quit >&2; exit 0 ;;
	esac
done
exit 3
`

// TestPauseKeys: each key arrives by itself and at once, while the input stays open.
func TestPauseKeys(t *testing.T) {
	c := newCluster(t)
	c.script(keyed)
	c.startWorker("w1")
	keys, typed := io.Pipe()
	p := startWith(t, streams{stdin: keys}, c.clientEnv(), c.media(), "ffmpeg", "-i", "in.mkv", "out.mkv")
	for _, step := range [][2]string{{"p", "paused"}, {"u", "resumed"}, {"p", "paused\nresumed\npaused"}, {"u", "resumed\n"}, {"q", "quit"}} {
		if _, err := typed.Write([]byte(step[0])); err != nil {
			t.Fatal(err)
		}
		p.stderr.await(t, step[1])
	}
	_ = typed.Close() // exec waits for its end
	if code := p.exitCode(); code != 0 || p.stderr.text() != "paused\nresumed\npaused\nresumed\nquit\n" {
		t.Errorf("exit code %d, stderr %q", code, p.stderr.text())
	}
}

func TestSignalsReachTheProgram(t *testing.T) {
	c := newCluster(t)
	_, media := c.startWorker("w1")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		name := strings.ReplaceAll(sig.String(), " ", "") + ".mkv"
		p := c.proxy("ffmpeg", realtime("60", filepath.Join(c.media(), name))...)
		p.stderr.await(t, "frame=")
		p.signal(sig)
		if code := p.exitCode(); code != 255 || !strings.Contains(p.stderr.text(), "received signal "+strconv.Itoa(int(sig))) {
			t.Errorf("%s: exit code %d, stderr %q", sig, code, p.stderr.text())
		}
		if got := duration(t, filepath.Join(media, name)); got <= 0 {
			t.Errorf("after %s the file lasts %v s", sig, got)
		}
	}
}

// script writes a program for the worker to run as ffmpeg.
func (c *cluster) script(text string) {
	c.program = c.write("program", "#!/bin/sh\n"+text)
	if err := os.Chmod(c.program, 0o755); err != nil { //nolint:gosec // it is a program
		c.t.Fatal(err)
	}
}

// lineage is a program with a child of its own, which both have the last argument
// in their command lines.
const lineage = `for last; do :; done
sh -c 'sleep 600; exit' "$last" &
exec /usr/bin/ffmpeg "$@"
`

// TestNobodySurvives: whoever dies, nothing of the job is left on the worker: at once
// when the proxy or the worker is killed, within the heartbeats' window otherwise.
func TestNobodySurvives(t *testing.T) {
	t.Run("proxy", func(t *testing.T) {
		c := newCluster(t)
		c.script(lineage)
		w, media := c.startWorker("w1")
		for i := range 3 {
			name := fmt.Sprintf("orphan%d.mkv", i)
			p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), name))...)
			p.stderr.await(t, "frame=")
			if got := processesWith(t, filepath.Join(media, name)); len(got) < 2 {
				t.Fatalf("processes %v, want the program and its child", got)
			}
			p.kill()
			killed := time.Now()
			c.await("the processes to end", func() bool { return len(processesWith(t, filepath.Join(media, name))) == 0 })
			if took := time.Since(killed); took > time.Second {
				t.Errorf("they ended after %s, want a second at most", took)
			} else {
				t.Logf("gone %s after the proxy", took.Round(time.Millisecond))
			}
		}
		c.await("the jobs to be canceled", func() bool {
			for _, job := range c.jobs() {
				if job.Status != dffmpeg.JobCanceled {
					return false
				}
			}
			return true
		})
		w.signal(syscall.SIGTERM)
		told := time.Now()
		w.exitCode()
		if took := time.Since(told); took > 10*time.Second {
			t.Errorf("the worker ended after %s; nothing of the dead callers' was left to wait for", took.Round(time.Millisecond))
		}
	})
	t.Run("worker", func(t *testing.T) {
		c := newCluster(t)
		c.script(lineage)
		w, media := c.startWorker("w1")
		p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "lost.mkv"))...)
		p.stderr.await(t, "frame=")
		w.kill()
		c.await("the processes to end", func() bool { return len(processesWith(t, filepath.Join(media, "lost.mkv"))) == 0 })
	})
	t.Run("coordinator and proxy", func(t *testing.T) {
		c := newCluster(t)
		c.script(lineage)
		_, media := c.startWorker("w1")
		p := c.proxy("ffmpeg", realtime("600", filepath.Join(c.media(), "alone.mkv"))...)
		p.stderr.await(t, "frame=")
		c.coordinator.kill()
		p.kill()
		c.startCoordinator()
		c.await("the processes to end", func() bool { return len(processesWith(t, filepath.Join(media, "alone.mkv"))) == 0 })
	})
}

// TestAwkwardStreams: what a program may find its standard streams to be.
func TestAwkwardStreams(t *testing.T) {
	c := newCluster(t)
	c.script(`case "$1" in
banner) head -c 67000 /dev/zero | tr '\0' x >&2; cat; exit 3;;
*) exec /usr/bin/ffmpeg "$@";;
esac
`)
	_, media := c.startWorker("w1")
	makeClip(t, filepath.Join(media, "in.mkv"), 5)
	in := filepath.Join(c.media(), "in.mkv")
	shell := func(line string) *process {
		p := startWith(t, streams{}, append(c.clientEnv(), "PATH="+binaries+":/usr/bin:/bin"), c.media(), "/bin/sh", "-c", line)
		p.exitCode()
		return p
	}
	t.Run("banner", func(t *testing.T) {
		p := shell(`head -c 1000000 /dev/zero | ffmpeg banner | wc -c`)
		if len(p.stderr.text()) != 67000 || strings.TrimSpace(p.stdout.text()) != "1000000" {
			t.Errorf("%d bytes of stderr, %q of stdout", len(p.stderr.text()), p.stdout.text())
		}
	})
	for name, redirect := range map[string]string{"empty stdin": "</dev/null", "closed stdin": "<&-"} {
		t.Run(name, func(t *testing.T) {
			p := shell(`ffmpeg -v error -y -i ` + in + ` -c copy ` + filepath.Join(c.media(), "copy.mkv") + ` ` + redirect + `; echo $?`)
			if strings.TrimSpace(p.stdout.text()) != "0" {
				t.Errorf("exit code %q: %s", p.stdout.text(), p.stderr.text())
			}
		})
	}
	t.Run("closed stdout", func(t *testing.T) {
		p := shell(`(ffmpeg -nostdin -v error -stream_loop -1 -i ` + in + ` -f rawvideo pipe:1; echo $? >&2) | head -c 100000 | wc -c`)
		if strings.TrimSpace(p.stdout.text()) != "100000" {
			t.Errorf("the reader got %q bytes", p.stdout.text())
		}
		if lines := strings.Fields(p.stderr.text()); len(lines) == 0 || lines[len(lines)-1] == "0" {
			t.Errorf("ffmpeg did not notice that nobody reads: %q", p.stderr.text())
		}
		c.await("ffmpeg to end", func() bool { return len(processesWith(t, filepath.Join(media, "in.mkv"))) == 0 })
	})
	t.Run("lines of a loop are left alone", func(t *testing.T) {
		p := shell(`printf 'a\nb\nc\n' | while read line; do ffprobe -v error -show_entries format=format_name -of csv=p=0 ` + in + `; done`)
		if got := strings.Count(p.stdout.text(), "matroska"); got != 3 {
			t.Errorf("ffprobe ran %d times, want 3: %q %q", got, p.stdout.text(), p.stderr.text())
		}
	})
}

// TestProgressIsSeenAtOnce: lines that end in a carriage return, 100 ms after they
// were written at most.
func TestProgressIsSeenAtOnce(t *testing.T) {
	c := newCluster(t)
	c.script(`for i in 1 2 3 4 5 6 7 8 9 10; do printf '%s\r' "$(date +%s%N)" >&2; sleep 0.2; done`)
	c.startWorker("w1")
	var seen latencies
	p := c.proxy("ffmpeg")
	go seen.watch(p.stderr)
	p.exitCode()
	seen.mu.Lock()
	defer seen.mu.Unlock()
	late := 0
	for _, took := range seen.took {
		if took > 100*time.Millisecond {
			late++
		}
	}
	if len(seen.took) < 8 || late > len(seen.took)/2 {
		t.Errorf("lines were seen after %v", seen.took)
	}
	t.Logf("lines were seen after %v", seen.took)
}

// latencies are how long lines with their time were on their way.
type latencies struct {
	mu   sync.Mutex
	took []time.Duration
}

func (l *latencies) watch(tr *transcript) {
	known := 0
	for {
		tr.mu.Lock()
		text, ended, changed := tr.buf.String(), tr.ended, tr.changed
		tr.mu.Unlock()
		now := time.Now()
		lines := strings.SplitAfter(text, "\r")
		for ; known < len(lines)-1; known++ {
			nano, err := strconv.ParseInt(strings.TrimSuffix(lines[known], "\r"), 10, 64)
			if err == nil {
				l.mu.Lock()
				l.took = append(l.took, now.Sub(time.Unix(0, nano)))
				l.mu.Unlock()
			}
		}
		if ended {
			return
		}
		<-changed
	}
}

// TestManyAtOnce: fifty programs have each their own bytes, and leave no descriptor
// open behind them.
func TestManyAtOnce(t *testing.T) {
	c := newCluster(t)
	w, _ := c.startWorker("w1")
	descriptors := func(p *process) int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	env := c.clientEnv() // once: it writes a file
	one := func(seed byte) {
		in, out := newSource(1<<20, seed), sha256.New()
		p := startWith(t, streams{in, out}, env, c.media(), "ffmpeg", copyThrough()...)
		if code := p.exitCode(); code != 0 || !bytes.Equal(in.sum.Sum(nil), out.Sum(nil)) {
			t.Errorf("program %d: exit code %d, its own bytes came out: %t: %s", seed, code, bytes.Equal(in.sum.Sum(nil), out.Sum(nil)), p.stderr.text())
		}
	}
	batch := func() {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { one(byte(i)) })
		}
		all.Wait()
	}
	batch() // what stays open for later use is open from now on
	before := map[*process]int{w: descriptors(w), c.coordinator: descriptors(c.coordinator)}
	batch()
	for p, count := range before {
		c.await("descriptors to be closed", func() bool {
			if now := descriptors(p); now > count+8 { // connections that stay open for later use
				t.Logf("%s has %d descriptors, had %d", filepath.Base(p.cmd.Path), now, count)
				return false
			}
			return true
		})
	}
}
