package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) detectCommand() *cobra.Command {
	var q api.DetectRequest
	var when span
	c := &cobra.Command{
		Use:   "detect",
		Short: "Judge history by the rules, and keep the alerts",
		Long: `Judges what is stored by all enabled rules, or by those that --rule names, and prints the alerts that are new or changed. Twice
over the same events changes nothing. Nobody is told unless --notify is given. Exit code 0 also when nothing was found.`,
		Example: `  tocsin detect
  tocsin detect --rule ssh-scan --since 30d --dry-run`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{"line": "yes"},
	}
	c.Flags().StringSliceVar(&q.Rules, "rule", nil, "only these `rules`")
	c.Flags().BoolVar(&q.DryRun, "dry-run", false, "keep nothing")
	c.Flags().BoolVar(&q.Notify, "notify", false, "tell people")
	when.flags(c)
	must(c.RegisterFlagCompletionFunc("rule", s.completeRules))
	c.MarkFlagsMutuallyExclusive("dry-run", "notify")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) (err error) {
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		return s.detect(ctx, svc, q)
	})
	return c
}

// detect judges and prints.
func (s *shell) detect(ctx context.Context, svc api.Service, q api.DetectRequest) error {
	a, err := svc.Detect(ctx, q)
	if err != nil {
		return err
	}
	return s.judged(a)
}

func (s *shell) judged(a api.DetectAnswer) error {
	if err := s.listAlerts(a.Alerts); err != nil {
		return err
	}
	s.say("%s, %s, %s new or changed", plural(a.Events, "event"), plural(int64(a.Rules), "rule"), plural(int64(len(a.Alerts)), "alert"))
	if a.Excluded > 0 {
		s.say("%s left out by exclusions (tocsin exclusions list)", plural(a.Excluded, "finding"))
	}
	return nil
}

// plural writes a number of things.
func plural(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.FormatInt(n, 10) + " " + thing
}
