package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (s *shell) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and the rules it names, without starting anything",
		Long:  "Reports every mistake at once, each with its place, what was found and what is wanted. Exit code 1 when there are any.",
		Example: `  tocsin check
  tocsin check --config tocsin.yaml`,
		Args: cobra.NoArgs,
		RunE: s.run(func(ctx context.Context, _ []string) error { return refused(s.Check(ctx, s.common, s.Out)) }),
	}
}
