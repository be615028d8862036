package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// meant says which alerts a mute means.
func meant(m *api.Mute) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if m.Rule != "" {
		add("rule %s", m.Rule)
	}
	switch m.Owner {
	case "*":
	case "":
		add("of everybody")
	default:
		add("of %s", m.Owner)
	}
	for _, p := range m.Entity {
		add("%s=%s", p.Field, p.Value)
	}
	switch {
	case m.MinSeverity != "" && m.MinSeverity == m.MaxSeverity:
		add("%s", m.MinSeverity)
	case m.MinSeverity != "" && m.MaxSeverity != "":
		add("%s to %s", m.MinSeverity, m.MaxSeverity)
	case m.MinSeverity != "":
		add("%s and above", m.MinSeverity)
	case m.MaxSeverity != "":
		add("%s and below", m.MaxSeverity)
	}
	if m.Where != "" {
		add("where %s", m.Where)
	}
	if len(parts) == 0 {
		return "all alerts"
	}
	return strings.Join(parts, ", ")
}

// lasts says when a mute is on.
func (s *shell) lasts(m *api.Mute) string {
	var parts []string
	if p := m.Schedule; p != nil {
		parts = append(parts, recurs(p))
		if !m.From.IsZero() {
			word := "next"
			if m.State == api.MuteActive {
				word = "now"
			}
			parts = append(parts, word+" "+s.instant(m.From)+" to "+s.instant(m.To))
		}
	} else if m.State == api.MuteWaiting {
		parts = append(parts, "from "+s.instant(m.Starts))
	}
	if m.Ends.IsZero() {
		parts = append(parts, "for ever")
	} else {
		parts = append(parts, "until "+s.instant(m.Ends))
	}
	if m.UntilResolved {
		parts = append(parts, "or until resolved")
	}
	return strings.Join(parts, ", ")
}

// recurs says when a window recurs.
func recurs(p *api.MuteSchedule) string {
	var on []string
	if len(p.Days) > 0 {
		on = append(on, strings.Join(p.Days, " "))
	}
	if len(p.Dates) > 0 {
		dates := make([]string, len(p.Dates))
		for i, n := range p.Dates {
			if dates[i] = strconv.Itoa(n); n == -1 {
				dates[i] = "last"
			}
		}
		on = append(on, "on the "+strings.Join(dates, " "))
	}
	if len(on) == 0 {
		on = append(on, "daily")
	}
	return strings.Join(on, " ") + " " + p.From + "-" + p.To + " " + cmp.Or(p.Zone, "UTC")
}

func (s *shell) muteList(kind, kinds string) *cobra.Command {
	q := api.MuteRequest{Kind: kind}
	c := &cobra.Command{
		Use: "list", Short: "List " + kinds + ", newest first", Args: cobra.NoArgs,
		Long: "Lists " + kinds + ", newest first, with who made them, why, until when, and how often they did something. What is over is left out but\n" +
			"with --all.",
		Example: "  tocsin " + kinds + " list\n  tocsin " + kinds + " list --all -o json",
	}
	c.Flags().BoolVar(&q.All, "all", false, "also those that are over")
	c.Flags().IntVar(&q.Limit, "limit", 1000, "at most so many")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		if err := checkLimit(q.Limit, false); err != nil {
			return err
		}
		list, err := svc.Mutes(ctx, q)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return s.nothing(kinds)
		}
		return s.listMutes(list)
	})
	return c
}

// listMutes prints mutes in the form that -o names.
func (s *shell) listMutes(list []api.Mute) error {
	out := s.sheet(column{name: "id", right: true}, column{name: "state"}, column{name: "author"}, column{name: "note"}, column{name: "means"},
		column{name: "lasts"}, column{name: "hits", right: true}, column{name: "last hit", lazy: true})
	for i := range list {
		m := &list[i]
		lasts := s.lasts(m)
		if m.State == api.MuteEnded {
			lasts = "ended " + s.instant(m.EndedAt) + " by " + cmp.Or(m.EndedBy, "tocsin")
		}
		if err := out.add(m, strconv.FormatInt(m.ID, 10), m.State, m.Author, m.Note, meant(m), lasts, strconv.FormatInt(m.Hits, 10), s.instant(m.LastHit)); err != nil {
			return err
		}
	}
	return out.end()
}

func (s *shell) muteShow(kinds string) *cobra.Command {
	kind := strings.TrimSuffix(kinds, "s")
	c := &cobra.Command{
		Use: "show ID", Short: "Show one", Args: cobra.ExactArgs(1),
		Long: "Shows the " + kind + " of a number, also one that is over.", Example: "  tocsin " + kinds + " show 3",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		id, err := muteID(args[0])
		if err != nil {
			return err
		}
		list, err := svc.Mutes(ctx, api.MuteRequest{ID: id, Kind: kind})
		if err != nil {
			return err
		}
		return s.listMutes(list)
	})
	return c
}

func muteID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, usage("id %q: want a number, as the list tells it", arg)
	}
	return id, nil
}

func (s *shell) muteEnd(kind, kinds, verb, short string) *cobra.Command {
	c := &cobra.Command{
		Use: verb + " ID...", Short: short, Args: cobra.MinimumNArgs(1),
		Long:    short + ". Who made one and administrators may. It stays in the list with --all.",
		Example: "  tocsin " + kinds + " " + verb + " 3",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		failed := false
		for _, arg := range args {
			id, err := muteID(arg)
			if err != nil {
				return err
			}
			m, err := svc.EndMute(ctx, api.MuteEnd{ID: id, Kind: kind})
			switch {
			case err != nil && (len(args) == 1 || ctx.Err() != nil):
				return err
			case err != nil: // the others may be ended all the same
				s.say("tocsin: %s", printable(err.Error()))
				failed = true
			case s.format == "json":
				err = writeJSON(s.Out, m)
			default:
				_, err = fmt.Fprintf(s.Out, "%s %d: ended\n", kind, m.ID)
			}
			if err != nil && !failed {
				return err
			}
		}
		if failed {
			return errQuiet
		}
		return nil
	})
	return c
}
