package cli

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) reportsRun(user *string) *cobra.Command {
	var mail bool
	c := &cobra.Command{
		Use: "run NAME", Short: "Ask the question of a report now, and keep the result", Args: cobra.ExactArgs(1),
		Example: "  tocsin reports run nightly\n  tocsin reports run nightly --mail",
	}
	c.Flags().BoolVar(&mail, "mail", false, "send the result to the owner's own mail address as well")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		made, err := svc.RunReport(ctx, api.ReportRun{User: *user, Name: args[0], Mail: mail})
		if err != nil {
			return err
		}
		return s.result(&made)
	})
	return c
}

func (s *shell) reportsResults(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "results NAME", Short: "List what a report was answered, the newest first", Args: cobra.ExactArgs(1),
		Example: "  tocsin reports results nightly",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			list, err := svc.ReportResults(ctx, api.ReportRef{User: *user, Name: args[0]})
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "id", right: true}, column{name: "due", time: true}, column{name: "made", time: true}, column{name: "from", time: true}, column{name: "to", time: true},
				column{name: "rows", right: true}, column{name: "title"}, column{name: "mail", lazy: true}, column{name: "error", lazy: true, cut: true})
			for i := range list {
				r := &list[i]
				if err := out.add(r, strconv.FormatInt(r.ID, 10), s.instant(r.Due), s.instant(r.Made), s.instant(r.From), s.instant(r.To), strconv.Itoa(r.Count), r.Title, r.Mail, r.Error); err != nil {
					return err
				}
			}
			if len(list) == 0 {
				return errors.Join(out.end(), s.nothing("results"))
			}
			return out.end()
		}),
	}
}

func (s *shell) reportsShow(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME [ID]", Short: "Show a result of a report: the newest, or that of a number", Args: cobra.RangeArgs(1, 2),
		Example: "  tocsin reports show nightly\n  tocsin reports show nightly 17 -o csv",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			q := api.ResultRef{User: *user, Report: args[0]}
			if len(args) == 2 && args[1] != "last" {
				var err error
				if q.ID, err = resultNumber(args[1]); err != nil {
					return err
				}
			}
			found, err := svc.ReportResult(ctx, q)
			if err != nil {
				return err
			}
			return s.result(&found)
		}),
	}
}

func resultNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, usage("result %q: want its number, or last", text)
	}
	return n, nil
}

// result prints what a report was answered. One without an answer is nothing found.
func (s *shell) result(r *api.ReportResult) error {
	if s.format == "json" {
		if err := writeJSON(s.Out, r); err != nil || r.Error == "" {
			return err
		}
		return errQuiet
	}
	if r.Error != "" {
		s.say("tocsin: report %s, due %s, has no answer: %s", clean(r.Report), s.instant(r.Due), clean(r.Error))
		return errQuiet
	}
	columns := make([]column, len(r.Columns))
	for i, c := range r.Columns {
		columns[i] = column{name: c.Name, right: c.Kind == api.NumberColumn || c.Kind == api.BytesColumn, time: c.Kind == api.TimeColumn}
	}
	out := s.sheet(columns...)
	for _, row := range r.Rows {
		cells := make([]string, len(columns))
		for i := range cells {
			if i < len(row) {
				cells[i] = s.resultCell(r.Columns[i].Kind, row[i])
			}
		}
		if err := out.add(r, cells...); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	if s.format == "table" {
		s.say("%s", s.aboutResult(r))
	}
	if len(r.Rows) == 0 {
		return s.nothing("rows")
	}
	return nil
}

// resultCell shows a cell: times in the zone of who asks.
func (s *shell) resultCell(kind, text string) string {
	if kind != api.TimeColumn {
		return text
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return s.instant(at)
}

// aboutResult says in one line what a result is, and what it leaves out.
func (s *shell) aboutResult(r *api.ReportResult) string {
	text := clean(r.Title)
	if !r.To.IsZero() {
		from := "the beginning"
		if !r.From.IsZero() {
			from = s.instant(r.From)
		}
		text += ", " + from + " to " + s.instant(r.To)
	}
	if r.Note != "" {
		text += ": " + clean(r.Note)
	}
	if r.Others > 0 {
		text += ", " + strconv.FormatInt(r.Others, 10) + " more rows"
	}
	if r.Truncated {
		text += ", cut as it was too large"
	}
	if r.Mail != "" {
		text += "; mail " + clean(r.Mail)
	}
	return text
}

func (s *shell) reportsForget(user *string) *cobra.Command {
	return &cobra.Command{
		Use: "forget NAME ID...", Short: "Remove results of a report", Example: "  tocsin reports forget nightly 17", Args: cobra.MinimumNArgs(2),
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.eachRemoved("result", args[1:], func(text string) error {
				n, err := resultNumber(text)
				if err != nil {
					return err
				}
				return svc.DeleteReportResult(ctx, api.ResultRef{User: *user, Report: args[0], ID: n})
			})
		}),
	}
}
