package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// usualFields are the columns of found events when nobody names others.
var usualFields = []string{"@timestamp", "event.dataset", "service.name", "host.name", "log.level", "source.ip", "destination.ip",
	"destination.port", "user.name", "event.outcome", "http.response.status_code", "host.mac", "message"}

// flowFields are what a flow has in the place of a message. They stand in tables alone, which leave out what is empty: programs
// that read CSV count on the columns that there are.
var flowFields = []string{"network.transport", "source.bytes", "source.packets"}

// usualFields returns the columns of found events in the form that is asked for.
func (s *shell) usualFields() []string {
	if s.format != "table" {
		return usualFields
	}
	return slices.Insert(slices.Clone(usualFields), len(usualFields)-1, flowFields...)
}

func (s *shell) searchCommand() *cobra.Command {
	var q api.SearchRequest
	var when span
	var fields []string
	c := &cobra.Command{
		Use:   "search [FILTER]",
		Short: "Find events",
		Long: `Finds the events that a filter selects, newest first. Fields have the names of the Elastic Common Schema. With -o json events
are printed whole, one a line.`,
		Example: `  tocsin search 'http.response.status_code >= 500 && url.path contains "/login"' --since 1h
  tocsin search 'source.ip in cidr("10.0.0.0/8")' --fields @timestamp,source.ip,message --limit 20
  tocsin search --kind log --since yesterday --until today -o json --limit -1 | wc -l`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeFilter,
	}
	c.Flags().StringSliceVar(&q.Kinds, "kind", nil, "only these `kinds`: login, flow, log, sighting")
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most so many; -1: all")
	c.Flags().BoolVar(&q.Oldest, "oldest", false, "oldest first")
	c.Flags().StringSliceVar(&fields, "fields", nil, "`fields` to show, in this order")
	when.flags(c)
	must(c.RegisterFlagCompletionFunc("kind", completeKinds))
	must(c.RegisterFlagCompletionFunc("fields", completeFields))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if len(args) > 0 {
			q.Where = args[0]
		}
		if err := checkLimit(q.Limit, true); err != nil {
			return err
		}
		if q.Since, q.Until, err = when.times(s.Zone); err != nil {
			return err
		}
		columns, err := searchColumns(fields, s.usualFields())
		if err != nil {
			return err
		}
		return s.found(ctx, svc, q, columns)
	})
	return c
}

// checkLimit refuses 0, which would be taken for the default.
func checkLimit(n int, all bool) error {
	if n > 0 || all && n == -1 {
		return nil
	}
	if all {
		return usage("--limit %d: want 1 or more, or -1 for all", n)
	}
	return usage("--limit %d: want 1 or more", n)
}

// searchColumns makes the columns of the named fields, or of the usual ones.
func searchColumns(fields, usual []string) ([]column, error) {
	named := len(fields) > 0
	if !named {
		fields = usual
	}
	columns := make([]column, len(fields))
	for i, name := range fields {
		f, known := event.FieldByName(name)
		switch {
		case known:
			columns[i] = column{name: f.Name, time: f.Type == event.Time, right: f.Type == event.Int || f.Type == event.Uint || f.Type == event.Float, lazy: !named && f.Name != "@timestamp"}
		case strings.HasPrefix(name, "labels."):
			columns[i] = column{name: name}
		default:
			return nil, usage("--fields: field %q is unknown%s", name, event.Suggestion(name))
		}
	}
	return columns, nil
}

// found prints the events that a search finds.
func (s *shell) found(ctx context.Context, svc api.Service, q api.SearchRequest, columns []column) error {
	out, some := s.sheet(columns...), false
	err := svc.Search(ctx, q, func(row json.RawMessage) error {
		some = true
		if s.format == "json" {
			return out.add(row)
		}
		cells, err := s.eventCells(row, columns)
		if err != nil {
			return err
		}
		return out.add(row, cells...)
	})
	if endErr := out.end(); err == nil {
		err = endErr
	}
	if err == nil && !some {
		return s.nothing("events found")
	}
	return err
}

// eventCells picks the columns out of an event.
func (s *shell) eventCells(row json.RawMessage, columns []column) ([]string, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(row, &values); err != nil {
		return nil, err
	}
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = valueText(values[c.name])
		if cells[i] == "" && c.name == "message" {
			cells[i] = valueText(values["event.original"])
		}
		if at, err := time.Parse(time.RFC3339Nano, cells[i]); err == nil && c.time {
			cells[i] = s.instant(at)
		}
	}
	return cells, nil
}

// valueText writes a JSON value as people read it.
func valueText(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
