package web

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// network answers about flows.
type network struct {
	ranked    api.TrafficRequest
	listed    api.SessionRequest
	exporters []api.Exporter
	ports     api.Interfaces
	portsOf   api.InterfaceRequest
	quiet     bool
}

func (s *told) Traffic(_ context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranked = q
	a := api.TrafficAnswer{By: []string{"flow.host"}, Rank: q.Rank, Bucket: q.Bucket, Start: q.Since, Others: 1234, Sessions: 5678, Packets: 99999, Bytes: 7 << 30, Estimate: true}
	if strings.Contains(q.Where, "nonsense") {
		return a, fault.New(fault.Invalid, "filter: no field %q", q.Where)
	}
	if s.quiet {
		return api.TrafficAnswer{}, s.err
	}
	if q.By == "country" {
		a.Others, a.Rows = 0, []api.TrafficRow{{Values: []string{""}, Value: 7}}
		return a, s.err
	}
	names := []string{"192.0.2.7", "2001:db8::17", evil, ""}
	for i := range 11 {
		row := api.TrafficRow{Values: []string{fmt.Sprintf("10.0.0.%d", i)}, SentBytes: uint64(1) << (40 - i), ReceivedBytes: 77, Initiated: 12345, Value: float64(uint64(1) << (40 - i))}
		if i < len(names) {
			row.Values[0] = names[i]
		}
		if q.By == "pair" {
			row.Values = append(row.Values, "198.51.100.1")
		}
		for at := q.Since; at.Before(q.Until); at = at.Add(q.Bucket) {
			row.Line = append(row.Line, float64((at.Unix()/7+int64(i))%50)*1e6)
		}
		a.Rows = append(a.Rows, row)
	}
	return a, s.err
}

func (s *told) FlowSessions(_ context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = q
	if s.quiet {
		return api.SessionAnswer{}, s.err
	}
	begin := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	end := func(ip string, port int) api.SessionEnd {
		return api.SessionEnd{IP: netip.MustParseAddr(ip), Port: port, Bytes: 123456, Packets: 78, Country: evil}
	}
	return api.SessionAnswer{Sessions: 2, Bytes: 5000, Packets: 50, Rows: []api.TrafficSession{
		{ID: 1, Start: begin, End: begin.Add(90 * time.Second), Client: end("::ffff:10.0.0.1", 40000), Server: end("2001:db8::2", 22), Protocol: 6, Transport: "tcp", App: evil},
		{ID: 2, Start: begin, End: begin, Client: end("10.0.0.3", -1), Server: api.SessionEnd{Port: -1}, Protocol: 253},
	}}, s.err
}

func (s *told) Exporters(context.Context) ([]api.Exporter, error) { return s.network.exporters, s.err }

func (s *told) Interfaces(_ context.Context, q api.InterfaceRequest) (api.Interfaces, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.portsOf = q
	if q.Exporter == "192.0.2.99" {
		return api.Interfaces{}, fault.New(fault.NotFound, "exporter %q: it was not heard", q.Exporter)
	}
	return s.ports, s.err
}

func TestTrafficPage(t *testing.T) {
	s := scene()
	id := api.Identity{User: "alice"}
	text := page(t, s, "/flows?by=pair&rank=packets&side=received&since=3h&where="+url.QueryEscape(`destination.port == 22`)+"&rows=11&once=yes", id)
	if q := s.ranked; q.By != "pair" || q.Rank != "packets" || q.Side != "received" || q.Where != "destination.port == 22" || q.Limit != 11 || !q.Once ||
		q.Until.Sub(q.Since) != 3*time.Hour || q.Bucket != 5*time.Minute {
		t.Errorf("asked for %+v", q)
	}
	page(t, s, "/flows?since=20000d", id)
	if q := s.ranked; q.Until.Sub(q.Since) > 60*q.Bucket { // history refuses a line of too many steps
		t.Errorf("of 20,000 days steps of %v are asked for", q.Bucket)
	}
	const hint = "enrich.databases"
	holds(t, "the page of countries that nothing tells of", page(t, s, "/flows?by=country", id), "unknown", hint)
	if strings.Contains(text, hint) {
		t.Error("databases are asked for that nobody needs")
	}
	holds(t, "the page", text, "192.0.2.7 ↔ 198.51.100.1", "1.0 TiB", "1\u2009234 more host pairs", "some numbers are estimates", `class="s7"`, "unknown ↔")
}

// Who came to a range of times and chooses a length of time gets that, and not one that ends with the range.
func TestTrafficRange(t *testing.T) {
	s := scene()
	id := api.Identity{User: "alice"}
	text := page(t, s, "/flows?since=2026-03-04T05:00:00Z&until=2026-03-04T06:00:00Z", id)
	const both = "2026-03-04T05:00:00Z/2026-03-04T06:00:00Z"
	holds(t, "the form", text, `<option selected value="`+both+`">2026-03-04T05:00:00Z to 2026-03-04T06:00:00Z</option>`)
	if strings.Contains(text, `name="until"`) {
		t.Error("the end of the range stays when another beginning is chosen")
	}
	page(t, s, "/flows?since="+both, id)
	if q := s.ranked; !q.Since.Equal(time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)) || q.Until.Sub(q.Since) != time.Hour {
		t.Errorf("the form asks for %v to %v", q.Since, q.Until)
	}
	for path, want := range map[string]string{"/flows?since=5d": `<option selected value="5d">5d</option>`, "/flows/sessions?since=1h": `<option value="1h" selected>`,
		"/flows/sessions?since=1h&until=10m": `<option selected value="1h/10m">1h to 10m</option>`} {
		holds(t, path, page(t, s, path, id), want)
	}
}

// A row leads to what makes it up, with the filter of now kept.
func TestTrafficInto(t *testing.T) {
	ask := bookmark.ReadFlows(url.Values{"by": {"host"}, "where": {"destination.port == 22"}, "since": {"1h"}})
	u, err := url.Parse(ask.Into([]string{"192.0.2.7"}))
	if err != nil {
		t.Fatal(err)
	}
	next := bookmark.ReadFlows(u.Query())
	if next.By != "pair" || next.Where != `(destination.port == 22) and related.ip == "192.0.2.7"` || next.Since != "1h" {
		t.Errorf("leads to %+v", next)
	}
	for _, where := range []string{"flowtraq: SRVPORT==22", " FlowTraq:SRVPORT==22"} {
		ask.Where = where
		if got := ask.Into([]string{"192.0.2.7"}); got != "" {
			t.Errorf("FlowTraq's filter %q is mixed with ours: %s", where, got)
		}
	}
	if got := ask.Into([]string{""}); got != "" {
		t.Errorf("what is unknown leads to %s", got)
	}
}

func TestTrafficRefusals(t *testing.T) {
	s := scene()
	for _, test := range []struct {
		path string
		code int
		want string
	}{
		{"/flows?where=nonsense", 422, "no field"},
		{"/flows?since=never", 422, "never"},
		{"/flows?since=1h&until=2h", 422, "earlier time first"},
		{"/flows/sessions?since=x", 422, "x"},
	} {
		w := record(t, s, test.path, api.Identity{User: "alice"})
		if w.Code != test.code || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("GET %s = %d, want %d with %q", test.path, w.Code, test.code, test.want)
		}
	}
	s.quiet = true
	if text := page(t, s, "/flows", api.Identity{User: "alice"}); !strings.Contains(text, "No flows in this time") {
		t.Error("an empty ranking does not say so")
	}
}

func TestSessionPage(t *testing.T) {
	s := scene()
	text := page(t, s, "/flows/sessions?order=bytes&since=30m", api.Identity{User: "alice"})
	if s.listed.Order != "bytes" || s.listed.Limit != sessionRows {
		t.Errorf("asked for %+v", s.listed)
	}
	holds(t, "the page", text, "10.0.0.1:40000", "[2001:db8::2]:22", "1m30s", "unknown", "253", "2 of 2 sessions")
}

func TestFlowsInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			s.network.exporters = []api.Exporter{
				{Address: "192.0.2.1", Source: "netflow", Protocols: []string{"netflow9", "ipfix"}, Flows: 123456, Rate: 17.25, Lost: 3, Templates: 5, Sampling: 100, Skew: -800 * time.Millisecond, Last: time.Now(), Problems: map[string]int64{"no-template": 4}},
				{Address: "192.0.2.2", Source: evil, Silent: true, Last: time.Now().Add(-time.Hour)},
			}
			b := tab(t, s, screen, "/flows")
			b.Shows(".traffic", "192.0.2.7")
			b.Looks("flows-" + name)
			b.Choose(`select[name=rank]`, "sessions")
			b.Type(`input[name=where]`, "destination.port == 22")
			b.Click(`.filter button.main`)
			b.Shows(".chart figcaption", "sessions a second")
			b.Click(`.traffic tbody a`)
			b.Until(`new URLSearchParams(location.search).get("where") === '(destination.port == 22) and related.ip == "192.0.2.7"'`)
			b.Click(`.views a`)
			b.Shows(".traffic", "10.0.0.1:40000")
			b.Looks("sessions-" + name)
			b.Go("/flows/exporters")
			b.Shows(".traffic", "192.0.2.1")
			b.Looks("exporters-" + name)
			s.mu.Lock()
			s.ports = ports()
			s.mu.Unlock()
			b.Go("/flows/exporters?of=192.0.2.1")
			b.Shows("#interfaces .traffic", "uplink")
			b.Looks("interfaces-" + name)
		})
	}
}

// TestExportersAreForAdministrators: nobody is led to a page that he is not shown.
func TestExportersAreForAdministrators(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		s := scene()
		s.quiet = quiet
		for _, at := range []string{"/flows", "/flows/sessions"} {
			for _, who := range []api.Identity{alice, {User: "bob"}} {
				if leads := strings.Contains(page(t, s, at, who), `href="/flows/exporters"`); leads != who.Admin {
					t.Errorf("%s for %+v, quiet %v: leads to the exporters: %v", at, who, quiet, leads)
				}
			}
		}
	}
}
