package bookmark

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// A Flows is what an address of a page about flows asks for: of the ranking, or of the sessions.
type Flows struct {
	By, Rank, Side, Where string
	Since, Until          string // as the command line takes them
	Rows                  int
	Once                  bool
	Order                 string // of sessions: bytes or packets; empty is time
}

// Bounds of the rows that a page about flows shows, and how far back it looks unless asked.
const (
	FlowRows     = 10
	MostFlowRows = 100
	UsualSpan    = "15m"
)

// Bys are the choices of what is ranked.
func Bys() []Choice {
	return []Choice{{"host", "hosts"}, {"pair", "host pairs"}, {"port", "server ports"}, {"country", "countries"}, {"client", "clients"}, {"server", "servers"},
		{"asn", "autonomous systems"}, {"group", "traffic groups"}, {"protocol", "protocols"}, {"application", "applications"}, {"exporter", "exporters"}}
}

// Ranks are the choices of what it is ranked by.
func Ranks() []Choice {
	return []Choice{{"bytes", "bytes"}, {"packets", "packets"}, {"sessions", "sessions"}, {"hosts", "unique hosts"}, {"ports", "unique ports"}}
}

// Sides are the choices of the direction.
func Sides() []Choice {
	return []Choice{{"", "both ways"}, {"sent", "sent or initiated"}, {"received", "received or accepted"}}
}

// Spans are the usual choices of how far back.
func Spans() []Choice {
	return []Choice{{"15m", "15 minutes"}, {"30m", "30 minutes"}, {"1h", "hour"}, {"3h", "3 hours"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}
}

// Orders are the choices of how sessions are ordered.
func Orders() []Choice {
	return []Choice{{"", "newest first"}, {"bytes", "most bytes first"}, {"packets", "most packets first"}}
}

// ReadFlows reads what an address asks for; what is too long or no choice is the usual.
func ReadFlows(q url.Values) Flows {
	get := func(name, usual string, of []Choice) string {
		text := strings.TrimSpace(q.Get(name))
		if text == "" || len(text) > maxValue || of != nil && !slices.Contains(words(of), text) {
			return usual
		}
		return text
	}
	a := Flows{By: get("by", "host", Bys()), Rank: get("rank", "bytes", Ranks()), Side: get("side", "", Sides()), Order: get("order", "", Orders()),
		Where: get("where", "", nil), Since: get("since", UsualSpan, nil), Until: get("until", "", nil), Rows: FlowRows, Once: q.Get("once") != ""}
	if from, to, both := strings.Cut(a.Since, "/"); both && from != "" { // both ends in one word of a form, as ISO 8601 writes an interval
		a.Since, a.Until = from, to
	}
	if n, err := strconv.Atoi(q.Get("rows")); err == nil && n > 0 {
		a.Rows = min(n, MostFlowRows)
	}
	return a
}

// Address returns that of a page that asks for this, without what is usual. The order stands in that of sessions alone.
func (a *Flows) Address(path string) string {
	q := url.Values{}
	set := func(name, value, usual string) {
		if value != usual {
			q.Set(name, value)
		}
	}
	set("by", a.By, "host")
	set("rank", a.Rank, "bytes")
	set("side", a.Side, "")
	set("where", a.Where, "")
	set("since", a.Since, UsualSpan)
	set("until", a.Until, "")
	set("rows", strconv.Itoa(a.Rows), strconv.Itoa(FlowRows))
	if a.Once {
		q.Set("once", "yes")
	}
	if path == SessionsPage {
		set("order", a.Order, "")
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Times returns the range that is asked for. Without an end it is now.
func (a *Flows) Times(now time.Time) (since, until time.Time, err error) {
	if since, err = api.ParseTime(a.Since, now); err != nil {
		return since, until, fault.New(fault.Invalid, "%w", err)
	}
	until = now
	if a.Until != "" {
		if until, err = api.ParseTime(a.Until, now); err != nil {
			return since, until, fault.New(fault.Invalid, "%w", err)
		}
	}
	if !since.Before(until) {
		const form = "2006-01-02 15:04:05 UTC"
		return since, until, fault.New(fault.Invalid, "got a range from %s to %s, want the earlier time first", since.UTC().Format(form), until.UTC().Format(form))
	}
	return since, until, nil
}

// Ranking is the question to the service for who made the most traffic within a range of time. A line over time is not in it.
func (a *Flows) Ranking(since, until time.Time) api.TrafficRequest {
	return api.TrafficRequest{By: a.By, Rank: a.Rank, Side: a.Side, Where: a.Where, Since: since, Until: until, Limit: a.Rows, Once: a.Once}
}

// Sessions is the question to the service for so many sessions within a range of time.
func (a *Flows) Sessions(since, until time.Time, limit int) api.SessionRequest {
	return api.SessionRequest{Where: a.Where, Since: since, Until: until, Limit: limit, Order: a.Order, Once: a.Once}
}

// Into returns the address of the same question about one row alone: who talks to a host, which ports a pair uses; "" where none can be asked.
func (a *Flows) Into(values []string) string {
	if slices.Contains(values, "") {
		return ""
	}
	var where string
	next := *a
	switch a.By {
	case "host", "client", "server":
		next.By, where = "pair", fmt.Sprintf("related.ip == %q", values[0])
	case "pair":
		next.By = "port"
		where = fmt.Sprintf("(source.ip == %q and destination.ip == %q or source.ip == %q and destination.ip == %q)", values[0], values[1], values[1], values[0])
	case "port":
		next.By, where = "host", "related.port == "+values[0]
	case "country":
		next.By, where = "host", fmt.Sprintf("related.country == %q", values[0])
	case "asn":
		next.By, where = "host", "related.as.number == "+values[0]
	case "group":
		next.By, where = "host", fmt.Sprintf("related.group == %q", values[0])
	case "protocol":
		next.By, where = "port", fmt.Sprintf("network.transport == %q", values[0])
	case "application":
		next.By, where = "host", fmt.Sprintf("network.application == %q", values[0])
	case "exporter":
		if _, err := netip.ParseAddr(values[0]); err != nil {
			return ""
		}
		next.By, where = "host", fmt.Sprintf("observer.ip == %q", values[0])
	default:
		return ""
	}
	if a.Where != "" {
		if filter.IsFlowTraq(a.Where) {
			return "" // the two spellings do not mix
		}
		where = "(" + a.Where + ") and " + where
	}
	next.Where = where
	return next.Address(RankingPage)
}
