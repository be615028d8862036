package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) auditCommand() *cobra.Command {
	return group(&cobra.Command{Use: "audit", Short: "See who changed what"}, s.auditList())
}

func (s *shell) auditList() *cobra.Command {
	var when span
	var q api.AuditRequest
	c := &cobra.Command{
		Use: "list", Short: "List changes, logins and what was refused, newest first", Args: cobra.NoArgs,
		Long: "Lists who changed what and when, by which way he came, what was before and what is now, and whether it was done or why not. Secrets never stand\n" +
			"there. Lines are kept for audit.keep, 400 days unless set otherwise.",
		Example: "  tocsin audit list --since 7d\n  tocsin audit list --user alice --what users\n  tocsin audit list --on 'rule scan' -o json",
	}
	when.flags(c)
	c.Flags().StringVar(&q.User, "user", "", "what this `account` did")
	c.Flags().StringVar(&q.What, "what", "", "this `operation`, as users.add, or all of a kind, as users, tokens, rules, alerts, login")
	c.Flags().StringVar(&q.Subject, "on", "", "what was done to this: `text` that is in it")
	c.Flags().Int64Var(&q.SinceID, "since-id", 0, "lines behind the one of this `number`, the oldest first; -1: all so")
	c.Flags().IntVar(&q.Limit, "limit", 0, "at most so `many` (default 1000)")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) (err error) {
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		list, err := svc.Audit(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "time"}, column{name: "who"}, column{name: "via"}, column{name: "from", lazy: true}, column{name: "what"}, column{name: "on"},
			column{name: "was", lazy: true}, column{name: "became", lazy: true}, column{name: "outcome"})
		for _, a := range list {
			if err := out.add(a, s.instant(a.At), a.Who, a.Via, a.From, a.What, a.Subject, a.Was, a.Became, a.Outcome); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("lines in the audit log"))
		}
		return out.end()
	})
	return c
}
