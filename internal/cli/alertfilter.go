package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// alertFilterFlags are the flags by which a command chooses alerts.
func (s *shell) alertFilterFlags(c *cobra.Command, q *api.AlertRequest) {
	c.Flags().StringSliceVar(&q.States, "state", nil, "only in these `states`: open, acknowledged, ended")
	c.Flags().StringVar(&q.Rule, "rule", "", "only of this `rule`")
	c.Flags().StringVar(&q.User, "user", "", "of the rules of this `user`; * for all")
	for _, name := range []string{"min-severity", "severity"} {
		c.Flags().StringVar(&q.MinSeverity, name, "", "only of this `severity` and above: INFO, LOW, MEDIUM, HIGH, CRITICAL")
		must(c.RegisterFlagCompletionFunc(name, completeSeverities()))
	}
	must(c.Flags().MarkHidden("severity")) // as it was called at first
	c.MarkFlagsMutuallyExclusive("min-severity", "severity")
	must(c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"open", "acknowledged", "ended"}, cobra.ShellCompDirectiveNoFileComp)))
	must(c.RegisterFlagCompletionFunc("rule", s.completeRules))
}

func completeSeverities() cobra.CompletionFunc {
	return cobra.FixedCompletions([]string{"INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}, cobra.ShellCompDirectiveNoFileComp)
}

// alertPage is how many alerts are asked for at once.
const alertPage = 1000

// eachAlert calls each with all alerts that q asks for, in the order of their numbers. One that comes while it runs may be
// among them; none is twice.
func eachAlert(ctx context.Context, svc api.Service, q api.AlertRequest, each func(*alert.Alert) error) error {
	for q.Oldest, q.Limit = true, alertPage; ; {
		page, err := svc.Alerts(ctx, q)
		if err != nil {
			return err
		}
		for i := range page {
			q.SinceID = page[i].ID
			if err := each(&page[i]); err != nil {
				return err
			}
		}
		if len(page) < alertPage {
			return nil
		}
	}
}

// form says in which form a command prints that has other forms than the rest: the first is what it prints when nobody says.
func (s *shell) form(c *cobra.Command, forms ...string) (string, error) {
	if f := c.Flag("output"); f == nil || !f.Changed {
		return forms[0], nil
	}
	if !slices.Contains(forms, s.format) {
		return "", usage("--output %q: want %s", s.format, strings.Join(forms, ", "))
	}
	return s.format, nil
}
