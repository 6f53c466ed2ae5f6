package admincmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dffmpeg/dffmpeg/internal/accounts"
)

func securityCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{Use: "security", Short: "Encryption of identity keys in the database", Args: cobra.NoArgs, RunE: group}
	cmd.AddCommand(generateKey(env), reencrypt(env))
	return cmd
}

func generateKey(env Env) *cobra.Command {
	algorithms := strings.Join(env.Providers.Algorithms(), ", ")
	return &cobra.Command{
		Use:     "generate-key ALGORITHM",
		Short:   "Print a new encryption key for encryption_keys (" + algorithms + ")",
		Example: "  dffmpeg admin security generate-key fernet",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := env.Providers.GenerateKey(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.Out, key.Reveal())
			return err
		},
	}
}

func reencrypt(env Env) *cobra.Command {
	var (
		clientID, keyID string
		decrypt         bool
		limit, batch    int
	)
	cmd := &cobra.Command{
		Use:   "re-encrypt",
		Short: "Seal identity keys with another encryption key, or store them plain",
		Long: "Seal identity keys with the default encryption key (default_encryption_key_id), or the one given.\n" +
			"Identities stay usable all the while, if the coordinator's configuration has the old and the new key.",
		Example: "  dffmpeg admin security re-encrypt\n  dffmpeg admin security re-encrypt --key-id 2026 --limit 100\n  dffmpeg admin security re-encrypt --decrypt",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if decrypt && keyID != "" {
				return errors.New("--decrypt and --key-id contradict each other")
			}
			if limit < 0 || batch < 1 {
				return errors.New("--limit must be 0 or more, --batch-size 1 or more")
			}
			keys, defaultID, closeKeys, err := env.OpenKeys(cmd.Context())
			if err != nil {
				return err
			}
			target, err := target(decrypt, keyID, defaultID)
			if err == nil {
				var result accounts.Reencryption
				result, err = keys.Reencrypt(cmd.Context(), clientID, target, limit)
				err = errors.Join(err, report(env, result))
			}
			return errors.Join(err, closeKeys())
		},
	}
	cmd.Flags().StringVar(&clientID, "client-id", "", "only this identity")
	cmd.Flags().StringVar(&keyID, "key-id", "", "encryption key to use (default: default_encryption_key_id)")
	cmd.Flags().BoolVar(&decrypt, "decrypt", false, "store keys plain")
	cmd.Flags().IntVar(&limit, "limit", 0, "change at most so many (0: all)")
	cmd.Flags().IntVar(&batch, "batch-size", 100, "accepted as in 0.4; each key is its own transaction")
	return cmd
}

// target decides how keys should be sealed.
func target(decrypt bool, keyID, defaultID string) (accounts.Target, error) {
	switch {
	case decrypt:
		return accounts.Target{}, nil
	case keyID != "":
		return accounts.Target{KeyID: keyID}, nil
	case defaultID != "":
		return accounts.Target{KeyID: defaultID}, nil
	default:
		return accounts.Target{}, errors.New("no encryption key to use: set default_encryption_key_id, or give --key-id or --decrypt")
	}
}

// report says what was changed, and fails when something was not.
func report(env Env, result accounts.Reencryption) error {
	for _, id := range result.Changed {
		fmt.Fprintln(env.Out, "Re-encrypted", id)
	}
	for _, id := range slices.Sorted(maps.Keys(result.Failed)) {
		fmt.Fprintf(env.Err, "%s: %v\n", id, result.Failed[id])
	}
	fmt.Fprintf(env.Out, "%d changed, %d as wanted before, %d failed\n", len(result.Changed), result.Skipped, len(result.Failed))
	if len(result.Failed) > 0 {
		return fmt.Errorf("%d keys could not be changed", len(result.Failed))
	}
	return nil
}
