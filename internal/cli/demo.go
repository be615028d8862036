package cli

import (
	"context"

	"github.com/spf13/cobra"
)

func (s *shell) demoCommand() *cobra.Command {
	var o DemoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it work: bundled samples are replayed, alerts appear within seconds",
		Long: `Runs tocsin with bundled real log samples, whose times are shifted to now, and with the flows of a small office, which are made
up: an hour of them, days before it, and what the rules of pack flow find. Its data lies in a directory of its own, never in
that of TOCSIN_DATA.`,
		Example: `  tocsin demo
  tocsin demo --user alice --password 'only for the demo'`,
		Args: cobra.NoArgs,
	}
	o.flags(c)
	c.Flags().StringVar(&o.User, "user", "demo", "`name` of the account")
	c.Flags().StringVar(&o.Password, "password", "", "its `password` (default: one is made and printed)")
	c.RunE = s.run(func(ctx context.Context, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		o.DataSet = c.Flags().Changed("data")
		common := s.common
		if !o.DataSet {
			common.Data = defaultData(s.Env) + "-demo"
		}
		return refused(s.Demo(ctx, common, o))
	})
	return c
}
