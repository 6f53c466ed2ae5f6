package admincmd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/legacy"
)

// Databases looks after the databases that the coordinator's configuration
// names.
type Databases interface {
	// Inspect says what is in each, and changes nothing.
	Inspect(ctx context.Context) ([]DatabasePart, error)
	// Migrate brings their schemas up to date.
	Migrate(ctx context.Context) error
	// Backup copies everything into a new SQLite file.
	Backup(ctx context.Context, file string) error
	// Import brings over what a database of 0.4 has of lasting value.
	Import(ctx context.Context, from OldDatabase, options legacy.Options) (legacy.Report, error)
}

// OldDatabase is where a database of 0.4 is: in a SQLite file, or where a
// configuration of 0.4's coordinator says.
type OldDatabase struct{ File, Config string }

// DatabasePart is a database and what it has of a part.
type DatabasePart struct {
	Part    string         `json:"part"`   // state or identities
	Engine  string         `json:"engine"` // such as sqlite
	Place   string         `json:"place"`  // file, or database and server
	Version int            `json:"schema_version"`
	Known   int            `json:"known_version"`
	Old     bool           `json:"generation_0_4,omitempty"`
	Tables  []DatabaseSize `json:"tables"`
}

// DatabaseSize is a table of a database.
type DatabaseSize struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// schema says in words what the schema is.
func (p *DatabasePart) schema() string {
	switch {
	case p.Old:
		return "of dffmpeg 0.4; import it with: dffmpeg admin db import"
	case p.Version == 0:
		return "none yet; it is made at the first start, or by: dffmpeg admin db migrate"
	case p.Version < p.Known:
		return fmt.Sprintf("version %d of %d; the next start or dffmpeg admin db migrate brings it up to date", p.Version, p.Known)
	default:
		return fmt.Sprintf("version %d, up to date", p.Version)
	}
}

func databaseCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Look at the databases, bring them up to date, copy them",
		Long: "Look after the databases that the coordinator's configuration names. The commands work on them directly,\n" +
			"also while a coordinator runs; --remote makes no difference.",
		Args: cobra.NoArgs, RunE: group,
	}
	cmd.AddCommand(databaseStatus(env), databaseMigrate(env), databaseBackup(env), databaseImport(env))
	return cmd
}

func databaseStatus(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show where the databases are, their schemas and how much is in them",
		Example: "  dffmpeg admin db status",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		parts, err := env.Databases.Inspect(cmd.Context())
		if err != nil {
			return err
		}
		return render(env.Out, *asJSON, parts, func() error { return showParts(env, parts) })
	}
	return cmd
}

func showParts(env Env, parts []DatabasePart) error {
	for i := range parts {
		p := &parts[i]
		if i > 0 {
			fmt.Fprintln(env.Out)
		}
		pairs := [][2]string{{"Part", p.Part}, {"Engine", p.Engine}, {"Place", p.Place}, {"Schema", p.schema()}}
		for _, t := range p.Tables {
			pairs = append(pairs, [2]string{t.Table, strconv.FormatInt(t.Rows, 10) + " rows"})
		}
		if err := show.Pairs(env.Out, pairs); err != nil {
			return err
		}
	}
	return nil
}

func databaseMigrate(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schemas up to date now",
		Long: "Bring the schemas up to date now. A coordinator does so when it starts; this is for doing it before,\n" +
			"with another user of the database, say.",
		Example: "  dffmpeg admin db backup before.db && dffmpeg admin db migrate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := env.Databases.Inspect(cmd.Context())
			if err != nil {
				return err
			}
			if err := env.Databases.Migrate(cmd.Context()); err != nil {
				return err
			}
			for i := range before {
				p := &before[i]
				if p.Version == p.Known {
					fmt.Fprintf(env.Out, "%s in %s: version %d, was up to date\n", p.Part, p.Place, p.Known)
				} else {
					fmt.Fprintf(env.Out, "%s in %s: version %d, was %d\n", p.Part, p.Place, p.Known, p.Version)
				}
			}
			return nil
		},
	}
}

func databaseBackup(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything into a new SQLite file, while the cluster works",
		Long: "Copy jobs, output, messages, workers and identities into a new SQLite file, whatever the engines are.\n" +
			"Each part is copied as it is at one instant, while others write. The file is a database that a\n" +
			"coordinator can be started on (database path). It has the keys of identities as the database has them:\n" +
			"plain ones must be kept as safe as the database, sealed ones need their encryption keys.",
		Example: "  dffmpeg admin db backup /var/backups/dffmpeg-$(date +%F).db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := env.Databases.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.Out, "%s is complete\n", args[0])
			return err
		},
	}
}
