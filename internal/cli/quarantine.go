package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) quarantineCommand() *cobra.Command {
	return group(&cobra.Command{Use: "quarantine", Short: "Look at lines that could not be read, and read them again",
		Long: `Lines that could not be read are kept, by source, format and reason, with all that is needed to read them again. Room for them is
bounded ("quarantine" in the configuration); what comes when there is none is counted.`},
		s.quarantineList(), s.quarantineShow(), s.quarantineRetry(), s.quarantineDrop())
}

// selecting adds the flags that select rejected lines.
func (s *shell) selecting(c *cobra.Command, q *api.QuarantineRequest) {
	c.Flags().StringVar(&q.Source, "source", "", "those of the source of this `name`; of tocsin ingest it is ingest, over HTTP what the sender says or http")
	c.Flags().StringVar(&q.Reason, "reason", "", "those rejected for this `reason`, as the list shows it")
	c.Flags().StringVar(&q.Format, "format", "", "those that were read by the format of this `name`")
	must(c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(s.Formats, cobra.ShellCompDirectiveNoFileComp)))
}

func (s *shell) quarantineList() *cobra.Command {
	var q api.QuarantineRequest
	c := &cobra.Command{
		Use: "list", Short: "List what lines could not be read, and why", Args: cobra.NoArgs,
		Long:    "Lists the lines that could not be read, the most first. KEPT are there whole; the others were counted for want of room.",
		Example: "  tocsin quarantine list\n  tocsin quarantine list --source web -o json",
	}
	s.selecting(c, &q)
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		list, err := svc.Quarantine(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "source"}, column{name: "format"}, column{name: "reason"}, column{name: "count", right: true}, column{name: "kept", right: true},
			column{name: "first", time: true}, column{name: "last", time: true}, column{name: "sample"})
		for _, g := range list {
			if err := out.add(g, g.Source, g.Format, g.Reason, strconv.FormatInt(g.Count, 10), strconv.FormatInt(g.Kept, 10),
				s.instant(g.First), s.instant(g.Last), g.Sample); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("rejected lines"))
		}
		return out.end()
	})
	return c
}

func (s *shell) quarantineShow() *cobra.Command {
	var q api.QuarantineRequest
	c := &cobra.Command{
		Use: "show [ID...]", Short: "Show lines that could not be read, oldest first",
		Long: "Shows lines that could not be read, oldest first, each with its place and the error. What a terminal could act on is escaped.",
		Example: `  tocsin quarantine show --limit 5
  tocsin quarantine show --reason "no time in square brackets" -o json
  tocsin quarantine show 17`,
	}
	s.selecting(c, &q)
	c.Flags().IntVar(&q.Limit, "limit", 20, "at most this `number` of lines, up to 1000")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if q.IDs, err = entryIDs(args); err != nil {
			return err
		}
		if q.Limit < 1 || q.Limit > 1000 {
			return usage("--limit %d: want 1 to 1000", q.Limit)
		}
		list, err := svc.QuarantineEntries(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "id", right: true}, column{name: "received", time: true}, column{name: "source"}, column{name: "place", lazy: true},
			column{name: "format"}, column{name: "reason"}, column{name: "line"})
		for _, e := range list {
			if err := out.add(e, strconv.FormatInt(e.ID, 10), s.instant(e.Received), e.Source, placeOf(e), e.Format, e.Detail, e.Text); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("rejected lines"))
		}
		return out.end()
	})
	return c
}

// placeOf says where a line stands: its file and number, or its offset where the number is not known.
func placeOf(e api.QuarantineEntry) string {
	switch {
	case e.Path != "" && e.Line > 0:
		return e.Path + ":" + strconv.FormatInt(e.Line, 10)
	case e.Path != "":
		return e.Path + " byte " + strconv.FormatInt(e.Offset, 10)
	case e.Line > 0:
		return "line " + strconv.FormatInt(e.Line, 10)
	}
	return ""
}

func entryIDs(args []string) (ids []int64, err error) {
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("id %q: want a number, as tocsin quarantine show tells it", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (s *shell) quarantineRetry() *cobra.Command {
	var q api.QuarantineRequest
	var with, zone string
	c := &cobra.Command{
		Use: "retry [ID...]", Short: "Read lines again that could not be read",
		Long: `Reads lines again that could not be read: by the format that their source has now, else by the one by which they were read before,
or by another. What can be read now is taken like an old file, each line once, and is no longer kept here; the rest stays, with its
new reason. Judge what was taken with tocsin detect.`,
		Example: `  tocsin quarantine retry --source ingest --with combined
  tocsin quarantine retry --reason "no time in square brackets"
  tocsin quarantine retry 17 --with syslog --tz Europe/Berlin`,
	}
	s.selecting(c, &q)
	c.Flags().StringVar(&with, "with", "", "read them by the format of this `name` (default: as before)")
	c.Flags().StringVar(&zone, "tz", "", "time `zone` of times that name none (default: as before)")
	must(c.RegisterFlagCompletionFunc("with", cobra.FixedCompletions(s.Formats, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		ids, err := entryIDs(args)
		if err != nil {
			return err
		}
		a, err := svc.RetryQuarantine(ctx, api.QuarantineRetry{Source: q.Source, Format: q.Format, Reason: q.Reason, IDs: ids, With: with, Zone: zone})
		if err != nil {
			return err
		}
		if a.Retried == 0 {
			return s.nothing("rejected lines")
		}
		if err := svc.Flush(ctx); err != nil {
			return err
		}
		out := s.sheet(column{name: "retried", right: true}, column{name: "accepted", right: true}, column{name: "events", right: true},
			column{name: "still refused", right: true}, column{name: "first", time: true}, column{name: "last", time: true})
		err = out.add(a, strconv.FormatInt(a.Retried, 10), strconv.FormatInt(a.Accepted, 10), strconv.FormatInt(a.Events, 10),
			strconv.FormatInt(a.Refused, 10), s.instant(a.First), s.instant(a.Last))
		if err = errors.Join(err, out.end()); err != nil {
			return err
		}
		for _, reason := range slices.Sorted(maps.Keys(a.Reasons)) {
			s.say("tocsin: %d refused: %s", a.Reasons[reason], clean(reason))
		}
		if a.Accepted == 0 {
			return errQuiet
		}
		return nil
	})
	return c
}

func (s *shell) quarantineDrop() *cobra.Command {
	var q api.QuarantineRequest
	var all bool
	c := &cobra.Command{
		Use: "drop [ID...]", Short: "Forget lines that could not be read",
		Long:    "Forgets the lines that are selected, and what was counted of them. For all of them, say --all.",
		Example: "  tocsin quarantine drop --source web\n  tocsin quarantine drop --all",
	}
	s.selecting(c, &q)
	c.Flags().BoolVar(&all, "all", false, "all of them")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if q.IDs, err = entryIDs(args); err != nil {
			return err
		}
		selected := len(q.IDs) > 0 || q.Source != "" || q.Format != "" || q.Reason != ""
		if selected == all {
			return usage("want ids, --source, --format or --reason, or else --all")
		}
		a, err := svc.DropQuarantine(ctx, q)
		if err != nil {
			return err
		}
		if a.Dropped == 0 {
			return s.nothing("rejected lines")
		}
		if s.format == "json" {
			return writeJSON(s.Out, a)
		}
		_, err = fmt.Fprintf(s.Out, "%d rejected lines: dropped\n", a.Dropped)
		return err
	})
	return c
}
