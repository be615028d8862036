package desk

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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

// involved tells with whom those that an alert is about had to do; nil when flows tell nothing of it.
func (d *Desk) involved(ctx context.Context, caller viewer, a *alert.Alert) *api.AlertTraffic {
	if !d.parts.Rules.Loaded() && d.parts.Rules.Load(ctx) != nil {
		return nil // what the rule selects is not known
	}
	rule, where, ok := d.flowsOf(a)
	if !ok {
		return nil
	}
	key, now := seenBy(caller, a), time.Now()
	if found, ok := d.traffics.get(key, now); ok {
		return found
	}
	within, cancel := context.WithTimeout(ctx, involvedTime)
	defer cancel()
	t := &api.AlertTraffic{Since: a.First.Add(-a.Window).UTC(), Until: a.Last.Add(1).UTC(), Rank: rankOf(rule)}
	if t.Until.Sub(t.Since) > involvedSpan {
		t.Since = t.Until.Add(-involvedSpan)
	}
	t.Cut = d.lookUp(within, t, a, traffic.Selection{Within: caller.bounds.Bound(nil), Where: where}) != nil
	if t.Total == 0 && !t.Cut {
		t = nil
	}
	if ctx.Err() == nil { // else it was cut short for who went away alone
		d.traffics.put(key, now, t)
	}
	return t
}

// lookUp asks the three questions.
func (d *Desk) lookUp(ctx context.Context, t *api.AlertTraffic, a *alert.Alert, which traffic.Selection) error {
	leave, err := d.rankings.enter(ctx, "look flows up")
	if err != nil {
		return err
	}
	defer leave()
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
	for _, p := range a.Entity {
		part := endWith(p)
		if part == "" && r != nil { // of a line of a log flows know the ends alone
			part = valueWith(p)
		}
		switch {
		case part != "":
			parts = append(parts, part)
		case r != nil:
			return nil, nil, false // it would be the traffic of others as well
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

// endWith returns the filter of the flows at one of whose ends stands what a pair of an entity names: an address, the port of a
// server, a country, a system, a group or an interface; "" when it names none of these.
func endWith(p alert.Pair) string {
	if ip, err := netip.ParseAddr(p.Value); err == nil && p.Field != "observer.ip" {
		return "related.ip == " + strconv.Quote(ip.Unmap().WithZone("").String())
	}
	f, ok := event.FieldByName(p.Field)
	if !ok {
		return ""
	}
	switch f.ID {
	case event.FlowPort, event.FlowTargetPort, event.DestinationPort:
		return fmt.Sprintf(`(flow.role == "server" && source.port == %[1]s || flow.role != "server" && destination.port == %[1]s)`, p.Value)
	case event.FlowCountry, event.SourceCountry, event.DestinationCountry:
		return "related.country == " + strconv.Quote(p.Value)
	case event.FlowASN, event.SourceASN, event.DestinationASN:
		return "related.as.number == " + p.Value
	case event.FlowGroup, event.SourceGroup, event.DestinationGroup:
		return "related.group == " + strconv.Quote(p.Value)
	case event.FlowInterface:
		return fmt.Sprintf("(flow.ingress == %[1]s || flow.egress == %[1]s)", p.Value)
	}
	return ""
}

// valueWith returns the filter of the flows that have a pair of an entity as it is; "" when filters do not know its field.
func valueWith(p alert.Pair) string {
	f, ok := event.FieldByName(p.Field)
	switch {
	case !ok || f.View:
		return ""
	case f.Type == event.String || f.Type == event.IP:
		return p.Field + " == " + strconv.Quote(p.Value)
	default:
		return p.Field + " == " + p.Value
	}
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
