package app

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/logging"
)

// coordinatorCommand runs a coordinator.
func (s *surroundings) coordinatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "coordinator",
		Short:   "Run a coordinator: it stores jobs and assigns them to workers",
		Long:    "Run a coordinator until SIGTERM or SIGINT. Without a configuration file the defaults apply:\nSQLite in ./dffmpeg.db, 127.0.0.1 port 8000.",
		Example: "  dffmpeg coordinator -c /etc/dffmpeg/coordinator.yaml",
		Args:    cobra.NoArgs,
	}
	host := cmd.Flags().String("host", "", "address to listen on, instead of the configuration's")
	port := cmd.Flags().Int("port", 0, "port to listen on, instead of the configuration's; 0 takes a free one")
	dev := cmd.Flags().Bool("dev", false, "serve the API's documentation at /docs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.LoadCoordinator(s.config, s.process.Env, s.app.Engines.Settings())
		if err != nil {
			return err
		}
		if *host != "" {
			cfg.Host = *host
		}
		if cmd.Flags().Changed("port") {
			cfg.Port = *port
		}
		cfg.DevMode = cfg.DevMode || *dev
		logger := s.logger(cfg.Logging, cfg.Warnings)
		ctx, stop := s.untilSignal(cmd.Context())
		defer stop()
		return s.app.runCoordinator(ctx, cfg, logger)
	}
	return s.withConfig(cmd)
}

// workerCommand runs a worker.
func (s *surroundings) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "worker",
		Short:   "Run a worker: it runs the jobs that a coordinator assigns to it",
		Long:    "Run a worker. The first SIGTERM or SIGINT drains it: no new jobs, running ones finish.\nThe second one stops them.",
		Example: "  dffmpeg worker -c /etc/dffmpeg/worker.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.LoadWorker(s.config, s.process.Env)
			if err != nil {
				return err
			}
			logger := s.logger(cfg.Logging, cfg.Warnings)
			drain, ctx, stop := s.drainThenStop(cmd.Context(), logger)
			defer stop()
			return s.app.runWorker(ctx, drain, cfg, logger)
		},
	}
	return s.withConfig(cmd)
}

// logger returns the logger of a service, after it has said what deserves a
// look in the configuration.
func (s *surroundings) logger(settings config.Logging, warnings []string) *slog.Logger {
	logger := logging.New(s.process.Err, settings.Level(), settings.LogFormat)
	for _, warning := range warnings {
		logger.Warn("configuration", "warning", warning)
	}
	return logger
}

// untilSignal returns a context that ends with the first signal.
func (s *surroundings) untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		select {
		case <-s.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// drainThenStop returns a channel that the first signal closes and a context
// that the second one ends.
func (s *surroundings) drainThenStop(parent context.Context, logger *slog.Logger) (<-chan struct{}, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	drain := make(chan struct{})
	go func() {
		steps := []func(os.Signal){
			func(sig os.Signal) {
				logger.Info("draining; once more stops running jobs", "signal", sig.String())
				close(drain)
			},
			func(sig os.Signal) {
				logger.Info("stopping at once", "signal", sig.String())
				cancel()
			},
		}
		for _, step := range steps {
			select {
			case sig := <-s.signals:
				step(sig)
			case <-ctx.Done():
				return
			}
		}
	}()
	return drain, ctx, cancel
}
