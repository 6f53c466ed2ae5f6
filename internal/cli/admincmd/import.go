package admincmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/legacy"
)

func databaseImport(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Bring identities and job history over from a database of dffmpeg 0.4",
		Long: "Bring identities, with their keys and scopes, and the history of jobs over from a database of dffmpeg 0.4: a\n" +
			"SQLite file, or what the configuration of 0.4's coordinator names (--from-config), which also has the keys of\n" +
			"sealed identities. The old database is only read, also while 0.4 runs. What exists already is left alone, so\n" +
			"the command may be repeated. Jobs that have not ended are not imported.\n\n" +
			"0.4 did not look at roles: identities whose history contradicts theirs are listed; --set-roles gives them the\n" +
			"role that it shows.",
		Example: "  dffmpeg admin db import /var/lib/dffmpeg/old.db\n" +
			"  dffmpeg admin db import --from-config /etc/dffmpeg/old-coordinator.yaml --set-roles",
		Args: cobra.MaximumNArgs(1),
	}
	from := cmd.Flags().String("from-config", "", "configuration of 0.4's coordinator, instead of a file")
	setRoles := cmd.Flags().Bool("set-roles", false, "give identities the role that their history shows")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		old := OldDatabase{Config: *from}
		if len(args) == 1 {
			old.File = args[0]
		}
		if (old.File == "") == (old.Config == "") {
			return errors.New("name the SQLite file of 0.4, or its configuration by --from-config")
		}
		report, err := env.Databases.Import(cmd.Context(), old, legacy.Options{SetRoles: *setRoles})
		if err != nil {
			return err
		}
		if err := render(env.Out, *asJSON, report, func() error { return showImport(env, &report) }); err != nil {
			return err
		}
		if len(report.Problems) > 0 {
			return fmt.Errorf("%d rows could not be imported", len(report.Problems))
		}
		return nil
	}
	return cmd
}

// showImport says what an import did, and what is left to do.
func showImport(env Env, r *legacy.Report) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Identities: %d added, %d were there\n", r.Identities.Added, r.Identities.Existing)
	fmt.Fprintf(&text, "Jobs: %d added, %d were there, %d had not ended and were left\n", r.Jobs.Added, r.Jobs.Existing, r.Unfinished)
	if r.Bootstrap {
		text.WriteString("localadmin was left out: its key is of no use here. Make an admin: dffmpeg admin user add NAME --role admin\n")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&text, "Not imported: %s %q: %s\n", p.Table, p.ID, strings.ReplaceAll(p.Reason, "\n", "; "))
	}
	for i := range r.Roles {
		c := &r.Roles[i]
		fmt.Fprintf(&text, "%s has the role %s, but ran %d jobs and asked for %d: ", c.ClientID, c.Role, c.Worked, c.Submitted)
		switch {
		case c.Set:
			fmt.Fprintf(&text, "it is a %s now\n", c.Want)
		case c.Want == "":
			text.WriteString("make two identities of it\n")
		default:
			fmt.Fprintf(&text, "dffmpeg admin user set-role %s %s (or import again with --set-roles)\n", c.ClientID, c.Want)
		}
	}
	_, err := env.Out.Write([]byte(text.String()))
	return err
}
