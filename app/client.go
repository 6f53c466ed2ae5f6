package app

import (
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/cli/doctor"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/dropin"
	"github.com/dffmpeg/dffmpeg/internal/logging"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/internal/umask"
)

// clientEnv returns the surroundings of the client's commands.
func (s *surroundings) clientEnv() clientcmd.Env {
	return clientcmd.Env{
		In:  s.process.In,
		Out: s.process.Out,
		Err: s.process.Err,
		Connect: func() (*clientcmd.Session, error) {
			session, err := s.session("dffmpeg-client")
			if err != nil {
				return nil, err
			}
			return &clientcmd.Session{
				Client: session.Client, Paths: session.Paths, Heartbeat: session.Heartbeat,
				Environment: s.process.Env.Only(session.Variables), Umask: umask.Current(),
			}, nil
		},
		Signals: s.signals,
		Getwd:   os.Getwd,
	}
}

// clientCommands are those of people who submit jobs.
func (s *surroundings) clientCommands() []*cobra.Command {
	return append(clientcmd.Commands(s.clientEnv()), doctor.Command(doctor.Env{
		Out:  s.process.Out,
		Load: s.clientConfig,
		Connect: func(cfg *config.Client) (*peer.Session, error) {
			return s.connect(cfg, "dffmpeg-client")
		},
		Getwd:   os.Getwd,
		Version: s.app.Version,
		Local:   dropin.Local,
		Now:     time.Now,
	}))
}

func (s *surroundings) clientConfig() (*config.Client, error) {
	return config.LoadClient(s.config, s.process.Env)
}

// session prepares a client as its configuration says.
func (s *surroundings) session(agent string) (*peer.Session, error) {
	cfg, err := s.clientConfig()
	if err != nil {
		return nil, err
	}
	return s.connect(cfg, agent)
}

func (s *surroundings) connect(cfg *config.Client, agent string) (*peer.Session, error) {
	// Commands print results; of the log only what went wrong, unless more is
	// asked for.
	level := max(cfg.Level(), slog.LevelWarn)
	if cfg.LogLevel == "debug" {
		level = slog.LevelDebug
	}
	return peer.NewSession(cfg, s.app.Transports, agent+"/"+s.app.Version, logging.New(s.process.Err, level, cfg.LogFormat))
}
