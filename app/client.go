package app

import (
	"log/slog"
	"os"

	"github.com/dffmpeg/dffmpeg/internal/cli/clientcmd"
	"github.com/dffmpeg/dffmpeg/internal/cli/doctor"
	"github.com/dffmpeg/dffmpeg/internal/config"
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
				Client: session.Client, Paths: session.Paths, Heartbeat: session.Heartbeat, Terms: session.Terms,
				Environment: s.process.Env.Only(session.Variables), Umask: umask.Current(),
			}, nil
		},
		Signals: s.signals,
		Getwd:   os.Getwd,
	}
}

// doctorEnv returns the surroundings of the command doctor.
func (s *surroundings) doctorEnv() doctor.Env {
	return doctor.Env{
		Out:         s.process.Out,
		Load:        s.loadClient,
		Environment: s.process.Env,
		Transports:  s.app.Transports,
		Version:     s.app.Version,
		Getwd:       os.Getwd,
		Signals:     s.signals,
	}
}

// loadClient reads a client's configuration, and has its plug-ins look at their
// sections.
func (s *surroundings) loadClient() (*config.Client, error) {
	cfg, err := config.LoadClient(s.config, s.process.Env)
	if err != nil {
		return nil, err
	}
	return cfg, cfg.Transports.Check(s.app.Transports.ClientSettings())
}

// session prepares a client as its configuration says.
func (s *surroundings) session(agent string) (*peer.Session, error) {
	cfg, err := config.LoadClient(s.config, s.process.Env)
	if err != nil {
		return nil, err
	}
	// Commands print results; of the log only what went wrong, unless more is
	// asked for.
	level := max(cfg.Level(), slog.LevelWarn)
	if cfg.LogLevel == "debug" {
		level = slog.LevelDebug
	}
	return peer.NewSession(cfg, s.app.Transports, agent+"/"+s.app.Version, logging.New(s.process.Err, level, cfg.LogFormat))
}
