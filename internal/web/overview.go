package web

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// Bounds of how many newest events are shown.
const (
	fewestRows = 10
	mostRows   = 500
	usualRows  = 100
)

// maxFilter bounds the filter that a page takes, in bytes.
const maxFilter = 4096

// An overview is what the page shows. Each part has its own problem, so that one that fails leaves the others.
type overview struct {
	frame

	Rows    int
	Choices []int
	Where   string // filter of the newest events

	Alerts        []alert.Alert
	Silenced      map[int64]bool // of which nobody is told now
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
	Key                      string // tells rows apart, so that an unfolded one stays so when the page is renewed
	Time, Service, Who, Text string
	Fields                   []field
}

// A field is a name of an event and its value as people read it.
type field struct {
	Name, Value string
	Matched     bool // it is what the alert is about
}

func (s *site) overview(w http.ResponseWriter, r *http.Request) {
	o := overview{frame: s.frame(r, "Overview", "/"), Rows: usualRows, Choices: []int{10, 50, 100, 200, 500}}
	if n, err := strconv.Atoi(r.URL.Query().Get("rows")); err == nil {
		o.Rows = min(max(n, fewestRows), mostRows)
	}
	if where := r.URL.Query().Get("where"); len(where) <= maxFilter {
		o.Where = where
	}
	o.Live = true
	ctx := r.Context()
	s.health(ctx, &o)
	s.alerts(ctx, &o)
	s.rates(ctx, &o)
	s.newest(ctx, &o)
	s.show(w, http.StatusOK, "overview.html", o)
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
	o.Silenced = s.untold(ctx, o.Alerts)
}

// newest finds the newest events of all kinds.
func (s *site) newest(ctx context.Context, o *overview) {
	seen := map[string]int{}
	err := s.Service.Search(ctx, api.SearchRequest{Limit: o.Rows, Where: o.Where}, func(text json.RawMessage) error {
		r, err := newRow(text)
		if err != nil {
			return err
		}
		if seen[r.Key]++; seen[r.Key] > 1 {
			r.Key += "-" + strconv.Itoa(seen[r.Key])
		}
		o.Events = append(o.Events, r)
		return nil
	})
	if o.Where != "" && errors.Is(err, fault.Invalid) {
		o.EventsProblem = err.Error() // the person's own mistake, which the log need not know
		return
	}
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
		Key:  rowKey(text),
		Time: first("@timestamp"), Text: first("message", "event.original", "event.action"),
		Service: first("service.name", "host.name", "process.name", "host.mac"), Who: first("user.name", "source.ip", "source.domain"),
	}
	if r.Text == "" {
		r.Text = summary(fields)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		r.Fields = append(r.Fields, field{Name: name, Value: plain(fields[name])})
	}
	return r, nil
}

func rowKey(text []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(text) // cannot fail
	return strconv.FormatUint(h.Sum64(), 36)
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
