package cli

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func (s *shell) clearCommand() *cobra.Command {
	return group(&cobra.Command{Use: "clear", Short: "Delete alerts or events for good",
		Long: "Deletes for good. See also: tocsin reset, which empties everything but accounts and rules."},
		s.clearAlerts(), s.clearEvents())
}

func (s *shell) clearAlerts() *cobra.Command {
	return &cobra.Command{
		Use: "alerts", Short: "Delete all alerts", Args: cobra.NoArgs, Example: "  tocsin clear alerts",
		Long: "Deletes all alerts and the notices about them that are still to be sent. What goes on is an alert again when it next shows.",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			return s.clear(ctx, svc, api.ClearRequest{Alerts: true})
		}),
	}
}

func (s *shell) clearEvents() *cobra.Command {
	var older, before string
	c := &cobra.Command{
		Use: "events", Short: "Delete all events, or those before a time", Args: cobra.NoArgs,
		Long: `Deletes all events and forgets how far files were read: the same file can be ingested again, and files that a running
tocsin follows are read again from their start. With --older or --before only the events with an earlier @timestamp are
deleted, exactly, and what is known of files stays. Alerts stay either way.`,
		Example: "  tocsin clear events --older 48h\n  tocsin clear events --before 2026-01-02",
	}
	c.Flags().StringVar(&older, "older", "", "only those `length` of time old or older, such as 48h or 30d")
	c.Flags().StringVar(&before, "before", "", "only those before a `time`, such as 2026-01-02 or \"2026-01-02 15:04\"")
	c.MarkFlagsMutuallyExclusive("older", "before")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		q := api.ClearRequest{Events: true}
		now := time.Now().In(s.Zone)
		switch {
		case c.Flags().Changed("older"):
			d, err := api.ParseDuration(older)
			if err != nil || d == 0 {
				return usage("--older %q: want a length of time such as 48h or 30d", older)
			}
			q.Before = now.Add(-d)
		case c.Flags().Changed("before"):
			at, err := api.ParseTime(before, now)
			if err != nil {
				return usage("--before: %w", err)
			}
			q.Before = at
		}
		return s.clear(ctx, svc, q)
	})
	return c
}

func (s *shell) resetCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "reset", Short: "Delete all events and alerts, and read files anew", Args: cobra.NoArgs,
		Long: `Deletes all events and all alerts, and forgets how far files were read: the same file can be ingested again, and files
that a running tocsin follows are read again from their start. Accounts, tokens and rules stay, and so does what rules have
learnt. Asks first; --yes answers that, and is needed where there is no terminal to ask on.`,
		Example: "  tocsin reset\n  tocsin reset --yes",
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	do := s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		return s.clear(ctx, svc, api.ClearRequest{Alerts: true, Events: true})
	})
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !yes {
			if err := s.confirm("This deletes all events and all alerts for good."); err != nil {
				return err
			}
		}
		return do(cmd, args)
	}
	return c
}

// confirm asks on the terminal whether something is to be done.
func (s *shell) confirm(what string) error {
	in, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usage("standard input is no terminal to ask on (use --yes)")
	}
	ask, done, err := Questions(in, s.Err)
	if err != nil {
		return err
	}
	line, _ := ask(what+" Go on? [y/N] ", false) // Ctrl-C is no answer, and that is no
	if err := done(); err != nil {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return refused(fault.New(fault.Invalid, "nothing was deleted"))
	}
	return nil
}

// clear deletes and tells how much that was.
func (s *shell) clear(ctx context.Context, svc api.Service, q api.ClearRequest) error {
	answer, err := svc.Clear(ctx, q)
	if err != nil {
		return err
	}
	if s.format == "json" {
		return writeJSON(s.Out, answer)
	}
	out := s.sheet(column{name: "deleted"}, column{name: "count", right: true})
	if q.Events {
		if err := out.add(nil, "events", strconv.FormatInt(answer.Events, 10)); err != nil {
			return err
		}
	}
	if q.Alerts {
		if err := out.add(nil, "alerts", strconv.FormatInt(answer.Alerts, 10)); err != nil {
			return err
		}
	}
	return out.end()
}
