package admincmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/internal/cli/show"
	"github.com/dffmpeg/dffmpeg/internal/httpauth"
)

func userCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Manage identities", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(
		userList(env), userShow(env), userAdd(env), userDelete(env),
		userRotateKey(env), userSetScope(env), userSetRole(env), userSetPriorities(env),
	)
	return cmd
}

func userList(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List identities", Args: cobra.NoArgs}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			users, err := backend.Users.List(ctx)
			if err != nil {
				return err
			}
			return render(env.Out, *asJSON, users, func() error { return userTable(env, users) })
		})
	}
	return cmd
}

func userTable(env Env, users []dffmpeg.Identity) error {
	rows := make([][]string, 0, len(users))
	for i := range users {
		u := &users[i]
		rows = append(rows, []string{show.Text(u.ClientID), string(u.Role), show.List(scope(u)), show.Time(&u.CreatedAt)})
	}
	return show.Table(env.Out, []string{"CLIENT ID", "ROLE", "ALLOWED CIDRS", "CREATED"}, rows)
}

func scope(u *dffmpeg.Identity) []string {
	cidrs := make([]string, 0, len(u.AllowedCIDRs))
	for _, c := range u.AllowedCIDRs {
		cidrs = append(cidrs, c.String())
	}
	return cidrs
}

// priorities says which priority an identity's jobs have, and may have.
func priorities(u *dffmpeg.Identity) string {
	usual, _ := u.Priority(nil)
	return fmt.Sprintf("%d, at most %d", usual, u.PriorityCeiling())
}

func userShow(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "show CLIENT_ID", Short: "Show one identity", Args: cobra.ExactArgs(1)}
	withKey := cmd.Flags().Bool("show-key", false, "show its key as well")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			user, err := backend.Users.Show(ctx, args[0])
			if err != nil {
				return err
			}
			pairs := [][2]string{
				{"Client ID", show.Text(user.ClientID)},
				{"Role", string(user.Role)},
				{"Allowed CIDRs", show.List(scope(&user))},
				{"Created", show.Time(&user.CreatedAt)},
				{"Priorities", priorities(&user)},
			}
			if err := show.Pairs(env.Out, pairs); err != nil || !*withKey {
				return err
			}
			key, err := backend.Users.Key(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Out, "HMAC Key: %s\n", key.Reveal())
			return err
		})
	}
	return cmd
}

func userAdd(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add CLIENT_ID",
		Short: "Add an identity and print its key",
		Long: "Add an identity and print its key on a line `HMAC Key: K`. Put the key into the configuration of\n" +
			"the machine that will use it; it is shown again by `user show --show-key`.",
		Example: "  dffmpeg admin user add jellyfin\n  dffmpeg admin user add gpu-box --role worker --allowed-cidrs 192.0.2.0/24",
		Args:    cobra.ExactArgs(1),
	}
	role := cmd.Flags().String("role", string(dffmpeg.RoleClient), "client, worker or admin")
	cidrs := cmd.Flags().StringSlice("allowed-cidrs", nil, "addresses it may call from (default everywhere)")
	env.Open = env.Create
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		blocks, err := httpauth.ParsePrefixes(*cidrs)
		if err != nil {
			return err
		}
		return with(cmd, env, func(ctx context.Context, backend Backend) error {
			user, key, err := backend.Users.Add(ctx, args[0], dffmpeg.Role(*role), blocks)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Out, "Added %s %s\nHMAC Key: %s\n", user.Role, user.ClientID, key.Reveal())
			return err
		})
	}
	return cmd
}

func userDelete(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "delete CLIENT_ID",
		Short: "Delete an identity; what it signs is refused from then on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return done(cmd, env, "Deleted "+args[0], func(ctx context.Context, users Users) error {
				return users.Delete(ctx, args[0])
			})
		},
	}
}

func userRotateKey(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate-key CLIENT_ID",
		Short: "Give an identity a new key and print it; the old one is void at once",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, env, func(ctx context.Context, backend Backend) error {
				key, err := backend.Users.RotateKey(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.Out, "New HMAC Key: %s\n", key.Reveal())
				return err
			})
		},
	}
}

func userSetScope(env Env) *cobra.Command {
	return &cobra.Command{
		Use:     "set-scope CLIENT_ID CIDR…",
		Short:   "Set the addresses an identity may call from",
		Example: "  dffmpeg admin user set-scope gpu-box 192.0.2.17 2001:db8::/32",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			blocks, err := httpauth.ParsePrefixes(args[1:])
			if err != nil {
				return err
			}
			return done(cmd, env, "Scope set", func(ctx context.Context, users Users) error {
				return users.SetScope(ctx, args[0], blocks)
			})
		},
	}
}

func userSetRole(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "set-role CLIENT_ID ROLE",
		Short: "Set an identity's role: client, worker or admin",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return done(cmd, env, "Role set", func(ctx context.Context, users Users) error {
				return users.SetRole(ctx, args[0], dffmpeg.Role(args[1]))
			})
		},
	}
}

func userSetPriorities(env Env) *cobra.Command {
	var usual, ceiling int
	cmd := &cobra.Command{
		Use:   "set-priorities CLIENT_ID",
		Short: "Set which priorities an identity's jobs have and may have",
		Long: "Set the priority of an identity's jobs for which none is asked, and the highest that may\n" +
			"be asked for. What is left out is what the role gives: 0 by default, and at most 0 or,\n" +
			"of admins, 100.",
		Example: "  dffmpeg admin user set-priorities jellyfin --default 20\n" +
			"  dffmpeg admin user set-priorities nightly --default -50 --ceiling -50\n" +
			"  dffmpeg admin user set-priorities nightly",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().IntVar(&usual, "default", 0, "priority of jobs for which none is asked, from -100 to 100")
	cmd.Flags().IntVar(&ceiling, "ceiling", 0, "highest priority that may be asked for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var priorities dffmpeg.Priorities
		if cmd.Flags().Changed("default") {
			priorities.Default = &usual
		}
		if cmd.Flags().Changed("ceiling") {
			priorities.Ceiling = &ceiling
		}
		return done(cmd, env, "Priorities set", func(ctx context.Context, users Users) error {
			return users.SetPriorities(ctx, args[0], priorities)
		})
	}
	return cmd
}

// done runs a change that has nothing to show but that it was made.
func done(cmd *cobra.Command, env Env, message string, do func(context.Context, Users) error) error {
	return with(cmd, env, func(ctx context.Context, backend Backend) error {
		if err := do(ctx, backend.Users); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.Out, message)
		return err
	})
}
