package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

func (s *shell) alertShow() *cobra.Command {
	c := &cobra.Command{
		Use: "show ID...", Short: "Show alerts with all that happened to them", Args: cobra.MinimumNArgs(1),
		Long: `Shows alerts with their evidence, what happened to them and who did it, and the notices about them with what was answered.
-o csv prints what happened alone.`,
		Example: "  tocsin alerts show 17\n  tocsin alerts show 17 -o json",
	}
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		ids, err := alertIDs(args)
		if err != nil {
			return err
		}
		failed := false
		for i, id := range ids {
			story, err := svc.AlertStory(ctx, id)
			if err != nil {
				if len(ids) == 1 || ctx.Err() != nil {
					return err
				}
				s.say("tocsin: %s", printable(err.Error()))
				failed = true
				continue
			}
			if err := s.showStory(&story, i > 0); err != nil {
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

// showStory prints one alert with all that happened to it, in the form that -o names.
func (s *shell) showStory(story *api.AlertStory, more bool) error {
	switch s.format {
	case "json":
		return writeJSON(s.Out, story)
	case "csv":
		return s.timeline(story)
	}
	if more {
		if _, err := fmt.Fprintln(s.Out); err != nil {
			return err
		}
	}
	if err := s.showAlert(story.Alert); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.Out); err != nil {
		return err
	}
	if err := s.timeline(story); err != nil || len(story.Notices) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(s.Out); err != nil {
		return err
	}
	return s.notices(story.Notices)
}

// timeline prints what happened to an alert, from its first trigger on.
func (s *shell) timeline(story *api.AlertStory) error {
	a := &story.Alert
	out := s.sheet(column{name: "time", time: true}, column{name: "who"}, column{name: "what"}, column{name: "note"})
	id := strconv.FormatInt(a.ID, 10)
	errs := []error{out.add(nil, s.instant(a.First), "tocsin", "alert "+id+" opened", "")}
	for i := range story.Log {
		e := &story.Log[i]
		who := e.Who
		if who == "" {
			who = "tocsin"
		}
		errs = append(errs, out.add(nil, s.instant(e.At), who, happened(e), e.Note))
	}
	return errors.Join(append(errs, out.end())...)
}

// happened says in a few words what a line of the log tells.
func happened(e *alert.Entry) string {
	switch e.What {
	case alert.DidAssign:
		if e.To == "" {
			return "taken from " + e.From
		}
		if e.From != "" {
			return "assigned to " + e.To + ", before to " + e.From
		}
		return "assigned to " + e.To
	case alert.DidClose:
		return "closed as " + e.To
	case alert.DidAcknowledge:
		return e.To // with until when
	case alert.DidChange:
		return "severity " + e.From + " → " + e.To
	default:
		return e.What
	}
}

// notices prints what people were told, each attempt with what was answered.
func (s *shell) notices(list []api.AlertNotice) error {
	out := s.sheet(column{name: "notice", time: true}, column{name: "change"}, column{name: "channel"}, column{name: "user", lazy: true}, column{name: "state"},
		column{name: "attempt", right: true}, column{name: "outcome"}, column{name: "answer"})
	var errs []error
	for i := range list {
		n := &list[i]
		if len(n.Attempts) == 0 {
			errs = append(errs, out.add(nil, s.instant(n.Created), n.Change, n.Channel, n.User, n.State, "0", "", whyNotice(n)))
		}
		for _, a := range n.Attempts {
			errs = append(errs, out.add(nil, s.instant(a.Began), n.Change, n.Channel, n.User, n.State, strconv.Itoa(a.Number), a.Outcome, a.Answer))
		}
	}
	return errors.Join(append(errs, out.end())...)
}
