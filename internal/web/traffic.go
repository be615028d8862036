package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A trafficAsk is what the address of a page about flows asks for. The whole question stands there, so that a view can be kept
// as a bookmark or handed on.
type trafficAsk struct {
	By, Rank, Side, Where string
	Since, Until          string // as the command line takes them
	Rows                  int
	Once                  bool
}

// Bounds of the rows that a page about flows shows.
const (
	trafficRows     = 10
	mostTrafficRows = 100
	sessionRows     = 100
	usualSpan       = "15m"
)

// Choices of the form.
func trafficBys() []choice {
	return []choice{{"host", "hosts"}, {"pair", "host pairs"}, {"port", "server ports"}, {"country", "countries"}, {"client", "clients"}, {"server", "servers"},
		{"asn", "autonomous systems"}, {"group", "traffic groups"}, {"protocol", "protocols"}, {"application", "applications"}, {"exporter", "exporters"}}
}

func trafficRanks() []choice {
	return []choice{{"bytes", "bytes"}, {"packets", "packets"}, {"sessions", "sessions"}, {"hosts", "unique hosts"}, {"ports", "unique ports"}}
}

func trafficSides() []choice {
	return []choice{{"", "both ways"}, {"sent", "sent or initiated"}, {"received", "received or accepted"}}
}

func trafficSpans() []choice {
	return []choice{{"15m", "15 minutes"}, {"30m", "30 minutes"}, {"1h", "hour"}, {"3h", "3 hours"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}
}

// readTraffic reads what is asked from an address; what is too long or no choice is the usual.
func readTraffic(q url.Values) trafficAsk {
	get := func(name, usual string, of []choice) string {
		text := strings.TrimSpace(q.Get(name))
		if text == "" || len(text) > maxFilter || of != nil && !slices.ContainsFunc(of, func(c choice) bool { return c.Word == text }) {
			return usual
		}
		return text
	}
	a := trafficAsk{By: get("by", "host", trafficBys()), Rank: get("rank", "bytes", trafficRanks()), Side: get("side", "", trafficSides()),
		Where: get("where", "", nil), Since: get("since", usualSpan, nil), Until: get("until", "", nil), Rows: trafficRows, Once: q.Get("once") != ""}
	if n, err := strconv.Atoi(q.Get("rows")); err == nil && n > 0 {
		a.Rows = min(n, mostTrafficRows)
	}
	return a
}

// address returns that of a page with this question, without what is usual.
func (a *trafficAsk) address(path string) string {
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
	set("since", a.Since, usualSpan)
	set("until", a.Until, "")
	set("rows", strconv.Itoa(a.Rows), strconv.Itoa(trafficRows))
	if a.Once {
		q.Set("once", "yes")
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// times returns the range that is asked for. Without an end it is now.
func (a *trafficAsk) times(now time.Time) (since, until time.Time, err error) {
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
		return since, until, fault.New(fault.Invalid, "got a range from %s to %s, want the earlier time first", clock(since), clock(until))
	}
	return since, until, nil
}

// A trafficPage ranks what made the most traffic.
type trafficPage struct {
	frame

	Ask      trafficAsk
	Answer   api.TrafficAnswer
	Rows     []trafficRow
	Chart    *chart // nil when there is nothing to draw
	Problem  string
	From, To time.Time

	Bys, Ranks, Sides, Spans []choice
	Sessions                 string // address of the sessions of the same question
	Define                   string // address of the form that makes an alert of it
	Entity                   string // head of the first column
}

// A trafficRow is one entity of the ranking.
type trafficRow struct {
	api.TrafficRow

	Name  string
	Into  string // the same question about this entity alone; "" where none can be asked
	Place int    // in the chart, from 0; behind the last of it for those that are not drawn
	Shown string // what it is ranked by, as people read it
}

func (s *site) traffic(w http.ResponseWriter, r *http.Request) {
	p := trafficPage{frame: s.frame(r, "Flows", "/flows"), Ask: readTraffic(r.URL.Query()),
		Bys: trafficBys(), Ranks: trafficRanks(), Sides: trafficSides(), Spans: trafficSpans()}
	p.Sessions, p.Define = p.Ask.address("/flows/sessions"), p.Ask.defineAddress()
	p.Entity = name(p.Bys, p.Ask.By)
	code := http.StatusOK
	if err := s.fillTraffic(r, &p); err != nil {
		p.Problem = s.explain(r, err)
		code = status(err)
	}
	s.show(w, code, "flows.html", p)
}

// name returns the text of a choice.
func name(of []choice, word string) string {
	for _, c := range of {
		if c.Word == word {
			return c.Text
		}
	}
	return word
}

func (s *site) fillTraffic(r *http.Request, p *trafficPage) (err error) {
	if p.From, p.To, err = p.Ask.times(p.Now); err != nil {
		return err
	}
	q := api.TrafficRequest{By: p.Ask.By, Rank: p.Ask.Rank, Side: p.Ask.Side, Where: p.Ask.Where, Since: p.From, Until: p.To, Limit: p.Ask.Rows, Once: p.Ask.Once,
		Bucket: step(p.To.Sub(p.From))}
	if p.Answer, err = s.Service.Traffic(r.Context(), q); err != nil {
		return err
	}
	for i, row := range p.Answer.Rows {
		p.Rows = append(p.Rows, trafficRow{TrafficRow: row, Name: entityName(row.Values, row.Names), Into: p.Ask.into(row.Values), Place: i, Shown: measured(p.Ask.Rank, row.Value)})
	}
	p.Chart = newChart(&p.Answer, p.Rows, p.Ask.Rank, p.To)
	return nil
}

// entityName writes the values of a row, with names where there are any.
func entityName(values, names []string) string {
	shown := slices.Clone(values)
	for i := range shown {
		shown[i] = cmp.Or(shown[i], "unknown")
		if i < len(names) {
			shown[i] = alert.Called(names[i], shown[i])
		}
	}
	return strings.Join(shown, " ↔ ")
}

// measured writes a number of what is ranked.
func measured(rank string, v float64) string {
	if rank == "bytes" {
		return size(int64(min(v, 1<<62)))
	}
	return count(v)
}

// step is the length of a step of the lines over time, so that there are some sixty of them.
func step(d time.Duration) time.Duration {
	for _, s := range []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if d/s <= 72 {
			return s
		}
	}
	return 24 * time.Hour
}

// into returns the address of the same question about one row alone: who talks to a host, which ports a pair uses.
func (a *trafficAsk) into(values []string) string {
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
		if strings.HasPrefix(strings.TrimSpace(a.Where), "flowtraq:") {
			return "" // the two spellings do not mix
		}
		where = "(" + a.Where + ") and " + where
	}
	next.Where = where
	return next.address("/flows")
}

// A sessionPage lists sessions.
type sessionPage struct {
	frame

	Ask     trafficAsk
	Order   string
	Answer  api.SessionAnswer
	Problem string
	Spans   []choice
	Orders  []choice
	Ranking string // address of the ranking of the same question
}

func (s *site) trafficSessions(w http.ResponseWriter, r *http.Request) {
	p := sessionPage{frame: s.frame(r, "Sessions", "/flows"), Ask: readTraffic(r.URL.Query()), Spans: trafficSpans(),
		Orders: []choice{{"", "newest first"}, {"bytes", "most bytes first"}, {"packets", "most packets first"}}}
	if order := r.URL.Query().Get("order"); name(p.Orders, order) != order {
		p.Order = order
	}
	p.Ranking = p.Ask.address("/flows")
	code := http.StatusOK
	since, until, err := p.Ask.times(p.Now)
	if err == nil {
		p.Answer, err = s.Service.FlowSessions(r.Context(), api.SessionRequest{Where: p.Ask.Where, Since: since, Until: until, Limit: sessionRows, Order: p.Order, Once: p.Ask.Once})
	}
	if err != nil {
		p.Problem, code = s.explain(r, err), status(err)
	}
	s.show(w, code, "sessions.html", p)
}

// An exporterPage lists who sends flows.
type exporterPage struct {
	frame

	Exporters []api.Exporter
	Problem   string
}

func (s *site) exporters(w http.ResponseWriter, r *http.Request) {
	p := exporterPage{frame: s.frame(r, "Exporters", "/flows")}
	p.Live = true
	code := http.StatusOK
	var err error
	if p.Exporters, err = s.Service.Exporters(r.Context()); err != nil {
		p.Problem, code = s.explain(r, err), status(err)
		if errors.Is(err, fault.Denied) {
			p.Live = false
		}
	}
	s.show(w, code, "exporters.html", p)
}

// octets writes a number of bytes.
func octets(n uint64) string { return size(int64(min(n, 1<<62))) }

// lasted writes how long a session lasted.
func lasted(s api.TrafficSession) string { return span(s.End.Sub(s.Start).Round(time.Millisecond)) }

// port writes a port, or that there is none.
func port(n int) string {
	if n < 0 {
		return ""
	}
	return ":" + strconv.Itoa(n)
}

// at writes an address with its port as RFC 3986 does.
func at(e api.SessionEnd) string {
	if !e.IP.IsValid() {
		return "unknown" + port(e.Port)
	}
	if e.Port >= 0 && e.IP.Is6() && !e.IP.Is4In6() {
		return "[" + e.IP.String() + "]" + port(e.Port)
	}
	return e.IP.Unmap().String() + port(e.Port)
}
