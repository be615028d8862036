package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/traq"
)

// sessionRows bounds the sessions that a page shows.
const sessionRows = 100

// A trafficPage ranks what made the most traffic.
type trafficPage struct {
	frame

	Ask      bookmark.Flows
	Answer   api.TrafficAnswer
	Rows     []trafficRow
	Chart    *chart // nil when there is nothing to draw
	Problem  string
	From, To time.Time

	Bys, Ranks, Sides, Spans []bookmark.Choice
	Sessions                 string // address of the sessions of the same question
	Define                   string // address of the form that makes an alert of it
	View                     string // address that is kept
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
	p := trafficPage{frame: s.frame(r, "Flows", "/flows"), Ask: bookmark.ReadFlows(r.URL.Query()),
		Bys: bookmark.Bys(), Ranks: bookmark.Ranks(), Sides: bookmark.Sides(), Spans: bookmark.Spans()}
	p.Sessions, p.Define = p.Ask.Address("/flows/sessions"), defineAddress(p.Ask)
	p.View = p.Ask.Address(bookmark.RankingPage)
	p.Entity = name(p.Bys, p.Ask.By)
	code := http.StatusOK
	if err := s.fillTraffic(r, &p); err != nil {
		p.Problem = s.explain(r, err)
		code = status(err)
	}
	s.show(w, code, "flows.html", &p)
}

// Unplaced reports whether addresses are ranked by what databases tell of them, and none was told of any.
func (p *trafficPage) Unplaced() bool {
	return (p.Ask.By == "country" || p.Ask.By == "asn") && len(p.Rows) == 1 && p.Rows[0].Into == "" && p.Answer.Others == 0
}

// name returns the text of a choice.
func name(of []bookmark.Choice, word string) string {
	for _, c := range of {
		if c.Word == word {
			return c.Text
		}
	}
	return word
}

func (s *site) fillTraffic(r *http.Request, p *trafficPage) (err error) {
	if p.From, p.To, err = p.Ask.Times(p.Now); err != nil {
		return err
	}
	q := p.Ask.Ranking(p.From, p.To)
	q.Bucket = traq.Step(p.To.Sub(p.From))
	if p.Answer, err = s.Service.Traffic(r.Context(), q); err != nil {
		return err
	}
	for i, row := range p.Answer.Rows {
		p.Rows = append(p.Rows, trafficRow{TrafficRow: row, Name: entityName(row.Values, row.Names), Into: p.Ask.Into(row.Values), Place: i, Shown: measured(p.Ask.Rank, row.Value)})
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

// A sessionPage lists sessions.
type sessionPage struct {
	frame

	Ask     bookmark.Flows
	Answer  api.SessionAnswer
	Problem string
	Spans   []bookmark.Choice
	Orders  []bookmark.Choice
	Ranking string // address of the ranking of the same question
	View    string // address that is kept
}

func (s *site) trafficSessions(w http.ResponseWriter, r *http.Request) {
	p := sessionPage{frame: s.frame(r, "Sessions", "/flows"), Ask: bookmark.ReadFlows(r.URL.Query()), Spans: bookmark.Spans(),
		Orders: bookmark.Orders()}
	p.Ranking, p.View = p.Ask.Address(bookmark.RankingPage), p.Ask.Address(bookmark.SessionsPage)
	code := http.StatusOK
	since, until, err := p.Ask.Times(p.Now)
	if err == nil {
		p.Answer, err = s.Service.FlowSessions(r.Context(), p.Ask.Sessions(since, until, sessionRows))
	}
	if err != nil {
		p.Problem, code = s.explain(r, err), status(err)
	}
	s.show(w, code, "sessions.html", p)
}

// An exporterPage lists who sends flows.
type exporterPage struct {
	frame

	Exporters  []api.Exporter
	Interfaces *interfaceList // of the one that is asked for; nil is none
	Problem    string
}

// InterfacesOf is where the interfaces of an exporter are shown.
func (exporterPage) InterfacesOf(exporter string) string { return interfacesAddress(exporter) }

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
	if of := r.URL.Query().Get("of"); of != "" && err == nil {
		answer, err := s.Service.Interfaces(r.Context(), api.InterfaceRequest{Exporter: of, Limit: interfaceRows})
		if err != nil {
			p.Problem, code = s.explain(r, err), status(err)
		} else {
			p.Interfaces = newInterfaceList(of, &answer)
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
