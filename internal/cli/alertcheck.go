package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// Exit codes of plug-ins, as monitoring systems since Nagios take them (Monitoring Plugins Development Guidelines, "Plugin
// Return Codes").
const (
	checkOK = iota
	checkWarning
	checkCritical
	checkUnknown
)

var checkWords = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// A checkResult ends the program with an exit code of its own. Its line was printed.
type checkResult int

func (c checkResult) Error() string { return checkWords[c] }

// checking reports whether the command line is asked as a plug-in: then whatever fails is told as one tells it.
func checking(args []string) bool {
	return slices.Contains(args, "alerts") && (slices.Contains(args, "--check") || slices.Contains(args, "--check=true"))
}

// unknown prints why a check could not be made.
func (s *shell) unknown(err error) int {
	why := strings.TrimSpace(strings.Join(strings.Fields(printable(err.Error())), " "))
	_, _ = fmt.Fprintf(s.Out, "TOCSIN UNKNOWN - %s\n", clean(strings.ReplaceAll(why, "|", "/"))) // there is nowhere else to say it
	return checkUnknown
}

// A threshold is from which severity on a check warns or calls.
type checkLimits struct{ warning, critical string }

func (l checkLimits) parse() (warning, critical alert.Severity, err error) {
	if warning, err = alert.ParseSeverity(l.warning); err != nil {
		return 0, 0, usage("--warning: %w", err)
	}
	if critical, err = alert.ParseSeverity(l.critical); err != nil {
		return 0, 0, usage("--critical: %w", err)
	}
	if critical < warning {
		return 0, 0, usage("--critical %s is below --warning %s", critical, warning)
	}
	return warning, critical, nil
}

// checkAlerts prints one line about the alerts that q asks for, open ones unless it says others.
func (s *shell) checkAlerts(ctx context.Context, svc api.Service, q api.AlertRequest, limits checkLimits) error {
	warning, critical, err := limits.parse()
	if err != nil {
		return err
	}
	if s.Running != nil && !s.Running(ctx, s.common) {
		return errors.New("no tocsin runs, so nothing watches (tocsin serve)")
	}
	if len(q.States) == 0 {
		q.States = []string{string(alert.Open)}
	}
	found, err := svc.CountAlerts(ctx, q)
	if err != nil {
		return err
	}
	var counts [alert.Critical + 1]int64
	var total int64
	var worst alert.Alert
	for _, c := range found {
		total += c.Alerts
		counts[min(c.Severity, alert.Critical)] += c.Alerts
		worst.Severity = max(worst.Severity, c.Severity)
	}
	if total > 0 {
		q.MinSeverity, q.Limit = worst.Severity.String(), 1
		newest, err := svc.Alerts(ctx, q)
		if err != nil {
			return err
		}
		if len(newest) > 0 { // else it has ended since
			worst.ID, worst.Title = newest[0].ID, newest[0].WithNames(newest[0].Title)
		}
	}
	result := checkOK
	switch {
	case worst.Severity >= critical:
		result = checkCritical
	case worst.Severity >= warning:
		result = checkWarning
	}
	if _, err := fmt.Fprintf(s.Out, "TOCSIN %s - %s | %s\n", checkWords[result], checkText(total, &worst), perfdata(total, &counts)); err != nil {
		return err
	}
	if result == checkOK {
		return nil
	}
	return checkResult(result)
}

// checkText says how many alerts there are and which is the worst. A bar would end what is for people.
func checkText(total int64, worst *alert.Alert) string {
	noun := "alerts"
	if total == 1 {
		noun = "alert"
	}
	if total == 0 {
		return "no alerts"
	}
	title := clean(strings.ReplaceAll(worst.Title, "|", "/"))
	return fmt.Sprintf("%d %s, worst %s: %s (number %d)", total, noun, worst.Severity, trim(title, 120), worst.ID)
}

// perfdata is what monitoring systems draw.
func perfdata(total int64, counts *[alert.Critical + 1]int64) string {
	parts := []string{fmt.Sprintf("alerts=%d;;;0", total)}
	for s := alert.Critical; s >= alert.Info; s-- {
		parts = append(parts, fmt.Sprintf("%s=%d;;;0", strings.ToLower(s.String()), counts[s]))
	}
	return strings.Join(parts, " ")
}
