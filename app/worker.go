package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/worker"
	"github.com/dffmpeg/dffmpeg/internal/worker/executor"
	"github.com/dffmpeg/dffmpeg/internal/worker/launch"
	"github.com/dffmpeg/dffmpeg/internal/worker/mounts"
	"github.com/dffmpeg/dffmpeg/internal/worker/programs"
	"github.com/dffmpeg/dffmpeg/internal/worker/runas"
)

const (
	// guardName is the name by which the program is the process guard.
	guardName = "dffmpeg-guard"
	// stopGrace is how long a process may take to end when asked to.
	stopGrace = 3 * time.Second
)

// runWorker runs a worker until it has drained, which drain begins, or until
// ctx ends, which stops its jobs.
func (a App) runWorker(ctx context.Context, drain <-chan struct{}, cfg *config.Worker, logger *slog.Logger) error {
	if mask, fixed := cfg.Umask.Fixed(); fixed {
		syscall.Umask(mask) // the whole worker's: processes inherit it, wherever it runs
	}
	w, run, err := a.newWorker(cfg, logger)
	if err != nil {
		return err
	}
	executing, stopExecutor := context.WithCancel(context.WithoutCancel(ctx))
	executorDone := make(chan error, 1)
	go func() { executorDone <- run.Run(executing) }()
	ended := make(chan struct{})
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		select {
		case <-drain:
			w.Drain()
		case <-ended:
		}
	}()
	err = w.Run(ctx)
	close(ended)
	<-drained
	stopExecutor()
	if execErr := <-executorDone; !errors.Is(execErr, context.Canceled) {
		err = errors.Join(err, execErr)
	}
	return err
}

// newWorker assembles the worker of a configuration.
func (a App) newWorker(cfg *config.Worker, logger *slog.Logger) (*worker.Worker, *executor.Executor, error) {
	address := cfg.Coordinator.URL()
	agent := "dffmpeg-worker/" + a.Version
	caller, err := peer.NewCaller(cfg.ClientID, cfg.HMACKey, address, agent)
	if err != nil {
		return nil, nil, err
	}
	polling, err := peer.PollingCaller(caller, cfg.ClientID, cfg.HMACKey, address, cfg.HTTPPolling, agent)
	if err != nil {
		return nil, nil, err
	}
	connector, err := peer.NewConnector(a.Transports, cfg.Transports, polling, logger)
	if err != nil {
		return nil, nil, err
	}
	paths, err := pathmap.NewWorker(cfg.Paths)
	if err != nil {
		return nil, nil, err
	}
	roots, err := newRoots(cfg, logger)
	if err != nil {
		return nil, nil, err
	}
	rights := launch.Rights{CallersUmask: cfg.Umask == config.UmaskCaller}
	env := os.Environ()
	if cfg.RunAs.User != "" {
		user, err := runas.Find(runas.Want{User: cfg.RunAs.User, Group: cfg.RunAs.Group, Groups: cfg.RunAs.Groups}, os.Geteuid())
		if err != nil {
			return nil, nil, err
		}
		rights.Account, env = &user.Account, user.Environment(env)
	}
	processes := executor.New([]string{guardName})
	settings := worker.Settings{
		ID:                   cfg.ClientID,
		InstanceID:           dffmpeg.NewIDSource().NewID(time.Now()),
		Version:              a.Version,
		Binaries:             slices.Sorted(maps.Keys(cfg.Binaries)),
		RegistrationInterval: cfg.RegistrationInterval,
		Jitter:               cfg.Jitter,
		LogBatchSize:         cfg.LogBatchSize,
		LogBatchDelay:        cfg.LogBatchDelay,
		Draining:             cfg.EnableJobDraining,
		MinDrainTime:         cfg.MinDrainTime,
		StopGrace:            stopGrace,
		Offer:                offer(cfg),
	}
	launcher := launch.New(processes, cfg.Binaries, paths, launch.Environment{
		Own: env, Set: cfg.Environment.Set, Accept: cfg.Environment.Accept,
	}, rights)
	inspected := programs.Settings{CacheDir: cacheDir(), System: programs.Linux()}
	if cfg.DetectPrograms {
		inspected.Binaries = settings.Binaries
	}
	return worker.New(settings, caller, connector, roots, programs.New(inspected, launcher, logger), launcher, logger), processes, nil
}

// cacheDir returns where the worker keeps what it can find out again: where its service
// manager says (man 5 systemd.exec, CacheDirectory), else the user's directory for such
// things; "" when there is none.
func cacheDir() string {
	if dir, _, _ := strings.Cut(os.Getenv("CACHE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, "programs")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "dffmpeg", "programs")
}

// newRoots returns a worker's roots, as far as their mounts are up.
func newRoots(cfg *config.Worker, logger *slog.Logger) (*mounts.Roots, error) {
	settings := mounts.Settings{Recover: cfg.MountManagement.Recovery, Sudo: cfg.MountManagement.Sudo}
	for _, m := range cfg.MountManagement.Mounts {
		settings.Mounts = append(settings.Mounts, mounts.Mount{Path: m.Path, Dependencies: m.Dependencies})
	}
	manager, err := mounts.New(settings, mounts.Linux{}, logger)
	if err != nil {
		return nil, err
	}
	return mounts.NewRoots(manager, cfg.Paths), nil
}

// offer returns what a worker gives to jobs.
func offer(cfg *config.Worker) dffmpeg.Offer {
	jobs, light := config.AutoSlots(runtime.NumCPU())
	return dffmpeg.Offer{
		MaxJobs:      cfg.MaxJobs.Limit(jobs),
		MaxLightJobs: cfg.MaxLightJobs.Limit(light),
		MaxPerBinary: cfg.MaxPerBinary,
		Resources:    cfg.Resources,
		Labels:       cfg.Labels,
		Weight:       cfg.Weight,
	}
}
