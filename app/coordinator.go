package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/coordinator"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/httpapi"
	"github.com/dffmpeg/dffmpeg/internal/coordinator/janitor"
	"github.com/dffmpeg/dffmpeg/transport"
)

// newCoordinator assembles the coordinator of a configuration, which other
// coordinators reach at address.
func (a App) newCoordinator(cfg *config.Coordinator, address string, db *database, logger *slog.Logger) (*coordinator.Coordinator, error) {
	if err := cfg.Transports.Check(a.Transports.ServerSettings()); err != nil {
		return nil, err
	}
	return coordinator.New(coordinator.Options{
		State:      db.state,
		Identities: db.identities,
		Keyring:    db.keyring,
		NewTransports: func(mailbox transport.Mailbox) (*transport.Set, error) {
			return a.newTransports(cfg, mailbox, logger)
		},
		HTTP: httpapi.Settings{
			Version:           a.Version,
			AllowedBinaries:   cfg.AllowedBinaries,
			HeartbeatInterval: cfg.DefaultJobHeartbeatInterval,
			HandshakeDelay:    cfg.HandshakeDelay,
			MaxBodyBytes:      cfg.MaxBodyBytes,
			Dashboard:         cfg.WebDashboardEnabled,
			DashboardFrom:     cfg.AllowedDashboardIPs,
			MetricsFrom:       cfg.AllowedMetricsIPs,
			Documentation:     cfg.DevMode,
			Queue: httpapi.QueueSettings{
				DetachedAttempts:   cfg.Scheduler.DetachedAttempts,
				Backoff:            cfg.Scheduler.RetryBackoff,
				LostAfter:          cfg.Scheduler.JobLostAfter,
				Timeout:            cfg.Scheduler.QueueTimeout,
				QueryWorker:        cfg.Scheduler.QueryWorker,
				LegacyMaxJobs:      cfg.Scheduler.LegacyMaxJobs,
				LegacyMaxLightJobs: cfg.Scheduler.LegacyLightJobs,
			},
		},
		Janitor: janitor.Settings{
			Interval:          cfg.Janitor.Interval,
			Jitter:            cfg.Janitor.Jitter,
			WorkerFactor:      cfg.Janitor.WorkerThresholdFactor,
			HeartbeatFactor:   cfg.Janitor.JobHeartbeatThresholdFactor,
			AssignmentTimeout: cfg.Janitor.JobAssignmentTimeout,
			PendingTimeout:    cfg.Janitor.JobPendingTimeout,
			Retention:         janitor.Retention(cfg.Retention),
		},
		TrustedProxies: cfg.TrustedProxies,
		ShutdownDelay:  cfg.ShutdownDelay,
		CallerGrace:    cfg.CallerGrace,
		Host:           hostAndPort(cfg.Port),
		URL:            address,
		Logger:         logger,
	})
}

// hostAndPort names this machine and a port on it.
func hostAndPort(port int) string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return net.JoinHostPort(name, strconv.Itoa(port))
}

// advertised returns where other coordinators reach the one that listens there.
func advertised(cfg *config.Coordinator, listener net.Listener) string {
	if cfg.AdvertisedURL != "" {
		return cfg.AdvertisedURL
	}
	host := cfg.Host
	if address, err := netip.ParseAddr(host); err == nil && address.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	port := cfg.Port
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok {
		port = tcp.Port // the one that was free
	}
	return config.Address{Scheme: "http", Host: host, Port: port}.URL().String()
}

// newTransports makes the enabled transports, in configured order.
func (a App) newTransports(cfg *config.Coordinator, mailbox transport.Mailbox, logger *slog.Logger) (*transport.Set, error) {
	var servers []transport.Server
	var problems []error
	for _, name := range cfg.Transports.Enabled {
		server, err := a.Transports.NewServer(name, transport.ServerOptions{
			Settings: cfg.Transports.Settings(name), Mailbox: mailbox, Logger: logger,
			OfferLifetime: cfg.Janitor.JobAssignmentTimeout,
		})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		servers = append(servers, server)
	}
	set := transport.NewSet(servers...)
	name := cfg.HTTPPolling.BackendTransport
	if name == "" || len(problems) > 0 {
		return set, errors.Join(problems...)
	}
	backend, err := a.backend(cfg, set, name, logger)
	if err != nil {
		return nil, err
	}
	return set.WithBackend(backend), nil
}

// backend returns the transport by which coordinators reach each other: one that
// is enabled, or one that only they use.
func (a App) backend(cfg *config.Coordinator, set *transport.Set, name string, logger *slog.Logger) (transport.Broadcaster, error) {
	server, enabled := set.Lookup(name)
	if !enabled {
		var err error
		server, err = a.Transports.NewServer(name, transport.ServerOptions{Settings: cfg.Transports.Settings(name), Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("backend_transport of http_polling: %w", err)
		}
	}
	backend, ok := server.(transport.Broadcaster)
	if !ok {
		return nil, fmt.Errorf("backend_transport of http_polling: %s has no broker; use mqtt, rabbitmq or nats", name)
	}
	return backend, nil
}

// listen opens the coordinator's port.
func listen(ctx context.Context, host string, port int) (net.Listener, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s port %d: %w (choose another with --port, or 0 for a free one)", host, port, err)
	}
	return listener, nil
}

// runCoordinator runs a coordinator until ctx is done.
func (a App) runCoordinator(ctx context.Context, cfg *config.Coordinator, logger *slog.Logger) error {
	db, err := a.openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, cfg.Host, cfg.Port)
	if err != nil {
		return errors.Join(err, db.close())
	}
	c, err := a.newCoordinator(cfg, advertised(cfg, listener), db, logger)
	if err != nil {
		return errors.Join(err, listener.Close(), db.close())
	}
	logger.Info("coordinator is ready", "address", listener.Addr().String(), "version", a.Version, "config", cfg.File)
	return errors.Join(c.Run(ctx, listener), db.close())
}
