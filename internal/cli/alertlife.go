package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

func (s *shell) alertAck() *cobra.Command {
	var q api.AlertAct
	var until string
	c := &cobra.Command{
		Use: "ack ID...", Short: "Say that you have taken alerts on", Args: cobra.MinimumNArgs(1),
		Long: `Acknowledges alerts: they go on, and people are told no more of them until they end. A rise in severity breaks the acknowledgement;
with --until it ends by itself.`,
		Example: "  tocsin alerts ack 17 --note \"looking at it\"\n  tocsin alerts ack 17 18 --until 2h",
	}
	c.Flags().StringVar(&until, "until", "", "it ends by itself after this `time`: 2h, 3d, or at \"2026-01-02 15:04\"")
	return s.acting(c, api.Acknowledge, "acknowledged", &q, func() (err error) {
		if c.Flags().Changed("until") {
			q.Until, err = timeAhead(until, time.Now().In(s.Zone))
		}
		return err
	})
}

// timeAhead reads a time to come: a length of time from now on, or an instant.
func timeAhead(text string, now time.Time) (time.Time, error) {
	at, err := api.ParseTime(text, now)
	if d, no := api.ParseDuration(text); no == nil {
		at, err = now.Add(d), nil
	}
	if err != nil || !at.After(now) || at.Year() > 2261 {
		return time.Time{}, usage(`--until %q: want a time to come, such as 2h, 3d or "2026-01-02 15:04"`, text)
	}
	return at, nil
}

func (s *shell) alertUnack() *cobra.Command {
	return s.acting(&cobra.Command{
		Use: "unack ID...", Short: "Take acknowledgements of alerts back", Args: cobra.MinimumNArgs(1),
		Long: "Makes acknowledged alerts open ones again.", Example: "  tocsin alerts unack 17",
	}, api.Unacknowledge, "open again", &api.AlertAct{}, nil)
}

func (s *shell) alertComment() *cobra.Command {
	var q api.AlertAct
	return s.acting(&cobra.Command{
		Use: "comment ID...", Short: "Say something about alerts", Args: cobra.MinimumNArgs(1),
		Long:    "Adds a comment to alerts, in whatever state; tocsin alerts show shows it.",
		Example: "  tocsin alerts comment 17 --note \"the scanner of our own security team\"",
	}, api.Comment, "commented", &q, func() error {
		if strings.TrimSpace(q.Note) == "" {
			return usage("want --note with the comment")
		}
		return nil
	})
}

func (s *shell) alertAssign() *cobra.Command {
	var q api.AlertAct
	var nobody bool
	c := &cobra.Command{
		Use: "assign ID...", Short: "Give alerts to a user", Args: cobra.MinimumNArgs(1),
		Long:    "Says who works on alerts. Who gets one must be one who may see it, and may act on it from then on.",
		Example: "  tocsin alerts assign 17 18 --to alice\n  tocsin alerts assign 17 --nobody",
	}
	c.Flags().StringVar(&q.Assignee, "to", "", "give them to this `user`")
	c.Flags().BoolVar(&nobody, "nobody", false, "take them from whoever has them")
	c.MarkFlagsMutuallyExclusive("to", "nobody")
	return s.acting(c, api.Assign, "assigned", &q, func() error {
		if (q.Assignee != "") == nobody {
			return usage("want --to with a user, or --nobody")
		}
		return nil
	})
}

func (s *shell) alertClose() *cobra.Command {
	var q api.AlertAct
	c := &cobra.Command{
		Use: "close ID...", Short: "End alerts and say what they were", Args: cobra.MinimumNArgs(1),
		Long: `Ends alerts and says what they were: true (something was wrong), benign (it happened as told, and does no harm), false (the rule was
mistaken), expected (it was announced), duplicate (another alert tells of the same). One that has ended already can be closed as well. When
its rule triggers again soon (alerts.reopen, 1h), a closed alert is opened again with its comments.`,
		Example: "  tocsin alerts close 17 --as benign --note \"backup job\"\n  tocsin alerts close 18 --as duplicate --of 17",
	}
	c.Flags().StringVar(&q.Disposition, "as", "", "what they were: "+strings.Join(alert.Dispositions(), ", "))
	c.Flags().Int64Var(&q.DuplicateOf, "of", 0, "`number` of the alert that they are duplicates of")
	must(c.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(alert.Dispositions(), cobra.ShellCompDirectiveNoFileComp)))
	return s.acting(c, api.Close, "closed", &q, func() error {
		if _, err := alert.ParseDisposition(q.Disposition); err != nil {
			return usage("--as: %w", err)
		}
		if c.Flags().Changed("of") && (q.DuplicateOf < 1 || q.Disposition != string(alert.Duplicate)) {
			return usage("--of %d: want the number of an alert, and --as duplicate", q.DuplicateOf)
		}
		return nil
	})
}

// acting makes the command of an act on alerts. check fills in and checks what the flags say.
func (s *shell) acting(c *cobra.Command, act, done string, q *api.AlertAct, check func() error) *cobra.Command {
	c.Flags().StringVar(&q.Note, "note", "", "`text` that is kept with it, of at most 4 KiB")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		ids, err := alertIDs(args)
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		q.Act = act
		failed := false
		for _, id := range ids {
			q.ID = id
			a, err := svc.ActOnAlert(ctx, *q)
			switch {
			case err != nil && (len(ids) == 1 || ctx.Err() != nil):
				return err
			case err != nil: // the others may be done all the same
				s.say("tocsin: %s", printable(err.Error()))
				failed = true
			case s.format == "json":
				err = writeJSON(s.Out, a)
			default:
				_, err = fmt.Fprintf(s.Out, "alert %d: %s\n", id, done)
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

// alertIDs reads numbers of alerts, each of which counts once.
func alertIDs(args []string) (ids []int64, err error) {
	seen := map[int64]bool{}
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("alert %q: want its number", arg)
		}
		if !seen[id] {
			ids = append(ids, id)
		}
		seen[id] = true
	}
	return ids, nil
}

// said joins what happened with what somebody said about it.
func said(what, note string) string {
	if note == "" {
		return what
	}
	return what + ": " + note
}

func closedAs(a *alert.Alert) string {
	if a.DuplicateOf != 0 {
		return string(a.Disposition) + " of " + strconv.FormatInt(a.DuplicateOf, 10)
	}
	return string(a.Disposition)
}
