package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/mute"
)

func (s *shell) silencesCommand() *cobra.Command {
	return group(&cobra.Command{Use: "silences", Short: "Keep notices of alerts back for a while",
		Long: `A silence keeps notices of alerts back up to a time. The alerts are there as ever; each notice that was kept back is shown by
tocsin alerts show. When a silence ends while alerts that it hid still stand, people are told of them at once.`},
		s.silenceAdd(), s.muteList(api.Silence, "silences"), s.muteShow("silences"), s.muteEnd(api.Silence, "silences", "end", "Take silences back"))
}

func (s *shell) windowsCommand() *cobra.Command {
	return group(&cobra.Command{Use: "windows", Short: "Announce maintenance, once or again and again",
		Long: `A maintenance window keeps notices of alerts back while it is on. It is on once, as for the time of a deployment, or recurs on days of
the week or of the month, in a time zone.`},
		s.windowAdd(), s.muteList(api.Window, "windows"), s.muteShow("windows"), s.muteEnd(api.Window, "windows", "end", "Take windows back"))
}

func (s *shell) exclusionsCommand() *cobra.Command {
	remove := s.muteEnd(api.Exclusion, "exclusions", "remove", "Take exclusions back: what they excluded may become alerts again")
	remove.Aliases = []string{"undo", "end"}
	return group(&cobra.Command{Use: "exclusions", Short: "Say what is expected and no alert",
		Long: `What an exclusion means does not become an alert at all, when it comes in as well as when tocsin detect judges history. tocsin alerts
exclude makes one from an alert, in one step.`},
		s.exclusionAdd(), s.muteList(api.Exclusion, "exclusions"), s.muteShow("exclusions"), remove)
}

// A muting is what the flags of a command say of a mute that is to be made.
type muting struct {
	api.MuteEdit
	length, until, start string
	preview              bool
}

// meaning adds the flags that say which alerts are meant.
func (s *shell) meaning(c *cobra.Command, q *muting) {
	f := c.Flags()
	f.StringVar(&q.Rule, "rule", "", "alerts of the rule of this `name`")
	f.StringVar(&q.Owner, "user", "", "alerts of the rules of this `user` (default: yours; an administrator's: all)")
	f.StringVar(&q.Where, "where", "", "alerts all of whose samples this `filter` selects; the fields of the alert's entity count as theirs")
	f.StringVar(&q.MinSeverity, "min-severity", "", "alerts of this `severity` and above")
	f.StringVar(&q.MaxSeverity, "max-severity", "", "alerts of this `severity` and below")
	f.BoolVar(&q.All, "all", false, "all alerts are meant, if nothing else says which")
	severities := cobra.FixedCompletions([]string{"INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"}, cobra.ShellCompDirectiveNoFileComp)
	must(c.RegisterFlagCompletionFunc("min-severity", severities))
	must(c.RegisterFlagCompletionFunc("max-severity", severities))
	must(c.RegisterFlagCompletionFunc("rule", s.completeRules))
}

// lasting adds the flags that say why and for how long.
func (q *muting) lasting(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.Note, "note", "", "why, as `text` of at most 4 KiB; needed")
	f.StringVar(&q.length, "for", "", "it ends by itself after this `time`: 30m, 2h, 3d")
	f.StringVar(&q.until, "until", "", "it ends by itself at this `time`: 2026-01-02, \"2026-01-02 15:04\", or after 2h")
	f.BoolVar(&q.preview, "preview", false, "only show what it would hide")
	c.MarkFlagsMutuallyExclusive("for", "until")
}

func (s *shell) silenceAdd() *cobra.Command {
	q := &muting{MuteEdit: api.MuteEdit{Kind: api.Silence}}
	c := &cobra.Command{
		Use: "add", Short: "Keep notices of alerts back for a while", Args: cobra.NoArgs,
		Long: `Keeps notices of alerts back, for at most 90 days. Shows which alerts it hides now, and of how many of the last 7 days it would have
kept notices back; --preview only shows that.`,
		Example: `  tocsin silences add --rule ssh-scan --for 2h --note "our own scanner"
  tocsin silences add --where 'host.name == "web1"' --until "2026-01-02 18:00" --note "disk swap"
  tocsin silences add --max-severity MEDIUM --for 8h --note "quiet night" --preview`,
	}
	s.meaning(c, q)
	q.lasting(c)
	c.Flags().BoolVar(&q.UntilResolved, "until-resolved", false, "it ends earlier when no alert stands any more that it hides")
	return s.muteAdd(c, q, true)
}

func (s *shell) windowAdd() *cobra.Command {
	q := &muting{MuteEdit: api.MuteEdit{Kind: api.Window}}
	var days, dates string
	plan := &api.MuteSchedule{}
	c := &cobra.Command{
		Use: "add", Short: "Announce maintenance", Args: cobra.NoArgs,
		Long: `Announces maintenance. Once: from now on or --start, --for a time or --until one, at most 90 days. Again and again: --from one time of
the day --to another, which is the next day's where it is not later, on --days of the week or --dates of the month or daily, in a --zone,
for ever or --until a time.

A window begins when the clock on the wall first shows --from and ends when it last goes on to --to, also where the clock is set back
between. One that lies wholly in the hour that is missing when the clock is set forward is moved behind it.`,
		Example: `  tocsin windows add --for 30m --where 'service.name == "shop"' --note "deploy 1.2" -o json
  tocsin windows add --days mon-fri --from 22:00 --to 02:00 --zone Europe/Berlin --rule backup-load --note "nightly backup"
  tocsin windows add --dates 1,last --from 03:00 --to 04:30 --zone UTC --where 'host.name == "db1"' --until 2026-12-31 --note "month end"`,
	}
	s.meaning(c, q)
	q.lasting(c)
	f := c.Flags()
	f.StringVar(&q.start, "start", "", "it begins at this `time`, not now")
	f.StringVar(&plan.From, "from", "", "it recurs, from this `time` of the day")
	f.StringVar(&plan.To, "to", "", "to this `time` of the day")
	f.StringVar(&days, "days", "", "on these `days` of the week: mon-fri, sat,sun")
	f.StringVar(&dates, "dates", "", "on these `dates` of the month: 1,15,last")
	f.StringVar(&plan.Zone, "zone", "", "time `zone` of --from and --to, as Europe/Berlin or UTC")
	c.MarkFlagsRequiredTogether("from", "to", "zone")
	c.MarkFlagsMutuallyExclusive("from", "for")
	add := s.muteAdd(c, q, true)
	run := add.RunE
	add.RunE = func(cmd *cobra.Command, args []string) (err error) {
		q.Schedule = nil
		switch {
		case plan.From != "":
			if plan.Days, plan.Dates, err = recurrence(days, dates); err != nil {
				return usage("%w", err)
			}
			q.Schedule = plan
		case days != "" || dates != "":
			return usage("--days and --dates want --from, --to and --zone beside them")
		}
		return run(cmd, args)
	}
	return add
}

// recurrence reads days as the service wants them; what they mean is checked there.
func recurrence(days, dates string) (week []string, month []int, err error) {
	if days != "" {
		if week, err = mute.ParseDays(days); err != nil {
			return nil, nil, fmt.Errorf("--days: %w", err)
		}
	}
	if dates != "" {
		if month, err = mute.ParseDates(dates); err != nil {
			return nil, nil, fmt.Errorf("--dates: %w", err)
		}
	}
	return week, month, nil
}

func (s *shell) exclusionAdd() *cobra.Command {
	q := &muting{MuteEdit: api.MuteEdit{Kind: api.Exclusion}}
	c := &cobra.Command{
		Use: "add", Short: "Say what is expected and no alert", Args: cobra.NoArgs,
		Long: `Says what is expected. What rules find of it from now on does not become alerts, for ever or for a time. Alerts that stand already stay:
tocsin alerts exclude closes the one that it is made from.`,
		Example: `  tocsin exclusions add --rule ssh-scan --where 'source.ip == "192.0.2.7"' --note "our own scanner"
  tocsin exclusions add --where 'user.name == "probe"' --for 30d --note "test account" --preview`,
	}
	s.meaning(c, q)
	q.lasting(c)
	return s.muteAdd(c, q, false)
}

func (s *shell) alertSilence() *cobra.Command {
	q := &muting{MuteEdit: api.MuteEdit{Kind: api.Silence}}
	c := &cobra.Command{
		Use: "silence ID", Short: "Keep notices of an alert back, and of others of its rule and entity", Args: cobra.ExactArgs(1),
		Long:    "Makes a silence of the rule and the entity of an alert, for at most 90 days.",
		Example: "  tocsin alerts silence 17 --for 2h --note \"known, fix is on its way\"\n  tocsin alerts silence 17 --for 3d --until-resolved --note \"disk ordered\"",
	}
	q.lasting(c)
	c.Flags().BoolVar(&q.UntilResolved, "until-resolved", false, "it ends earlier when the alert does")
	return s.muteAdd(c, q, true)
}

func (s *shell) alertExclude() *cobra.Command {
	q := &muting{MuteEdit: api.MuteEdit{Kind: api.Exclusion, Close: true}}
	c := &cobra.Command{
		Use: "exclude ID", Short: "Say that an alert was expected and is not to come again", Args: cobra.ExactArgs(1),
		Long: `Makes an exclusion of the rule and the entity of an alert, for ever or for a time, and closes the alert as expected if it stands. Prints
how to undo it; what triggers then opens the alert again.`,
		Example: "  tocsin alerts exclude 17 --note \"our own scanner\"\n  tocsin alerts exclude 17 --for 30d --note \"load test until the end of the month\"",
	}
	q.lasting(c)
	return s.muteAdd(c, q, false)
}

// muteAdd makes the command that makes a mute. An argument is the number of an alert.
func (s *shell) muteAdd(c *cobra.Command, q *muting, ends bool) *cobra.Command {
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		if err := s.readMuting(q, args, ends); err != nil {
			return err
		}
		if q.preview {
			a, err := svc.PreviewMute(ctx, q.MuteEdit)
			if err != nil {
				return err
			}
			return s.showPreview(&a)
		}
		a, err := svc.AddMute(ctx, q.MuteEdit)
		if a.Mute.ID != 0 {
			err = errors.Join(s.showMade(&a), err)
		}
		return err
	})
	return c
}

// readMuting reads what the flags say, and refuses what is not enough.
func (s *shell) readMuting(q *muting, args []string, ends bool) error {
	if len(args) > 0 {
		ids, err := alertIDs(args)
		if err != nil {
			return err
		}
		q.Alert = ids[0]
	}
	if strings.TrimSpace(q.Note) == "" && !q.preview {
		return usage("want --note with the reason")
	}
	now := time.Now().In(s.Zone)
	for name, word := range map[string]string{"--min-severity": q.MinSeverity, "--max-severity": q.MaxSeverity} {
		if word != "" {
			if _, err := alert.ParseSeverity(word); err != nil {
				return usage("%s: %w", name, err)
			}
		}
	}
	if q.start != "" {
		at, err := timeAhead(q.start, now)
		if err != nil {
			return usage(`--start %q: want a time to come, such as 2h or "2026-01-02 15:04"`, q.start)
		}
		q.Starts = at
	}
	switch {
	case q.length != "":
		d, err := api.ParseDuration(q.length)
		if err != nil || d <= 0 {
			return usage("--for %q: want a length of time such as 30m, 2h or 3d", q.length)
		}
		from := now
		if !q.Starts.IsZero() {
			from = q.Starts
		}
		q.Ends = from.Add(d).Truncate(time.Second).Add(time.Second) // people read it
	case q.until != "":
		at, err := timeAhead(q.until, now)
		if err != nil {
			return err
		}
		q.Ends = at
	case ends && q.Schedule == nil && q.preview:
		q.Ends = now.Add(time.Hour)
	case ends && q.Schedule == nil:
		return usage("want --for or --until: it ends by itself")
	}
	return nil
}

// showMade says what was made and what it hides, in the form that -o names.
func (s *shell) showMade(a *api.MuteAnswer) error {
	if s.format == "json" {
		return writeJSON(s.Out, a)
	}
	m := &a.Mute
	if _, err := fmt.Fprintf(s.Out, "%s %d: %s, %s\n", m.Kind, m.ID, clean(meant(m)), s.lasts(m)); err != nil {
		return err
	}
	s.warn(a)
	if c := a.Closed; c != nil {
		if _, err := fmt.Fprintf(s.Out, "alert %d: closed as expected\n", c.ID); err != nil {
			return err
		}
	}
	if m.Kind == api.Exclusion {
		s.say("tocsin: tocsin exclusions undo %d takes it back", m.ID)
	}
	return nil
}

// warn says how much a mute hides.
func (s *shell) warn(a *api.MuteAnswer) {
	would := "have kept back notices of"
	if a.Mute.Kind == api.Exclusion {
		would = "have excluded"
	}
	s.say("tocsin: it means %s that %s now; in the last 7 days it would %s %d of %s", plural(int64(a.Open), "alert"), stand(a.Open), would,
		a.Week, plural(int64(a.WeekAll), "alert"))
	if a.Everything {
		s.say("tocsin: CAUTION: it means every alert")
	}
}

func stand(n int) string {
	if n == 1 {
		return "stands"
	}
	return "stand"
}

// showPreview prints the alerts that a mute would hide.
func (s *shell) showPreview(a *api.MuteAnswer) error {
	if s.format == "json" {
		return writeJSON(s.Out, a)
	}
	if len(a.Alerts) > 0 {
		if err := s.listAlerts(a.Alerts); err != nil {
			return err
		}
	}
	s.warn(a)
	return nil
}
