package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
)

// Bounds of the list of alerts.
const (
	pageRows = 50
	maxPicks = 500 // alerts that one form may act on
)

// An alertList shows many alerts.
type alertList struct {
	frame

	Filter         bookmark.Alerts
	Alerts         []alert.Alert
	Groups         []group
	Problem        string
	Counts         []severityCount
	Total          int64
	Older, Newest  string // addresses of other pages; "" when there is none
	Plain, Grouped string // of this list, by itself and by rule
	View           string // address that is kept
	CSV, JSON      string
	Quiet          *quiet
	Dispositions   []choice
	Form           form
	Picked         map[int64]bool
	Silenced       map[int64]bool // of which nobody is told now
	Hidden         int            // alerts of this page that are silenced and not shown
}

// A severityCount is how many alerts of one severity the list holds.
type severityCount struct {
	Severity alert.Severity
	Alerts   int64
	To       string // the list with those and more severe ones alone
}

// A group is the alerts of one rule.
type group struct {
	Rule, Owner, To               string
	Worst                         alert.Severity
	Open, Acknowledged, Ended, Of int64
	Triggers                      int64
	Last                          time.Time
}

// quiet is the proof that an empty list is empty because nothing is wrong.
type quiet struct {
	Problem   string
	PerMinute float64
	Rules     int
	LastEvent time.Time // zero: none is known
}

func (s *site) alertsPage(w http.ResponseWriter, r *http.Request) {
	s.alertsWith(w, r, http.StatusOK, form{}, nil)
}

// alertsWith shows the list with what was typed into its form.
func (s *site) alertsWith(w http.ResponseWriter, r *http.Request, code int, f form, picked map[int64]bool) {
	filter := bookmark.ReadAlerts(r.URL.Query())
	if r.Method == http.MethodGet && slices.ContainsFunc(slices.Collect(maps.Values(r.URL.Query())), func(v []string) bool { return v[0] == "" }) {
		http.Redirect(w, r, filter.Address("/alerts"), http.StatusSeeOther) // the form sends what is left empty, too
		return
	}
	p := alertList{
		frame: s.frame(r, "Alerts", "/alerts"), Filter: filter, Form: f, Picked: picked, Dispositions: dispositions(),
		CSV: filter.Address("/alerts.csv"),
	}
	p.Live = true
	plain, grouped := filter, filter
	plain.Group, grouped.Group = "", bookmark.ByRule
	p.Plain, p.Grouped, p.View = plain.Address("/alerts"), grouped.Address("/alerts"), filter.Address("/alerts")
	if filter.Behind != "" {
		p.Newest = filter.Address("/alerts")
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && p.Done != "" && n > 1 {
		p.Done = fmt.Sprintf("%d alerts: %s", n, strings.ToLower(p.Done))
	}
	if err := s.fillList(r, &p); err != nil {
		p.Problem = s.explain(r, err)
		code = max(code, status(err))
	}
	s.show(w, code, "alerts.html", p)
}

// fillList asks for what the list shows.
func (s *site) fillList(r *http.Request, p *alertList) error {
	q, err := p.Filter.Request(p.Now, pageRows)
	if err != nil {
		return err
	}
	p.JSON = exportJSON(q)
	counts, err := s.Service.CountAlerts(r.Context(), q)
	if err != nil {
		return err
	}
	p.count(counts)
	if p.Filter.Group == "" {
		if p.Alerts, err = s.Service.Alerts(r.Context(), q); err != nil {
			return err
		}
		if len(p.Alerts) == pageRows {
			p.Older = p.Filter.Address("/alerts")
			joint := "?"
			if strings.Contains(p.Older, "?") {
				joint = "&"
			}
			p.Older += joint + "behind=" + url.QueryEscape(api.AlertCursor(&p.Alerts[pageRows-1]))
		}
		s.silenced(r, p)
	}
	if p.Total == 0 {
		p.Quiet = s.quiet(r)
	}
	return nil
}

// silenced marks the alerts of which nobody is told now, or leaves them out where that is asked for.
func (s *site) silenced(r *http.Request, p *alertList) {
	p.Silenced = s.untold(r.Context(), p.Alerts)
	if p.Filter.Silenced == bookmark.Hide {
		all := len(p.Alerts)
		p.Alerts = slices.DeleteFunc(p.Alerts, func(a alert.Alert) bool { return p.Silenced[a.ID] })
		p.Hidden = all - len(p.Alerts)
	}
}

// untold are those of alerts of which nobody is told now, as far as that shows without their events.
func (s *site) untold(ctx context.Context, alerts []alert.Alert) map[int64]bool {
	mutes, err := s.Service.Mutes(ctx, api.MuteRequest{})
	if err != nil {
		s.Log.Warn("silences of a list not shown", "err", err)
		return nil
	}
	silenced := map[int64]bool{}
	for i := range alerts {
		if len(hiding(mutes, &alerts[i])) > 0 {
			silenced[alerts[i].ID] = true
		}
	}
	return silenced
}

// count makes the counts of each severity and the groups of the counts of everything.
func (p *alertList) count(counts []api.AlertCount) {
	bySeverity, byRule := map[alert.Severity]int64{}, map[[2]string]*group{}
	for _, c := range counts {
		p.Total += c.Alerts
		bySeverity[c.Severity] += c.Alerts
		if p.Filter.Group == "" {
			continue
		}
		key := [2]string{c.Owner, c.Rule}
		g := byRule[key]
		if g == nil {
			only := p.Filter
			only.Group, only.Rule, only.Owner = "", c.Rule, c.Owner
			g = &group{Rule: c.Rule, Owner: c.Owner, To: only.Address("/alerts")}
			byRule[key] = g
		}
		g.add(&c)
	}
	for s := alert.Critical; s >= alert.Info; s-- {
		least := p.Filter
		if least.Severity = s.String(); s == alert.Info {
			least.Severity = ""
		}
		p.Counts = append(p.Counts, severityCount{s, bySeverity[s], least.Address("/alerts")})
	}
	for _, g := range byRule {
		p.Groups = append(p.Groups, *g)
	}
	slices.SortFunc(p.Groups, func(x, y group) int {
		return cmp.Or(cmp.Compare(y.Worst, x.Worst), y.Last.Compare(x.Last), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Owner, y.Owner))
	})
}

func (g *group) add(c *api.AlertCount) {
	g.Worst = max(g.Worst, c.Severity)
	g.Of += c.Alerts
	g.Triggers += c.Triggers
	if c.Last.After(g.Last) {
		g.Last = c.Last
	}
	switch c.State {
	case alert.Open:
		g.Open += c.Alerts
	case alert.Acknowledged:
		g.Acknowledged += c.Alerts
	default:
		g.Ended += c.Alerts
	}
}

// quiet asks how tocsin is, for who finds no alerts.
func (s *site) quiet(r *http.Request) *quiet {
	h, err := s.Service.Health(r.Context())
	if err != nil {
		return &quiet{Problem: s.explain(r, err)}
	}
	q := quiet{PerMinute: h.Rate * 60, Rules: h.Rules, LastEvent: h.History.Last}
	for _, source := range h.Sources {
		if source.Last.After(q.LastEvent) {
			q.LastEvent = source.Last
		}
	}
	if len(h.Problems) > 0 {
		q.Problem = strings.Join(h.Problems, "; ")
	}
	return &q
}
