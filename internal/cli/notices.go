package cli

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) noticesCommand() *cobra.Command {
	return group(&cobra.Command{Use: "notices", Short: "See what people were told, and send again what was given up",
		Long: `Every message about an alert is a notice, which is kept with each attempt to send it and what was answered: also one that waits for a
summary (held), is told by one (bundled), or is not told at all (muted), with the reason. Administrators see all, users their own.`},
		s.noticesList(), s.noticesSend())
}

func (s *shell) noticesList() *cobra.Command {
	var q api.NoticeRequest
	c := &cobra.Command{
		Use: "list", Short: "List notices, the newest first", Args: cobra.NoArgs,
		Long: `Lists notices with their state: pending, leased (being sent), sent, dead (given up), held (for a summary), bundled (told by a
summary) or muted (not told). WHY says what holds or mutes one, or what was answered last.`,
		Example: "  tocsin notices list --state dead\n  tocsin notices list --alert 17\n  tocsin notices list --channel pager --limit 20 -o json",
	}
	f := c.Flags()
	f.StringVar(&q.State, "state", "", "those in this `state`")
	f.StringVar(&q.Channel, "channel", "", "those over the channel of this `name`")
	f.StringVar(&q.User, "user", "", "those to this `user`")
	f.Int64Var(&q.Alert, "alert", 0, "those about the alert of this `number`")
	f.Int64Var(&q.Before, "before", 0, "those with a smaller `number`, to go on behind a page")
	f.IntVar(&q.Limit, "limit", 100, "at most this `number`, up to 1000")
	must(c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"pending", "leased", "sent", "dead", "held", "bundled", "muted"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		list, err := svc.Notices(ctx, q)
		if err != nil {
			return err
		}
		out := s.sheet(column{name: "id", right: true}, column{name: "time", time: true}, column{name: "alert", right: true}, column{name: "change"}, column{name: "channel"},
			column{name: "user", lazy: true}, column{name: "state"}, column{name: "due", time: true, lazy: true}, column{name: "tries", right: true}, column{name: "why"})
		for i := range list {
			n := &list[i]
			if err := out.add(n, strconv.FormatInt(n.ID, 10), s.instant(n.Created), strconv.FormatInt(n.Alert, 10), n.Change, n.Channel, n.User, n.State,
				s.instant(n.Due), strconv.Itoa(len(n.Attempts)), whyNotice(n)); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return errors.Join(out.end(), s.nothing("notices"))
		}
		return out.end()
	})
	return c
}

// whyNotice says what holds or mutes a notice, which summary tells it, or what was answered last.
func whyNotice(n *api.AlertNotice) string {
	var parts []string
	if n.Why != "" {
		parts = append(parts, n.Why)
	}
	if n.Bundle > 0 {
		parts = append(parts, "told by notice "+strconv.FormatInt(n.Bundle, 10))
	}
	if len(n.Attempts) > 0 {
		if last := n.Attempts[len(n.Attempts)-1]; last.Answer != "" {
			parts = append(parts, last.Answer)
		}
	}
	return strings.Join(parts, "; ")
}

func (s *shell) noticesSend() *cobra.Command {
	var q api.NoticesAgain
	c := &cobra.Command{
		Use: "send-again [ID...]", Short: "Send notices again that were given up",
		Long: `Sends notices again that were given up, by their numbers or all of a channel. Each has the key that it had, so that a receiver which
has seen it after all can tell. What was sent, or is not given up yet, stays as it is.`,
		Example: "  tocsin notices send-again 17 18\n  tocsin notices send-again --channel pager",
	}
	c.Flags().StringVar(&q.Channel, "channel", "", "all that were given up on the channel of this `name`, 10000 at most")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if (len(args) == 0) == (q.Channel == "") {
			return usage("want numbers of notices, or --channel (see tocsin notices list --state dead)")
		}
		if q.IDs, err = noticeIDs(args); err != nil {
			return err
		}
		sent, err := svc.SendNotices(ctx, q)
		if err != nil {
			return err
		}
		if s.format == "json" {
			return writeJSON(s.Out, sent)
		}
		out := s.sheet(column{name: "id", right: true}, column{name: "state"})
		for _, id := range sent.IDs {
			if err := out.add(nil, strconv.FormatInt(id, 10), "pending"); err != nil {
				return err
			}
		}
		if len(sent.IDs) == 0 {
			return errors.Join(out.end(), s.nothing("notices that were given up"))
		}
		return out.end()
	})
	return c
}

func noticeIDs(args []string) (ids []int64, err error) {
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("notice %q: want a number, as tocsin notices list tells it", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
