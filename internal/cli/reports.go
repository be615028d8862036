package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) reportsCommand() *cobra.Command {
	var user string
	c := s.reportsList("reports", &user)
	c.AddCommand(s.reportsList("list", &user), s.reportsSet(&user), s.reportsRun(&user), s.reportsResults(&user), s.reportsShow(&user),
		s.reportsPause("pause", &user), s.reportsPause("resume", &user), s.reportsRemove(&user), s.reportsForget(&user))
	s.forUser(c, &user, "the reports")
	return c
}

func (s *shell) reportsList(use string, user *string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: "List the questions that are asked on a schedule", Args: cobra.NoArgs,
		Long: `A report is the question of one of tocsin's own pages, /flows, /flows/sessions or /alerts, that is asked on a schedule as its owner
would ask it: within his data filter, by the clock of his zone. What is answered is kept, and mailed to him if he likes. Everybody has
his own reports, 50 at most; administrators see and change those of others with --for.`,
		Example: "  tocsin reports\n  tocsin reports list -o json",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			list, err := svc.Reports(ctx, *user)
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "name"}, column{name: "schedule"}, column{name: "address", cut: true}, column{name: "keep", right: true}, column{name: "mail", lazy: true},
				column{name: "next", time: true}, column{name: "last", time: true}, column{name: "error", lazy: true})
			for i := range list {
				r := &list[i]
				next, mail := s.instant(r.Next), ""
				if r.Paused {
					next = "paused"
				}
				if r.Mail {
					mail = "yes"
				}
				if err := out.add(r, r.Name, schedule(r), r.Address, strconv.Itoa(r.Keep), mail, next, s.instant(r.Last), r.LastError); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("reports"))
			}
			return out.end()
		}),
	}
}

// schedule says when a report is made.
func schedule(r *api.Report) string {
	at := cmp.Or(r.At, "00:00")
	switch r.Every {
	case "hour":
		return "every hour at minute " + at[len(at)-2:]
	case "week":
		return "every week, " + cmp.Or(r.Day, "mon") + " " + at + " " + r.Zone
	case "month":
		return "every month, day " + cmp.Or(r.Day, "1") + " " + at + " " + r.Zone
	default:
		return "every " + r.Every + " " + at + " " + r.Zone
	}
}

func (s *shell) reportsSet(user *string) *cobra.Command {
	var q api.ReportEdit
	var view string
	c := &cobra.Command{
		Use: "set NAME [ADDRESS]", Short: "Have a question asked on a schedule", Args: cobra.RangeArgs(1, 2),
		Long: `Has the question of a page asked on a schedule: of an address as the browser shows it behind the name of the machine, or of a view that
you saved. Times in it count back from when the report is due, also where it is made later: since=24h at 08:00 is the day before
08:00, since=yesterday&until=today the whole day before.`,
		Example: `  tocsin reports set nightly '/flows?since=24h&rows=20' --every day --at 08:00
  tocsin reports set "ssh by month" --view "ssh, a day" --every month --day 1 --at 06:00 --mail
  tocsin reports set alerts '/alerts?state=all&since=7d' --every week --day mon --keep 52`,
	}
	f := c.Flags()
	f.StringVar(&view, "view", "", "ask what is behind the saved view of this `name`")
	f.StringVar(&q.Every, "every", "day", "how often: `hour`, day, week or month")
	f.StringVar(&q.At, "at", "", "when, as `08:00` on the clock of the owner's zone; of hour the minutes count (default 00:00)")
	f.StringVar(&q.Day, "day", "", "the `day` of week, mon to sun (default mon), or of month, 1 to 31 (default 1)")
	f.IntVar(&q.Rows, "rows", 0, "at most so many rows, up to 1000; 0: as many as the page shows")
	f.IntVar(&q.Keep, "keep", 12, "keep so many results, up to 100")
	f.BoolVar(&q.Mail, "mail", false, "send results to the owner's own mail address as well")
	f.BoolVar(&q.Paused, "paused", false, "do not begin yet")
	f.BoolVar(&q.Replace, "replace", false, "in place of the report of that name, whose results stay")
	must(c.RegisterFlagCompletionFunc("every", cobra.FixedCompletions([]string{"hour", "day", "week", "month"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if (len(args) == 2) == (view != "") {
			return usage("want an address or --view NAME")
		}
		q.User, q.Name = *user, args[0]
		if q.Keep < 1 {
			return usage("--keep %d: want 1 to 100", q.Keep)
		}
		if view == "" {
			q.Address = args[1]
		} else {
			var err error
			if q.Address, err = viewed(ctx, svc, *user, view); err != nil {
				return err
			}
		}
		kept, err := svc.PutReport(ctx, q)
		if err != nil {
			return err
		}
		return s.reportKept(&kept)
	})
	return c
}

// viewed is the address behind a saved view.
func viewed(ctx context.Context, svc api.Service, user, name string) (string, error) {
	list, err := svc.Views(ctx, user)
	if err != nil {
		return "", err
	}
	for _, v := range list {
		if v.Name == name {
			return v.Address, nil
		}
	}
	return "", fmt.Errorf("no view %q (see tocsin views)", name)
}

// reportKept says how a report stands.
func (s *shell) reportKept(r *api.Report) error {
	if s.format == "json" {
		return writeJSON(s.Out, r)
	}
	next := "next " + s.instant(r.Next)
	switch {
	case r.Paused:
		next = "paused"
	case r.Next.IsZero():
		next = "never, as its owner is shut out"
	}
	_, err := fmt.Fprintf(s.Out, "report %s: %s, %s: %s\n", clean(r.Name), schedule(r), next, clean(r.Address))
	return err
}

// reportsPause is pause and resume.
func (s *shell) reportsPause(use string, user *string) *cobra.Command {
	pause := use == "pause"
	short := "Go on with reports, from the next time at which they are due"
	if pause {
		short = "Do not ask reports on their schedule until they are resumed"
	}
	return &cobra.Command{
		Use: use + " NAME...", Short: short, Args: cobra.MinimumNArgs(1), Example: "  tocsin reports " + use + " nightly",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			list, err := svc.Reports(ctx, *user)
			if err != nil {
				return err
			}
			failed := false
			for _, name := range args {
				if err := s.pauseReport(ctx, svc, *user, list, name, pause); err != nil {
					failed = true
					s.say("tocsin: %s", printable(err.Error()))
				}
			}
			if failed {
				return errQuiet
			}
			return nil
		}),
	}
}

func (s *shell) pauseReport(ctx context.Context, svc api.Service, user string, list []api.Report, name string, pause bool) error {
	for i := range list {
		r := &list[i]
		if r.Name != name {
			continue
		}
		q := r.Edit(user)
		q.Paused = pause
		kept, err := svc.PutReport(ctx, q)
		if err != nil {
			return err
		}
		return s.reportKept(&kept)
	}
	return fmt.Errorf("no report %q", name)
}

func (s *shell) reportsRemove(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME...", Short: "Remove reports with their results", Example: "  tocsin reports remove nightly", Args: cobra.MinimumNArgs(1),
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.eachRemoved("report", args, func(name string) error { return svc.DeleteReport(ctx, api.ReportRef{User: *user, Name: name}) })
		}),
	}
}
