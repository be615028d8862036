package desk

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/rule"
	"tocsin/internal/traffic"
)

// Who talked to whom when a rule fired is looked up when somebody asks, not kept with the alert: judging pays nothing for what
// nobody may ever look at, the answer is exact and not what a bounded table could remember, and it is there for every alert that
// is about an address, a port or a country, whatever kind of rule told it. It ends where the retention of flows does.

// Bounds of one look: so much time in which flows lie, and so long it may take. What was found stays good for a while, since
// pages ask again and again.
const (
	involvedSpan = 24 * time.Hour
	involvedTime = 3 * time.Second
	involvedFor  = time.Minute
	involvedKept = 100 // alerts
)

// involved is what was found about alerts lately.
type involved struct {
	mu    sync.Mutex
	found map[involvedKey]foundTraffic
}

// An involvedKey is an alert as it was, for whoever sees no more and no less.
type involvedKey struct {
	alert, change int64
	bounds        string
}

type foundTraffic struct {
	at      time.Time
	traffic *api.AlertTraffic
}

func (v *involved) get(key involvedKey, now time.Time) (*api.AlertTraffic, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f, ok := v.found[key]
	return f.traffic, ok && now.Sub(f.at) < involvedFor
}

func (v *involved) put(key involvedKey, f foundTraffic) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.found == nil || len(v.found) >= involvedKept {
		v.found = map[involvedKey]foundTraffic{}
	}
	v.found[key] = f
}

// involved tells what whom an alert is about had to do with whom; nil when flows tell nothing of it.
func (d *Desk) involved(ctx context.Context, caller viewer, a *alert.Alert) *api.AlertTraffic {
	if !d.parts.Rules.Loaded() && d.parts.Rules.Load(ctx) != nil {
		return nil // what the rule selects is not known
	}
	rule, where, ok := d.flowsOf(a)
	if !ok {
		return nil
	}
	key := involvedKey{a.ID, a.Change, caller.bounds.String()}
	now := time.Now()
	if found, ok := d.involvedLately.get(key, now); ok {
		return found
	}
	ctx, cancel := context.WithTimeout(ctx, involvedTime)
	defer cancel()
	t := &api.AlertTraffic{Since: a.First.Add(-a.Window).UTC(), Until: a.Last.Add(1).UTC(), Rank: rankOf(rule)}
	if t.Until.Sub(t.Since) > involvedSpan {
		t.Since = t.Until.Add(-involvedSpan)
	}
	t.Cut = d.lookUp(ctx, t, a, traffic.Selection{Within: caller.bounds.Bound(nil), Where: where}) != nil
	if t.Total == 0 && !t.Cut {
		t = nil
	}
	d.involvedLately.put(key, foundTraffic{now, t})
	return t
}

// lookUp asks the three questions.
func (d *Desk) lookUp(ctx context.Context, t *api.AlertTraffic, a *alert.Alert, which traffic.Selection) error {
	sessions, err := traffic.Sessions(ctx, d.parts.History, api.SessionRequest{Since: t.Since, Until: t.Until, Limit: api.MaxInvolved, Order: "bytes"}, which)
	if err != nil {
		return err
	}
	d.showSessions(&sessions)
	if t.Sessions, t.Total = sessions.Rows, sessions.Sessions; t.Total == 0 {
		return nil
	}
	rank := func(by string) ([]api.TrafficRow, error) {
		q := api.TrafficRequest{By: by, Rank: t.Rank, Since: t.Since, Until: t.Until, Limit: api.MaxInvolved + 1, Exact: true}
		answer, err := traffic.Top(ctx, d.parts.History, q, which)
		d.showTraffic(&answer)
		return answer.Rows, err
	}
	hosts := addressesOf(a)
	by := "host"
	if len(hosts) == 0 {
		by = "client"
	}
	if len(hosts) < 2 {
		if t.Peers, err = rank(by); err != nil {
			return err
		}
		t.Peers = slices.DeleteFunc(t.Peers, func(r api.TrafficRow) bool {
			return len(hosts) == 1 && r.Values[0] == hosts[0].String()
		})
		t.Peers = t.Peers[:min(len(t.Peers), api.MaxInvolved)]
	}
	if portOf(a) == "" {
		t.Ports, err = rank("port")
		t.Ports = t.Ports[:min(len(t.Ports), api.MaxInvolved)]
	}
	return err
}

// flowsOf returns the filter of the flows that an alert is about, and its rule when it is there and looks at flows; false when
// it is about nothing that flows have.
func (d *Desk) flowsOf(a *alert.Alert) (r *rule.Rule, where *filter.Expr, ok bool) {
	for _, e := range d.parts.Rules.all() {
		if e.kept.ID == a.Rule && e.rule.From.Has(event.Flow) && e.rule.Config != nil {
			r = &e.rule
		}
	}
	var parts []string
	for _, ip := range addressesOf(a) {
		parts = append(parts, "related.ip == "+strconv.Quote(ip.String()))
	}
	if port := portOf(a); port != "" {
		parts = append(parts, fmt.Sprintf(`(flow.role == "server" && source.port == %[1]s || flow.role != "server" && destination.port == %[1]s)`, port))
	}
	for _, p := range a.Entity {
		if strings.HasSuffix(p.Field, "country") || strings.HasSuffix(p.Field, "country_iso_code") {
			parts = append(parts, fmt.Sprintf(`(source.geo.country_iso_code == %[1]q || destination.geo.country_iso_code == %[1]q)`, p.Value))
		}
	}
	if len(parts) == 0 && r == nil {
		return nil, nil, false
	}
	if len(parts) > 0 {
		var err error
		if where, err = filter.Parse(strings.Join(parts, " && ")); err != nil {
			return nil, nil, false // a value that no filter can name
		}
	}
	if r != nil && r.Where != nil {
		if where == nil {
			return r, d.found(r.Where), true
		}
		where = filter.And(where, d.found(r.Where))
	}
	return r, where, true
}

// portOf returns the port that an alert is about; "" for none.
func portOf(a *alert.Alert) string {
	for _, p := range a.Entity {
		if _, err := strconv.ParseUint(p.Value, 10, 16); err == nil && (p.Field == "flow.port" || p.Field == "flow.target.port" || p.Field == "destination.port") {
			return p.Value
		}
	}
	return ""
}

// rankOf returns what comes nearest to what a rule measures.
func rankOf(r *rule.Rule) string {
	if r == nil {
		return "bytes"
	}
	fields, _ := r.Config.Reads()
	for _, id := range fields {
		f, ok := event.FieldByID(id)
		switch {
		case ok && strings.HasSuffix(f.Name, ".bytes"):
			return "bytes"
		case ok && strings.HasSuffix(f.Name, ".packets"):
			return "packets"
		}
	}
	return "sessions"
}
