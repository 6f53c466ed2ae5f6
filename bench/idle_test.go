package bench

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/app"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/programs"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/sqlite"
)

const (
	idleWorkers = 1000
	// idleSettle is how long the coordinator is left alone before it is measured,
	// and idleWindow how long it is: two registrations of each worker.
	idleSettle = 20 * time.Second
	idleWindow = 30 * time.Second
	// ticks is how many of its units the kernel counts a second (man 5 proc:
	// sysconf(_SC_CLK_TCK), 100 on all of Linux).
	ticks = 100
)

// BenchmarkIdleWorkers measures what a thousand workers that wait for jobs cost
// their coordinator: memory beyond what it takes without any, for each of them,
// and the share of a core; beside a coordinator without workers.
func BenchmarkIdleWorkers(b *testing.B) {
	for b.Loop() { // once: it takes its time
		measureIdle(b)
	}
	b.ReportMetric(0, "ns/op")
}

func measureIdle(b *testing.B) {
	b.Helper()
	dir := b.TempDir()
	keys := addWorkers(b, dir)
	coordinator, address := startCoordinator(b, build(b), dir)
	_, before := usage(b, coordinator)
	cpu, _ := window(b, coordinator)
	b.ReportMetric(100*cpu, "without-%core")

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for id, key := range keys {
		w := idleWorker(b, id, key, address)
		running.Go(func() { _ = w.Run(ctx) }) // until it is told to end
	}
	time.Sleep(idleSettle)
	cpu, after := window(b, coordinator)
	b.ReportMetric(float64(after-before)/idleWorkers/1000, "kB/worker")
	b.ReportMetric(100*cpu, "1000-workers-%core")
}

// addWorkers makes the identities.
func addWorkers(b *testing.B, dir string) map[string]secret.Value {
	b.Helper()
	providers, err := secret.NewRegistry()
	if err != nil {
		b.Fatal(err)
	}
	keyring, err := secret.NewKeyring(providers, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	settings := sqlite.DefaultSettings()
	settings.Path = filepath.Join(dir, "dffmpeg.db")
	identities, err := sqlite.OpenIdentities(b.Context(), settings, sqlite.Options{Now: time.Now, IDs: dffmpeg.NewIDSource()})
	if err != nil {
		b.Fatal(err)
	}
	defer identities.Close()
	users := accounts.New(identities, keyring)
	keys := make(map[string]secret.Value, idleWorkers)
	for i := range idleWorkers {
		id := fmt.Sprintf("idle-%d", i)
		if _, keys[id], err = users.Add(b.Context(), id, dffmpeg.RoleWorker, nil); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

// startCoordinator runs a coordinator until the benchmark ends.
func startCoordinator(b *testing.B, bin, dir string) (pid int, address *url.URL) {
	b.Helper()
	cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "dffmpeg"), "coordinator", "--port", "0")
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it runs until now
		if err := cmd.Wait(); err != nil {
			b.Errorf("coordinator: %v", err)
		}
	})
	watchdog := time.AfterFunc(startLimit, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	ready := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if at := ready.FindString(lines.Text()); at != "" {
			go func() {
				for lines.Scan() { // what else it says, until it ends
				}
			}()
			return cmd.Process.Pid, &url.URL{Scheme: "http", Host: at}
		}
	}
	b.Fatal("the coordinator did not get ready")
	return 0, nil
}

// idleWorker is a worker in this process, as the program makes it but for what
// runs jobs.
func idleWorker(b *testing.B, id string, key secret.Value, address *url.URL) *worker.Worker {
	b.Helper()
	caller, err := peer.NewCaller(id, key, address, "bench")
	if err != nil {
		b.Fatal(err)
	}
	program, err := app.Builtin("bench")
	if err != nil {
		b.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	connector, err := peer.NewConnector(program.Transports, config.DefaultClient().Transports, caller, logger)
	if err != nil {
		b.Fatal(err)
	}
	return worker.New(worker.Settings{
		ID: id, InstanceID: id, Version: "bench", Binaries: []string{"ffmpeg", "ffprobe"},
		RegistrationInterval: 15 * time.Second, Jitter: 500 * time.Millisecond,
	}, caller, connector, noPaths{}, programs.New(programs.Settings{}, nil, slog.New(slog.DiscardHandler)), nil, logger)
}

// noPaths has no roots.
type noPaths struct{}

func (noPaths) Available(context.Context) []string { return []string{} }

// window returns the share of a core that a process used for a while, and its
// memory at the end.
func window(b *testing.B, pid int) (share float64, resident int64) {
	b.Helper()
	began := time.Now()
	before, _ := usage(b, pid)
	time.Sleep(idleWindow)
	after, resident := usage(b, pid)
	return (after - before).Seconds() / time.Since(began).Seconds(), resident
}

// usage returns the processor time and the resident memory of a process (man 5
// proc).
func usage(b *testing.B, pid int) (cpu time.Duration, resident int64) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // its name may have spaces
	fields := strings.Fields(rest)
	number := func(i int) int64 {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	user, system, pages := number(11), number(12), number(21)
	return time.Duration(user+system) * time.Second / ticks, pages * int64(os.Getpagesize())
}
