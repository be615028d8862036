package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/document"
	"tocsin/internal/fault"
)

func (s *shell) alertExplain() *cobra.Command {
	c := &cobra.Command{
		Use: "explain ID", Short: "Say why there is an alert, and who was told of it or not, and why", Args: cobra.ExactArgs(1),
		Long: `Says why there is an alert: what was measured against which limit, over which window, on which events, by which rule and where it stands;
what people did about it; and every notice about it, sent or not, with the reason and each answer. -o csv prints the notices alone.`,
		Example: "  tocsin alerts explain 17\n  tocsin alerts explain 17 -o json",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		ids, err := alertIDs(args)
		if err != nil {
			return err
		}
		story, err := svc.AlertStory(ctx, ids[0])
		if err != nil {
			return err
		}
		r, err := alertRule(ctx, svc, &story.Alert)
		if err != nil {
			return err
		}
		switch s.format {
		case "json":
			return writeJSON(s.Out, explainedAlert{story, r})
		case "csv":
			return s.notices(story.Notices)
		}
		return s.explainAlert(&story, r)
	})
	return c
}

// An explainedAlert is an alert with all that happened to it, and its rule as it is now.
type explainedAlert struct {
	api.AlertStory

	Rule *api.Rule `json:"rule,omitempty"` // nil: it is gone, or is another's
}

// alertRule finds the rule of an alert by its number; nil where it is gone or not the asker's to see.
func alertRule(ctx context.Context, svc api.Service, a *alert.Alert) (*api.Rule, error) {
	list, err := svc.Rules(ctx, api.RuleRequest{Owner: "*"})
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == a.Rule {
			return &list[i], nil
		}
	}
	return nil, nil //nolint:nilnil // no rule is an answer here
}

func (s *shell) explainAlert(story *api.AlertStory, r *api.Rule) error {
	a := &story.Alert
	var b strings.Builder
	fmt.Fprintf(&b, "Alert %d, %s, %s: %s\n", a.ID, a.Severity, a.State, clean(a.WithNames(a.Title)))
	fmt.Fprintf(&b, "\nWhy: %s\n", clean(a.WithNames(a.Reason)))
	s.measured(&b, a)
	known(&b, story.About)
	if err := s.evidence(&b, a); err != nil {
		return err
	}
	s.around(&b, story.Around)
	s.involved(&b, story.Traffic)
	judgedBy(&b, a, r)
	b.WriteString("\nWhat happened:\n")
	if _, err := fmt.Fprint(s.Out, b.String()); err != nil {
		return err
	}
	if err := s.timeline(story); err != nil {
		return err
	}
	if len(story.Notices) == 0 {
		_, err := fmt.Fprintf(s.Out, "\nNotices: none. %s\n", unsaid(a))
		return err
	}
	if _, err := fmt.Fprint(s.Out, "\nNotices:\n"); err != nil {
		return err
	}
	return s.notices(story.Notices)
}

// measured tells the values against the limit.
func (s *shell) measured(b *strings.Builder, a *alert.Alert) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "  %-9s %s\n", name, clean(text))
		}
	}
	worst := "most"
	if a.Below {
		worst = "least"
	}
	line("about", a.Entity.Key())
	line("measured", fmt.Sprintf("%s at its newest trigger, %s at %s, limit %s", number(a.Value), number(a.Peak), worst, number(a.Limit)))
	if a.Window > 0 {
		line("window", document.FormatDuration(a.Window))
	}
	line("triggers", fmt.Sprintf("%d, from %s to %s", a.Triggers, s.instant(a.First), s.instant(a.Last)))
	line("ended", s.instant(a.EndedAt))
}

// evidence shows the samples: the ledger keeps the first and the newest.
func (s *shell) evidence(b *strings.Builder, a *alert.Alert) error {
	if len(a.Samples) > 0 {
		fmt.Fprintf(b, "\nEvents, the first and the newest of those that led to it:\n")
	}
	for i, sample := range a.Samples {
		safe, err := safeJSON(sample)
		if err != nil {
			return fault.New(fault.Unavailable, "sample %d of alert %d: %w", i+1, a.ID, err)
		}
		fmt.Fprintf(b, "  %s\n", safe)
	}
	return nil
}

// judgedBy shows the rule as it is now, and says where that is not what the alert was judged by.
func judgedBy(b *strings.Builder, a *alert.Alert, r *api.Rule) {
	of := ""
	if a.Owner != "" {
		of = " of " + clean(a.Owner)
	}
	fmt.Fprintf(b, "\nRule %d, %s%s, version %d", a.Rule, clean(a.RuleName), of, a.RuleVersion)
	switch {
	case r == nil:
		b.WriteString(": it is gone, or not yours to see\n")
		return
	case r.File != "" && r.Line > 0:
		b.WriteString(", " + clean(r.File) + ":" + strconv.Itoa(r.Line))
	case r.File != "":
		b.WriteString(", " + clean(r.File))
	}
	if r.Version != a.RuleVersion {
		fmt.Fprintf(b, " (it has changed since: this is version %d)", r.Version)
	}
	b.WriteString(":\n")
	for line := range strings.Lines(strings.TrimRight(r.Text, "\n")) {
		b.WriteString("  " + clean(strings.TrimRight(line, "\n")) + "\n")
	}
}

// unsaid says why nobody may have been told.
func unsaid(a *alert.Alert) string {
	if a.Origin == "history" {
		return "It was found by tocsin detect, which tells nobody unless --notify is given."
	}
	return "There is no channel (notify in the configuration, tocsin me for your own), or what was sent is not yours to see."
}
