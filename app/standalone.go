package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/config"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Names that `dffmpeg standalone` uses.
const (
	standaloneClient = "standalone-client"
	standaloneWorker = "standalone-worker"
	standaloneAdmin  = "standalone-admin"
	standaloneRoot   = "Local" // the path variable for this machine's "/"
	proxyName        = "dffmpeg_proxy"
)

// readyEvery is how often standalone looks whether its worker is online.
const readyEvery = 20 * time.Millisecond

// standalone is a coordinator and a worker in one process.
type standalone struct {
	app          App
	dir          string // state
	listen       string // host:port
	clientConfig string // where the command line finds its configuration
	process      Process
	logger       *slog.Logger
}

// standaloneCommand runs everything on this machine.
func (s *surroundings) standaloneCommand() *cobra.Command {
	st := &standalone{app: s.app, process: s.process}
	cmd := &cobra.Command{
		Use:   "standalone",
		Short: "Run coordinator and worker in one process, with nothing to configure",
		Long: "Run a coordinator and a worker in one process, with SQLite. Identities are made on the first start,\n" +
			"and a client configuration is written where the command line finds it. That of an admin, who may\n" +
			"pause the worker and set priorities, is admin.yaml in the directory of the state.",
		Example: "  dffmpeg standalone\n  dffmpeg run -- -i in.mkv out.mp4     # in another terminal",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st.logger = s.logger(config.Logging{LogLevel: "info", LogFormat: "text"}, nil)
			drain, ctx, stop := s.drainThenStop(cmd.Context(), st.logger)
			defer stop()
			return st.run(ctx, drain)
		},
	}
	cmd.Flags().StringVar(&st.dir, "dir", stateDir(s.process.Env), "directory for the database and keys")
	cmd.Flags().StringVar(&st.listen, "listen", "127.0.0.1:8000", "address and port to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&st.clientConfig, "client-config", config.UserFile(config.ClientComponent, s.process.Env),
		"client configuration to write, unless there is one that is not standalone's")
	return cmd
}

// stateDir returns where programs of this user keep state (XDG base directory
// specification).
func stateDir(env config.Environment) string {
	if base := env.Get("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "dffmpeg")
	}
	return filepath.Join(env.Home, ".local", "state", "dffmpeg")
}

// run runs both until drain is closed and the worker has drained, or ctx ends.
func (st *standalone) run(ctx context.Context, drain <-chan struct{}) error {
	if err := os.MkdirAll(st.dir, 0o700); err != nil {
		return fmt.Errorf("directory for the state: %w", err)
	}
	binaries, err := st.findBinaries()
	if err != nil {
		return err
	}
	host, port, err := splitAddress(st.listen)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, host, port)
	if err != nil {
		return err
	}
	cfg := config.DefaultCoordinator(st.app.Engines.Settings())
	cfg.Database = config.SQLiteDatabase(filepath.Join(st.dir, "dffmpeg.db"))
	cfg.HandshakeDelay = 0 // polling needs none
	cfg.DevMode = true     // documentation, on the loopback interface
	db, err := st.app.openDatabase(ctx, cfg, st.logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	err = st.serve(ctx, drain, cfg, db, listener, binaries)
	return errors.Join(err, db.close())
}

// serve runs coordinator and worker on an open database.
func (st *standalone) serve(ctx context.Context, drain <-chan struct{}, cfg *config.Coordinator, db *database, listener net.Listener, binaries map[string]string) error {
	keys, err := st.identities(ctx, db)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	address := config.DefaultAddress()
	reached, _ := netip.ParseAddrPort(listener.Addr().String()) // our own listener's
	address.Host, address.Port = "127.0.0.1", int(reached.Port())
	if !reached.Addr().IsUnspecified() {
		address.Host = reached.Addr().String()
	}
	coordinator, err := st.app.newCoordinator(cfg, address.URL().String(), db, st.logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	worker := config.DefaultWorker()
	worker.ClientID, worker.HMACKey = standaloneWorker, keys[standaloneWorker]
	worker.Coordinator, worker.Binaries = address, binaries
	worker.Paths = map[string]string{standaloneRoot: "/"}
	worker.MinDrainTime = 0 // nobody else hands out jobs

	// The coordinator outlives the worker, which reports and deregisters.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { return coordinator.Run(serving, listener) })
	group.Go(func() error {
		defer stop()
		return st.app.runWorker(ctx, drain, worker, st.logger)
	})
	group.Go(func() error { return st.welcome(serving, db, address, keys) })
	return group.Wait()
}

// identities returns the keys of standalone's identities, which it makes on the
// first start. They are good on this machine only.
func (st *standalone) identities(ctx context.Context, db *database) (map[string]secret.Value, error) {
	manager := accounts.New(db.identities, db.keyring)
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	keys := make(map[string]secret.Value)
	for name, role := range map[string]dffmpeg.Role{
		standaloneClient: dffmpeg.RoleClient, standaloneWorker: dffmpeg.RoleWorker, standaloneAdmin: dffmpeg.RoleAdmin,
	} {
		key, err := manager.Key(ctx, name)
		if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
			_, key, err = manager.Add(ctx, name, role, loopback)
		}
		if err != nil {
			return nil, err
		}
		keys[name] = key
	}
	return keys, nil
}

// findBinaries finds the real programs. The drop-in may stand in front of them
// on the path: it must not call itself.
func (st *standalone) findBinaries() (map[string]string, error) {
	binaries := make(map[string]string)
	search := st.process.Env.Get("PATH")
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		for _, dir := range filepath.SplitList(search) {
			path, err := exec.LookPath(filepath.Join(dir, name))
			if err != nil || !filepath.IsAbs(path) {
				continue
			}
			target, err := filepath.EvalSymlinks(path)
			if err == nil && filepath.Base(target) != proxyName {
				binaries[name] = path
				break
			}
		}
	}
	if len(binaries) == 0 {
		return nil, errors.New("neither ffmpeg nor ffprobe is on the PATH; install them first (on Debian: apt-get install ffmpeg)")
	}
	return binaries, nil
}

// welcome waits until the worker takes jobs, writes the configurations of client and
// admin, and says what to type.
func (st *standalone) welcome(ctx context.Context, db *database, address config.Address, keys map[string]secret.Value) error {
	ticker := time.NewTicker(readyEvery)
	defer ticker.Stop()
	for {
		worker, err := db.state.Worker(ctx, standaloneWorker)
		if err == nil && worker.Status == dffmpeg.WorkerOnline {
			break
		}
		select {
		case <-ctx.Done():
			return nil // ended before it was ready; others say why
		case <-ticker.C:
		}
	}
	admin := adminFile(st.dir)
	if err := config.WriteClient(admin, clientFile(standaloneAdmin, address, keys)); err != nil {
		return err
	}
	hint, err := st.writeClient(clientFile(standaloneClient, address, keys))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(st.process.Out, `dffmpeg standalone is ready at %s (status page: %[1]s/status)
In another terminal:

  %[2]sdffmpeg run -- -i in.mkv out.mp4

As its admin, who may pause the worker and set priorities:

  dffmpeg client -c %[3]s worker pause %[4]s
  dffmpeg admin --remote -c %[3]s user set-priorities %[5]s --ceiling 50

Stop it with Ctrl-C.
`, address.URL(), hint, admin, standaloneWorker, standaloneClient)
	return err
}

// adminFile returns where the admin's configuration is, given the directory of the state.
func adminFile(dir string) string { return filepath.Join(dir, "admin.yaml") }

// clientFile returns the configuration of one of the identities.
func clientFile(identity string, address config.Address, keys map[string]secret.Value) config.ClientFile {
	return config.ClientFile{
		ClientID: identity, HMACKey: keys[identity], Coordinator: address, Paths: map[string]string{standaloneRoot: "/"},
	}
}

// writeClient writes the client's configuration beside the database, and where
// the command line looks for it, unless somebody else's is there. It returns
// what to type before a command in that case.
func (st *standalone) writeClient(file config.ClientFile) (hint string, err error) {
	own := filepath.Join(st.dir, "client.yaml")
	if err := config.WriteClient(own, file); err != nil {
		return "", err
	}
	if !st.mayReplace(st.clientConfig) {
		st.logger.Warn("there is a client configuration that is not standalone's; it stays", "file", st.clientConfig)
		return config.ClientComponent.Variable() + "=" + own + " ", nil
	}
	return "", config.WriteClient(st.clientConfig, file)
}

// mayReplace reports whether there is no file, or one that standalone wrote.
func (st *standalone) mayReplace(path string) bool {
	if path == "" {
		return false
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	cfg, err := config.LoadClient(path, config.Environment{})
	return err == nil && cfg.ClientID == standaloneClient
}

func splitAddress(text string) (host string, port int, err error) {
	host, portText, err := net.SplitHostPort(text)
	if err == nil {
		port, err = strconv.Atoi(portText)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, usageError{fmt.Errorf("--listen needs an address and a port, such as 127.0.0.1:8000, not %q", text)}
	}
	return host, port, nil
}
