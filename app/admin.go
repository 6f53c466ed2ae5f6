package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/cli/admincmd"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/internal/logging"
	"github.com/dffmpeg/dffmpeg/internal/peer"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// localAdmin is the identity by which the admin tool, which can read the
// database, asks the running coordinator for what only that can do.
const localAdmin = "localadmin"

// adminCommand manages a cluster.
func (s *surroundings) adminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Manage identities and keys; look at everybody's jobs and workers",
		Long: "Manage a cluster. Without --remote the commands work on the database that the coordinator's\n" +
			"configuration names, so that the first identity can be made before anything runs. With --remote they\n" +
			"go through the coordinator that the client's configuration names, whose identity must be an admin:\n" +
			"for dffmpeg standalone that is admin.yaml in the directory of its state.",
		Args: cobra.NoArgs,
		RunE: help,
	}
	remote := cmd.PersistentFlags().Bool("remote", false, "work through the coordinator, as the identity of the client's configuration")
	env := admincmd.Env{
		Out:       s.process.Out,
		Err:       s.process.Err,
		Providers: s.app.Providers,
		Open: func(ctx context.Context) (admincmd.Backend, error) {
			if *remote {
				return s.remoteBackend()
			}
			return s.localBackend(ctx, s.openAuth)
		},
		Create: func(ctx context.Context) (admincmd.Backend, error) {
			if *remote {
				return s.remoteBackend()
			}
			return s.localBackend(ctx, s.createAuth)
		},
		OpenKeys:  s.openKeys,
		Databases: databases{s},
	}
	cmd.AddCommand(admincmd.Commands(env)...)
	return s.withConfig(cmd)
}

// openKeys opens the identities for work on their keys.
func (s *surroundings) openKeys(ctx context.Context) (admincmd.Keys, string, func() error, error) {
	cfg, db, err := s.openAuth(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	return accounts.New(db.identities, db.keyring), cfg.Database.Encryption.DefaultKeyID, db.close, nil
}

// openAuth opens the identities of a database that is there.
func (s *surroundings) openAuth(ctx context.Context) (*config.Coordinator, *database, error) {
	cfg, absent, err := s.findAuth(ctx)
	if err == nil && absent != "" {
		err = s.noDatabase(absent, cfg)
	}
	if err != nil {
		return nil, nil, err
	}
	db, err := s.app.openIdentities(ctx, cfg, s.quiet(cfg.Logging))
	return cfg, db, err
}

// createAuth opens the identities. It makes the database where there is none, and says
// so: that may not be the one that was meant.
func (s *surroundings) createAuth(ctx context.Context) (*config.Coordinator, *database, error) {
	cfg, absent, err := s.findAuth(ctx)
	if err != nil {
		return nil, nil, err
	}
	db, err := s.app.openIdentities(ctx, cfg, s.quiet(cfg.Logging))
	if err == nil && absent != "" {
		fmt.Fprintf(s.process.Err, "dffmpeg: made a new database: %s\n", absent)
	}
	return cfg, db, err
}

// findAuth reads the coordinator's configuration and returns where there is no database
// yet although that says so, "" when there is one.
func (s *surroundings) findAuth(ctx context.Context) (cfg *config.Coordinator, absent string, err error) {
	cfg, err = config.LoadCoordinator(s.config, s.process.Env, s.app.Engines.Settings())
	if err != nil {
		return nil, "", err
	}
	engine, err := s.app.Engines.Lookup(cfg.Database.Auth.Engine)
	if err != nil {
		return nil, "", err
	}
	found, err := engine.Inspect(ctx, store.IdentitiesPart, cfg.Database.Auth.Settings, s.app.openOptions(cfg, slog.New(slog.DiscardHandler)))
	if err != nil || found.Version > 0 || found.Old {
		return cfg, "", err
	}
	if cfg.File == "" { // a file in the working directory
		if found.Place, err = filepath.Abs(found.Place); err != nil {
			return nil, "", err
		}
	}
	return cfg, found.Place, nil
}

// noDatabase says that there is none, and how to name another.
func (s *surroundings) noDatabase(place string, cfg *config.Coordinator) error {
	if cfg.File != "" {
		return fmt.Errorf("there is no database yet: %s, as %s says; the first start of the coordinator makes it, or user add", place, cfg.File)
	}
	standalone := ""
	if own := adminFile(stateDir(s.process.Env)); exists(own) {
		standalone = "; for dffmpeg standalone: dffmpeg admin --remote -c " + own
	}
	return fmt.Errorf("there is no database: looked for %s, where a coordinator without a configuration has it; name the configuration with -c%s", place, standalone)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// quiet returns a logger for commands: only what went wrong.
func (s *surroundings) quiet(settings config.Logging) *slog.Logger {
	return logging.New(s.process.Err, max(settings.Level(), slog.LevelWarn), settings.LogFormat)
}

// remoteBackend works through a coordinator.
func (s *surroundings) remoteBackend() (admincmd.Backend, error) {
	session, err := s.session("dffmpeg-admin")
	if err != nil {
		return admincmd.Backend{}, err
	}
	remote := admincmd.NewRemote(session.Caller)
	return admincmd.Backend{Users: remote, Cluster: remote, Close: func() error { return nil }}, nil
}

// localBackend works on the identities in the database; what concerns the
// running cluster goes through its coordinator as the local admin.
func (s *surroundings) localBackend(ctx context.Context, open func(context.Context) (*config.Coordinator, *database, error)) (admincmd.Backend, error) {
	cfg, db, err := open(ctx)
	if err != nil {
		return admincmd.Backend{}, err
	}
	users := accounts.New(db.identities, db.keyring)
	return admincmd.Backend{
		Users:   users,
		Cluster: admincmd.Deferred(func(ctx context.Context) (admincmd.Cluster, error) { return s.asLocalAdmin(ctx, cfg, users) }),
		Close:   db.close,
	}, nil
}

// asLocalAdmin returns the coordinator of a configuration, called as the local
// admin, whom it makes when there is none.
func (s *surroundings) asLocalAdmin(ctx context.Context, cfg *config.Coordinator, users *accounts.Accounts) (admincmd.Cluster, error) {
	key, err := localAdminKey(ctx, users)
	if err != nil {
		return nil, err
	}
	host := cfg.Host
	if address, err := netip.ParseAddr(host); err == nil && address.IsUnspecified() {
		host = "127.0.0.1"
	}
	address := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(cfg.Port))}
	caller, err := peer.NewCaller(localAdmin, key, address, "dffmpeg-admin/"+s.app.Version)
	if err != nil {
		return nil, err
	}
	return admincmd.NewRemote(caller), nil
}

// localAdminKey returns the local admin's key. The one that 0.4 made is
// unusable to others than itself, and is replaced.
func localAdminKey(ctx context.Context, users *accounts.Accounts) (secret.Value, error) {
	key, err := users.Key(ctx, localAdmin)
	switch {
	case dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound:
		loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
		_, key, err = users.Add(ctx, localAdmin, dffmpeg.RoleAdmin, loopback)
	case err == nil:
		if _, bad := peer.NewCaller(localAdmin, key, &url.URL{}, ""); bad != nil {
			key, err = users.RotateKey(ctx, localAdmin)
		}
	}
	if err != nil {
		return key, fmt.Errorf("local admin identity: %w", err)
	}
	return key, nil
}
