package peer

import (
	"log/slog"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/client"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/pathmap"
	"github.com/dffmpeg/dffmpeg/internal/signedhttp"
	"github.com/dffmpeg/dffmpeg/transport"
)

// Session is a client ready to talk to its coordinator.
type Session struct {
	Client    *client.Client
	Caller    *signedhttp.Caller
	Paths     *pathmap.Client
	Heartbeat int // seconds; 0: the coordinator's default
	// Terms are what is asked of the queue unless a command line says otherwise.
	Terms dffmpeg.JobTerms
	// Variables are the names of environment variables that go with a job.
	Variables []string
}

// NewSession prepares what a client's configuration asks for. It does not
// connect yet.
func NewSession(cfg *config.Client, registry transport.Registry, userAgent string, logger *slog.Logger) (*Session, error) {
	address := cfg.Coordinator.URL()
	caller, err := NewCaller(cfg.ClientID, cfg.HMACKey, address, userAgent)
	if err != nil {
		return nil, err
	}
	polling, err := PollingCaller(caller, cfg.ClientID, cfg.HMACKey, address, cfg.HTTPPolling, userAgent)
	if err != nil {
		return nil, err
	}
	connector, err := NewConnector(registry, cfg.Transports, polling, logger)
	if err != nil {
		return nil, err
	}
	paths, err := pathmap.NewClient(cfg.Paths)
	if err != nil {
		return nil, err
	}
	return &Session{
		Client:    client.New(cfg.ClientID, caller, connector, logger),
		Caller:    caller,
		Paths:     paths,
		Heartbeat: int(cfg.JobHeartbeatInterval / time.Second),
		Variables: cfg.Environment,
		Terms:     dffmpeg.JobTerms{Priority: cfg.Job.Priority.Number(), Require: cfg.Job.Require, Prefer: cfg.Job.Prefer},
	}, nil
}
