package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy everything into a directory, also while tocsin runs",
		Long: `Copies history, ledger and what of the journal is not yet in them into DIR, which must be empty or not exist. To go back to
it, name it by --data. With --server, DIR is one of that machine. A ledger in PostgreSQL (users, rules, alerts)
is not copied: pg_dump does that, and its restore goes with that of DIR.`,
		Example: `  tocsin backup /mnt/backup/tocsin-monday`,
		Args:    cobra.ExactArgs(1),
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			dir := args[0]
			if s.common.Server == "" { // the daemon runs elsewhere in the tree of directories
				abs, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				dir = abs
			}
			if err := svc.Backup(ctx, dir); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(s.Out, "backed up to %s\n", clean(dir)); err != nil {
				return err
			}
			health, err := svc.Health(ctx)
			if strings.HasPrefix(health.Ledger, "postgres://") {
				s.say("users, rules and alerts are in %s and not in this copy: back them up with pg_dump", clean(health.Ledger))
			}
			return err
		}),
	}
}
