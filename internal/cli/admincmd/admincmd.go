// Package admincmd holds the commands of people who run a cluster: identities,
// encryption keys, and everybody's jobs and workers.
package admincmd

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/accounts"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Users manages identities: on the database, or through a coordinator.
type Users interface {
	Add(ctx context.Context, id string, role dffmpeg.Role, cidrs []netip.Prefix) (dffmpeg.Identity, secret.Value, error)
	List(ctx context.Context) ([]dffmpeg.Identity, error)
	Show(ctx context.Context, id string) (dffmpeg.Identity, error)
	Key(ctx context.Context, id string) (secret.Value, error)
	Delete(ctx context.Context, id string) error
	RotateKey(ctx context.Context, id string) (secret.Value, error)
	SetScope(ctx context.Context, id string, cidrs []netip.Prefix) error
	SetRole(ctx context.Context, id string, role dffmpeg.Role) error
	SetPriorities(ctx context.Context, id string, priorities dffmpeg.Priorities) error
}

// Cluster shows what goes on, and steers it.
type Cluster interface {
	Health(ctx context.Context) (dffmpeg.HealthAnswer, error)
	Workers(ctx context.Context, window time.Duration) ([]dffmpeg.Worker, error)
	Worker(ctx context.Context, id string) (dffmpeg.Worker, error)
	Jobs(ctx context.Context, window time.Duration, requester string) ([]dffmpeg.Job, error)
	Job(ctx context.Context, id string) (dffmpeg.Job, error)
	// Logs returns a page of a job's output after cursor since.
	Logs(ctx context.Context, id, since string) (dffmpeg.LogsAnswer, error)
	Janitor(ctx context.Context, action dffmpeg.JanitorAction) error
	// Coordinators lists those that share the database.
	Coordinators(ctx context.Context) ([]dffmpeg.Coordinator, error)
}

// Backend is what the commands work on. Close releases it.
type Backend struct {
	Users   Users
	Cluster Cluster
	Close   func() error
}

// Keys seals identity keys anew; it works on the database only.
type Keys interface {
	Reencrypt(ctx context.Context, id string, target accounts.Target, limit int) (accounts.Reencryption, error)
}

// Env is the surroundings of the commands.
type Env struct {
	Out, Err io.Writer
	// Open opens the database that the coordinator's configuration names, or
	// with --remote the coordinator that the client's names. There must be one.
	Open func(ctx context.Context) (Backend, error)
	// Create is Open for what may be the first command of all: it makes a database
	// where there is none.
	Create func(ctx context.Context) (Backend, error)
	// OpenKeys opens the database, which must be there, for work on its keys. The
	// default key ID is the one that new keys are sealed with.
	OpenKeys func(ctx context.Context) (keys Keys, defaultID string, closeKeys func() error, err error)
	// Databases looks after the databases themselves.
	Databases Databases
	// Providers makes encryption keys.
	Providers secret.Registry
}

// Commands returns the commands: user, worker, job, coordinator, status, janitor,
// security, db.
func Commands(env Env) []*cobra.Command {
	return []*cobra.Command{
		userCommand(env), workerCommand(env), jobCommand(env), coordinatorCommand(env),
		statusCommand(env), janitorCommand(env), securityCommand(env), databaseCommand(env),
	}
}

// with opens the backend for the length of one command.
func with(cmd *cobra.Command, env Env, do func(ctx context.Context, backend Backend) error) error {
	backend, err := env.Open(cmd.Context())
	if err != nil {
		return err
	}
	err = do(cmd.Context(), backend)
	if closeErr := backend.Close(); err == nil {
		err = closeErr
	}
	return err
}

// group is what a command does that only has subcommands: show them.
func group(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// render writes v as JSON or as people like it.
func render(w io.Writer, asJSON bool, v any, people func() error) error {
	if asJSON {
		return show.JSON(w, v)
	}
	return people()
}

func jsonFlag(cmd *cobra.Command) *bool { return cmd.Flags().Bool("json", false, "print JSON") }

func windowFlag(cmd *cobra.Command, normal int) *int {
	return cmd.Flags().IntP("window", "w", normal, "seconds to look back")
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
