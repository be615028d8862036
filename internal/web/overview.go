package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/event"
)

// Bounds of how many newest events are shown.
const (
	fewestRows = 10
	mostRows   = 500
	usualRows  = 50
)

// An overview is what the page shows. Each part has its own problem, so that one that fails leaves the others.
type overview struct {
	User    api.Identity
	Now     time.Time
	Rows    int
	Choices []int

	Alerts        []alert.Alert
	AlertsProblem string
	Rates         []rate
	RatesProblem  string
	Events        []row
	EventsProblem string
	Health        api.Health
	HealthProblem string
}

// A row is one of the newest events.
type row struct {
	Time, Kind, From, Text string
	Whole                  string // the event as JSON
}

func (s *site) overview(w http.ResponseWriter, r *http.Request) {
	o := overview{User: api.Caller(r.Context()), Now: time.Now().UTC(), Rows: usualRows, Choices: []int{10, 50, 100, 200, 500}}
	if n, err := strconv.Atoi(r.URL.Query().Get("rows")); err == nil {
		o.Rows = min(max(n, fewestRows), mostRows)
	}
	ctx := r.Context()
	s.health(ctx, &o)
	s.alerts(ctx, &o)
	s.rates(ctx, &o)
	s.newest(ctx, &o)
	s.show(w, "overview.html", o)
}

// problem says to the person why a part is missing, and all of it to the log.
func (s *site) problem(ctx context.Context, part string, err error) string {
	if err == nil || ctx.Err() != nil {
		return ""
	}
	s.Log.Warn("part of the page not made", "part", part, "err", err)
	return "This cannot be shown now: " + err.Error()
}

func (s *site) health(ctx context.Context, o *overview) {
	var err error
	o.Health, err = s.Service.Health(ctx)
	o.HealthProblem = s.problem(ctx, "health", err)
}

func (s *site) alerts(ctx context.Context, o *overview) {
	q := api.AlertRequest{Limit: 50}
	if o.User.Admin {
		q.User = "*"
	}
	var err error
	o.Alerts, err = s.Service.Alerts(ctx, q)
	o.AlertsProblem = s.problem(ctx, "alerts", err)
}

// newest finds the newest events of all kinds.
func (s *site) newest(ctx context.Context, o *overview) {
	err := s.Service.Search(ctx, api.SearchRequest{Limit: o.Rows}, func(text json.RawMessage) error {
		r, err := newRow(text)
		if err == nil {
			o.Events = append(o.Events, r)
		}
		return err
	})
	o.EventsProblem = s.problem(ctx, "events", err)
}

// newRow picks out of an event what a person looks for first.
func newRow(text json.RawMessage) (row, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return row{}, err
	}
	first := func(names ...string) string {
		for _, name := range names {
			if v := plain(fields[name]); v != "" {
				return v
			}
		}
		return ""
	}
	r := row{
		Time: first("@timestamp"), Kind: first("event.dataset"), Text: first("message", "event.original", "event.action"),
		From:  first("service.name", "host.name", "source.ip", "host.mac", "user.name"),
		Whole: string(text),
	}
	if r.Text == "" {
		r.Text = summary(fields)
	}
	return r, nil
}

// summary writes the fields of an event that has no text.
func summary(fields map[string]json.RawMessage) string {
	text := ""
	for _, f := range event.Fields() {
		if v, ok := fields[f.Name]; ok && f.Type != event.Time {
			text += " " + f.Name + "=" + plain(v)
		}
		if len(text) > 300 {
			break
		}
	}
	return text
}

// plain writes a JSON value as people read it.
func plain(raw json.RawMessage) string {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
