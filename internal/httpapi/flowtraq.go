package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/chart"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
	"tocsin/internal/traq"
)

// FlowTraq's JSON API, version 1, as the appendix of its manual of 2013 describes it: a token for a name and password, then
// rankings and sessions for the token. docs/flowtraq.md says what differs.

// flowtraqToken is the parameter in which a token stands. As addresses stand in the logs of proxies, a token of this API is
// good for a short while and for looking alone.
const (
	flowtraqToken = "auth_token"
	flowtraqLife  = time.Hour
)

// Bounds of answers.
const (
	flowtraqRows    = 10
	maxFlowtraqRows = 10_000
	maxFlowtraqForm = 8 << 10 // bytes
)

// Questions and answers of that API.
type (
	flowtraqAuth struct {
		Server   flowtraqLoose `json:"server,omitempty"` // of FlowTraq; here who is asked is the server, whatever stands there
		Port     flowtraqLoose `json:"port,omitempty"`   // the same
		Username string        `json:"username"`
		Password string        `json:"password"`
	}
	flowtraqAuthAnswer struct {
		Token string `json:"auth_token"`
	}
	flowtraqQuery struct {
		Server     string `json:"server,omitempty"`
		Port       string `json:"port,omitempty"`
		AuthToken  string `json:"auth_token,omitempty"`
		BeforeTime string `json:"before_time,omitempty"` // MM/DD/YY hh:mm:ss.microsec
		AfterTime  string `json:"after_time,omitempty"`  // MM/DD/YY hh:mm:ss.microsec
		TimeRange  string `json:"time_range,omitempty"`  // as -15m, which is the default
		Query      string `json:"query,omitempty"`       // FlowTraq's filter
		Rows       int    `json:"rows,omitempty"`        // 0 is 10
		GroupBy    string `json:"group_by,omitempty"`    // empty is IP; of rankings alone
		CountBy    string `json:"count_by,omitempty"`    // empty is BYTES; of rankings alone
		Direction  string `json:"direction,omitempty"`   // snd, rcv or both; empty is snd of bytes and packets, else both; of rankings alone
	}
	flowtraqTable struct {
		Columns []string         `json:"columns"`
		Data    [][]flowtraqCell `json:"data"`
	}
	flowtraqSessions struct {
		Columns []string   `json:"columns"`
		Data    [][]string `json:"data"`
		Summary []string   `json:"summary"` // total sessions, packets and bytes
	}
)

// A flowtraqCell is a text or, of a line over time, several.
type flowtraqCell struct {
	text string
	line []string // not nil: this
}

// MarshalJSON writes a string or a list of strings.
func (c flowtraqCell) MarshalJSON() ([]byte, error) {
	if c.line != nil {
		return json.Marshal(c.line)
	}
	return json.Marshal(c.text)
}

// A flowtraqLoose is a text that may come as a number, or as anything else: nothing is made of it.
type flowtraqLoose string

// UnmarshalJSON takes whatever there is.
func (l *flowtraqLoose) UnmarshalJSON(text []byte) error {
	*l = flowtraqLoose(strings.Trim(string(text), `"`))
	return nil
}

// flowtraqRoutes are those of FlowTraq's JSON API: where its scripts look for them, and below tocsin's own.
func (s *Server) flowtraqRoutes() (list []route) {
	for _, base := range []string{"/flowtraq/api/v1", "/api/v1"} {
		list = append(list,
			route{method: "POST", path: base + "/auth", op: permission.LogIn, flowtraq: true, handle: s.flowtraqLogin, in: flowtraqAuth{}, out: flowtraqAuthAnswer{},
				doc: "FlowTraq's API: takes a name and password, as JSON or as a form, and gives a token that is good for an hour, for looking alone."},
			route{method: "GET", path: base + "/stat", op: permission.RankFlows, flowtraq: true, handle: s.flowtraqStat, in: flowtraqQuery{}, out: flowtraqTable{},
				doc: "FlowTraq's API: ranks traffic."},
			route{method: "GET", path: base + "/sessions", op: permission.ListSessions, flowtraq: true, handle: s.flowtraqSessions, in: flowtraqQuery{}, out: flowtraqSessions{},
				doc: "FlowTraq's API: lists sessions, those that began first first."},
		)
	}
	return list
}

// bearing returns a request with the token of its query as if it had been shown in the header. A lasting token is not taken
// from there: it would stand in logs for as long as it counts.
func bearing(r *http.Request) *http.Request {
	token := r.URL.Query().Get(flowtraqToken)
	if r.Header.Get("Authorization") != "" || token == "" {
		return r
	}
	if !strings.HasPrefix(token, sessionPrefix) {
		token = sessionPrefix // which is none
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// flowtraqLogin gives a token for a name and password.
func (s *Server) flowtraqLogin(w *response, r *http.Request) error {
	var q flowtraqAuth
	if r.URL.RawQuery != "" { // it would stand in logs
		return fault.New(fault.Invalid, "a name and password have no place in an address: want them in the body, as JSON or as a form")
	}
	if err := readFlowtraqAuth(w, r, &q); err != nil {
		return err
	}
	if q.Username == "" || q.Password == "" {
		return fault.New(fault.Invalid, "want username and password in the body, as JSON or as a form")
	}
	id, err := s.login(r, q.Username, q.Password)
	if err != nil {
		return err
	}
	s.audit.Did(came(r, id), permission.LogIn, subjectOf(id.User))
	id.Scopes = permission.FormatScopes([]permission.Scope{permission.Read})
	return w.answer(flowtraqAuthAnswer{Token: s.sessions.lend(id, time.Now(), flowtraqLife)})
}

func readFlowtraqAuth(w *response, r *http.Request, q *flowtraqAuth) error {
	kind, _, err := mime.ParseMediaType(cmp.Or(r.Header.Get("Content-Type"), "application/json"))
	switch {
	case err == nil && kind == "application/json":
		return decodeJSON(w, r, q)
	case err != nil || kind != form:
		return &refusal{status: http.StatusUnsupportedMediaType, kind: fault.Invalid, text: "content-type: want application/json or " + form}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFlowtraqForm)
	if err := w.control.SetReadDeadline(time.Now().Add(idle)); err == nil {
		defer func() { _ = w.control.SetReadDeadline(time.Time{}) }()
	}
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Invalid, "decode form: %w", err)
	}
	q.Username, q.Password = r.PostForm.Get("username"), r.PostForm.Get("password")
	return nil
}

// flowtraqStat ranks traffic.
func (s *Server) flowtraqStat(w *response, r *http.Request) error {
	q, err := readFlowtraq(r)
	if err != nil {
		return err
	}
	ask, err := q.ranking()
	if err != nil {
		return fault.New(fault.Invalid, "%w", err)
	}
	asked := ask.Request()
	if _, asked.Since, asked.Until, err = s.flowtraqRange(r.Context(), q); err != nil {
		return err
	}
	if asked.Where, err = (traq.Selection{Query: q.Query}).Where(); err != nil {
		return fault.New(fault.Invalid, "query: %w", err)
	}
	asked.Limit, asked.Bucket = q.Rows, traq.Step(asked.Until.Sub(asked.Since))
	answer, err := s.service.Traffic(r.Context(), asked)
	if err != nil {
		return err
	}
	return w.answer(flowtraqRanking(ask, answer))
}

// flowtraqRanking is a ranking as that API gives it: what is ranked, by what, its colour in the picture, the six numbers
// that every ranking has, and the line over time.
func flowtraqRanking(ask traq.Ranking, answer api.TrafficAnswer) (t flowtraqTable) {
	table := ask.Table(answer)
	front := len(ask.Entities()) + 1
	for i, c := range table.Columns {
		if i == front {
			t.Columns = append(t.Columns, "COLORS")
		}
		t.Columns = append(t.Columns, c.Name)
	}
	t.Columns = append(t.Columns, "TIME SERIES")
	for n, row := range table.Rows {
		var cells []flowtraqCell
		for i, text := range row {
			if i == front {
				cells = append(cells, flowtraqCell{text: chart.Hex(chart.Colour(n))})
			}
			cells = append(cells, flowtraqCell{text: text})
		}
		line := []string{}
		for _, v := range answer.Rows[n].Line {
			line = append(line, traq.Number(v))
		}
		t.Data = append(t.Data, append(cells, flowtraqCell{line: line}))
	}
	return t
}

// flowtraqSessions lists sessions.
func (s *Server) flowtraqSessions(w *response, r *http.Request) error {
	q, err := readFlowtraq(r)
	if err != nil {
		return err
	}
	if q.GroupBy != "" || q.CountBy != "" || q.Direction != "" {
		return fault.New(fault.Invalid, "group_by, count_by and direction are for stat, which ranks; sessions are in the order of their times")
	}
	zone, since, until, err := s.flowtraqRange(r.Context(), q)
	if err != nil {
		return err
	}
	where, err := (traq.Selection{Query: q.Query}).Where()
	if err != nil {
		return fault.New(fault.Invalid, "query: %w", err)
	}
	found, err := s.service.FlowSessions(r.Context(), api.SessionRequest{Where: where, Since: since, Until: until, Limit: q.Rows, Oldest: true})
	if err != nil {
		return err
	}
	table := traq.Sessions(found, zone)
	answer := flowtraqSessions{Data: table.Rows, Summary: table.Summary}
	for _, c := range table.Columns {
		answer.Columns = append(answer.Columns, c.Name)
	}
	return w.answer(answer)
}

// readFlowtraq reads what both questions have.
func readFlowtraq(r *http.Request) (q flowtraqQuery, err error) {
	if err := decodeQuery(r.URL.Query(), &q, time.Now()); err != nil {
		return q, err
	}
	if q.Rows = cmp.Or(q.Rows, flowtraqRows); q.Rows < 0 || q.Rows > maxFlowtraqRows {
		return q, fault.New(fault.Invalid, "rows %d: want 1 to %d", q.Rows, maxFlowtraqRows)
	}
	return q, nil
}

// ranking reads what is to be ranked.
func (q *flowtraqQuery) ranking() (ask traq.Ranking, err error) {
	if ask.By, err = traq.Entity(cmp.Or(q.GroupBy, "IP")); err != nil {
		return ask, fmt.Errorf("group_by %w", err)
	}
	if ask.Rank, err = traq.Rank(cmp.Or(q.CountBy, "BYTES")); err != nil {
		return ask, fmt.Errorf("count_by %w", err)
	}
	switch q.Direction {
	case "snd":
		ask.Side = "sent"
	case "rcv":
		ask.Side = "received"
	case "": // the manual's example says nothing, and is answered with bytes sent; but no port ever initiates a session
		if ask.Rank == "bytes" || ask.Rank == "packets" {
			ask.Side = "sent"
		}
	case "both":
	default:
		return ask, fault.New(fault.Invalid, "direction %.40q: want snd, rcv or both", q.Direction)
	}
	return ask, ask.Check()
}

// flowtraqRange is the range of time that is asked for, and the zone of its clock.
func (s *Server) flowtraqRange(ctx context.Context, q flowtraqQuery) (zone *time.Location, since, until time.Time, err error) {
	if q.AfterTime != "" && q.TimeRange != "" {
		return nil, since, until, fault.New(fault.Invalid, "want after_time or time_range, not both")
	}
	health, err := s.service.Health(ctx)
	if err != nil {
		return nil, since, until, err
	}
	zone = health.Location()
	if since, until, err = (traq.Range{Last: q.TimeRange, Earliest: q.AfterTime, Latest: q.BeforeTime}).Of(time.Now().In(zone), zone); err != nil {
		err = fault.New(fault.Invalid, "%w", err)
	}
	return zone, since, until, err
}
