package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func (s *shell) alertsCommand() *cobra.Command {
	c := s.alertList("alerts [NUMBER]")
	c.AddCommand(s.alertList("list [NUMBER]"), s.alertShow(), s.alertAck(), s.alertUnack(), s.alertComment(), s.alertAssign(), s.alertClose(), s.alertSilence(), s.alertExclude(),
		s.alertExplain(), s.alertExport(), s.alertFollow())
	return c
}

func (s *shell) alertList(use string) *cobra.Command {
	var q api.AlertRequest
	var when span
	var check bool
	var limits checkLimits
	c := &cobra.Command{
		Use:   use,
		Short: "List alerts, or show one with its samples",
		Long: `Lists alerts, newest first, or shows the one with a number. -o line prints one alert a line as key=value, in an order that
stays: new keys come last. --since and --until ask for the time of the newest trigger.

With --check it is a plug-in of a monitoring system such as Nagios: one line about the open alerts, or those of --state, and the exit code 0 OK,
1 WARNING, 2 CRITICAL by the most severe of them, or 3 UNKNOWN when that cannot be told, as when tocsin does not run.`,
		Example: `  tocsin alerts
  tocsin alerts --state open --min-severity HIGH --since 1d
  tocsin alerts -o line --since -3m
  tocsin alerts --check --warning MEDIUM --critical CRITICAL
  tocsin alerts 17
  tocsin alerts ack 17 --note "looking at it" --until 2h`,
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{"line": "yes"},
	}
	s.alertFilterFlags(c, &q)
	c.Flags().Int64Var(&q.SinceID, "since-id", 0, "only with a `number` above this one")
	c.Flags().Int64Var(&q.SinceChange, "since-change", 0, "only what changed behind the change of this `number`, in that order; -1 is all")
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most so many")
	when.flags(c)
	c.Flags().BoolVar(&check, "check", false, "answer as a plug-in of a monitoring system: one line; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")
	c.Flags().StringVar(&limits.warning, "warning", "LOW", "with --check: WARNING from this `severity` on")
	c.Flags().StringVar(&limits.critical, "critical", "HIGH", "with --check: CRITICAL from this `severity` on")
	must(c.RegisterFlagCompletionFunc("warning", completeSeverities()))
	must(c.RegisterFlagCompletionFunc("critical", completeSeverities()))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if err := checkAlertQuery(&q, args); err != nil {
			return err
		}
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		if check {
			return s.checkAlerts(ctx, svc, q, limits)
		}
		q.Brief = s.format != "json" && q.ID == 0 // else they are shown
		list, err := svc.Alerts(ctx, q)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return s.nothing("alerts")
		}
		if q.ID != 0 && s.format == "table" {
			return s.showAlert(list[0])
		}
		return s.listAlerts(list)
	})
	return c
}

// checkAlertQuery refuses words that are none before anything is asked.
func checkAlertQuery(q *api.AlertRequest, args []string) error {
	if len(args) > 0 {
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || id < 1 {
			return usage("alert %q: want its number", args[0])
		}
		q.ID = id
	}
	for _, state := range q.States {
		switch alert.State(state) {
		case alert.Open, alert.Acknowledged, alert.Ended:
		default:
			return usage("--state %q: want open, acknowledged or ended", state)
		}
	}
	if q.MinSeverity != "" {
		if _, err := alert.ParseSeverity(q.MinSeverity); err != nil {
			return usage("--min-severity: %w", err)
		}
	}
	if q.SinceChange < -1 {
		return usage("--since-change %d: want the number of a change, or -1 for all", q.SinceChange)
	}
	return checkLimit(q.Limit, false)
}

// listAlerts prints alerts in the form that -o names.
func (s *shell) listAlerts(list []alert.Alert) error {
	if s.format == "line" {
		for i := range list {
			if _, err := fmt.Fprintln(s.Out, alertLine(&list[i])); err != nil {
				return err
			}
		}
		return nil
	}
	out := s.alertSheet()
	return errors.Join(s.addAlerts(out, list), out.end())
}

func (s *shell) alertSheet() *sheet {
	columns := []column{{name: "id", right: true}, {name: "severity", paint: severityColours}, {name: "state"},
		{name: "last", time: true}, {name: "rule"}, {name: "entity"}, {name: "triggers", right: true, spare: true}, {name: "reason", cut: true},
		{name: "ack by", lazy: true, spare: true}, {name: "assignee", lazy: true, spare: true},
		{name: "flapping since", time: true, lazy: true, spare: true}}
	return s.sheet(s.plus(columns, "name")...)
}

func (s *shell) addAlerts(out *sheet, list []alert.Alert) error {
	for i := range list {
		a := &list[i]
		entity, reason := a.About(), a.WithNames(a.Reason)
		if s.format == "csv" {
			entity, reason = a.Entity.String(), a.Reason
		}
		if err := out.add(a, s.cells([]string{strconv.FormatInt(a.ID, 10), a.Severity.String(), string(a.State), s.instant(a.Last), a.RuleName,
			entity, strconv.FormatInt(a.Triggers, 10), reason, a.AckedBy, a.Assignee, s.instant(a.Flapping)}, called(a))...); err != nil {
			return err
		}
	}
	return nil
}

// severityColours are what severities look like on a terminal; the word is there for who does not see colours.
func severityColours(word string) text.Colors {
	switch word {
	case "CRITICAL":
		return text.Colors{text.Bold, text.FgHiWhite, text.BgRed}
	case "HIGH":
		return text.Colors{text.Bold, text.FgRed}
	case "MEDIUM":
		return text.Colors{text.FgYellow}
	case "LOW":
		return text.Colors{text.FgCyan}
	default:
		return nil
	}
}

// flaps says how an alert comes and goes, or did; "" when it does not.
func (s *shell) flaps(a *alert.Alert) string {
	if a.Turns == 0 {
		return ""
	}
	changes := plural(a.Turns, "change")
	switch {
	case a.Flapping.IsZero():
		return "no more, after " + changes
	case a.Calm.IsZero():
		return "since " + s.instant(a.Flapping) + ", " + changes
	default:
		return "since " + s.instant(a.Flapping) + ", " + changes + ", calm since " + s.instant(a.Calm)
	}
}

// showAlert prints one alert with all that led to it.
func (s *shell) showAlert(a alert.Alert) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, clean(value))
		}
	}
	line("alert", strconv.FormatInt(a.ID, 10)+"  "+a.WithNames(a.Title))
	line("severity", a.Severity.String())
	line("state", string(a.State))
	of := ""
	if a.Owner != "" {
		of = ", of " + a.Owner
	}
	line("rule", a.RuleName+" (version "+strconv.Itoa(a.RuleVersion)+of+")")
	line("entity", a.Entity.Key())
	line("name", called(&a))
	line("why", a.WithNames(a.Reason))
	line("value", number(a.Value)+", at its peak "+number(a.Peak)+", limit "+number(a.Limit))
	line("triggers", strconv.FormatInt(a.Triggers, 10))
	line("flapping", s.flaps(&a))
	if a.Reopened > 0 {
		line("reopened", plural(int64(a.Reopened), "time"))
	}
	line("first", s.instant(a.First))
	line("last", s.instant(a.Last))
	line("ended", s.instant(a.EndedAt))
	if a.AckedBy != "" {
		until := ""
		if !a.AckedUntil.IsZero() {
			until = " until " + s.instant(a.AckedUntil)
		}
		line("ack", said("by "+a.AckedBy+" at "+s.instant(a.AckedAt)+until, a.AckNote))
	}
	line("assignee", a.Assignee)
	if a.ClosedBy != "" {
		line("closed", said("as "+closedAs(&a)+" by "+a.ClosedBy+" at "+s.instant(a.ClosedAt), a.CloseNote))
	}
	for i, sample := range a.Samples {
		safe, err := safeJSON(sample)
		if err != nil {
			return fault.New(fault.Unavailable, "sample %d of alert %d: %w", i+1, a.ID, err)
		}
		fmt.Fprintf(&b, "%-10s %s\n", "sample", safe)
	}
	_, err := fmt.Fprint(s.Out, b.String())
	return err
}
