package traffic

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/aggregate"
	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/flow"
	"tocsin/internal/metric"
)

// An entity is something that can be ranked.
type entity struct {
	name   string
	values []string        // names of the values of a row
	by     []event.FieldID // that tell them
	// sender and receiver tell them where nothing counts but what was sent, or received: one end need not be looked at then.
	sender, receiver []event.FieldID
	hosts, ports     event.FieldID // of which different values count as unique hosts and ports; 0: that says nothing of the entity
	filter           string        // field by which flows of one value are found; "": they are not looked for
}

// entities are what can be ranked, in the order of the documentation.
func entities() []entity {
	ids := func(list ...event.FieldID) []event.FieldID { return list }
	return []entity{
		{"host", []string{"host"}, ids(event.FlowHost), ids(event.SourceIP), ids(event.DestinationIP), event.FlowTarget, event.FlowTargetPort, "related.ip"},
		{"pair", []string{"lower", "higher"}, ids(event.FlowLower, event.FlowHigher), nil, nil, 0, event.FlowPort, "related.ip"},
		{"port", []string{"port"}, ids(event.FlowPort), nil, nil, event.FlowClient, 0, "related.port"},
		{"country", []string{"country"}, ids(event.FlowCountry), ids(event.SourceCountry), ids(event.DestinationCountry), event.FlowHost, event.FlowPort, "related.country"},
		{"client", []string{"client"}, ids(event.FlowClient), nil, nil, event.FlowServer, event.FlowPort, "related.ip"},
		{"server", []string{"server"}, ids(event.FlowServer), nil, nil, event.FlowClient, event.FlowPort, "related.ip"},
		{"asn", []string{"asn"}, ids(event.FlowASN), ids(event.SourceASN), ids(event.DestinationASN), event.FlowHost, event.FlowPort, "related.as.number"},
		{"group", []string{"group"}, ids(event.FlowGroup), ids(event.SourceGroup), ids(event.DestinationGroup), event.FlowHost, event.FlowPort, "related.group"},
		{"protocol", []string{"protocol"}, ids(event.NetworkIANA), nil, nil, event.FlowClient, event.FlowPort, "network.iana_number"},
		{"application", []string{"application"}, ids(event.NetworkApp), nil, nil, event.FlowClient, event.FlowPort, "network.application"},
		{"exporter", []string{"exporter"}, ids(event.ObserverIP), nil, nil, event.FlowClient, event.FlowPort, "observer.ip"},
		{"interface", []string{"exporter", "interface"}, ids(event.ObserverIP, event.FlowInterface), ids(event.ObserverIP, event.FlowEgress), ids(event.ObserverIP, event.FlowIngress), event.FlowHost, event.FlowPort, ""},
	}
}

// Entities lists what can be ranked.
func Entities() []string {
	var list []string
	for _, e := range entities() {
		list = append(list, e.name)
	}
	return list
}

// Ranks lists by what.
func Ranks() []string { return []string{"bytes", "packets", "sessions", "ports", "hosts"} }

// findEntity returns the entity of a name, or of the view that tells it.
func findEntity(name string) (entity, error) {
	for _, e := range entities() {
		if e.name == name {
			return e, nil
		}
	}
	return entity{}, fault.New(fault.Invalid, "rank %q: want one of %s%s", name, strings.Join(Entities(), ", "), nearest(name, Entities()))
}

func nearest(name string, list []string) string {
	if near := event.Nearest(name, list); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// A side is which half of what an entity does counts.
type side uint8

const (
	bothSides side = iota
	sending        // sent, initiated
	receiving      // received, accepted
)

func parseSide(name string) (side, error) {
	switch name {
	case "":
		return bothSides, nil
	case "sent", "initiated":
		return sending, nil
	case "received", "accepted":
		return receiving, nil
	default:
		return 0, fault.New(fault.Invalid, "side %q: want sent or received, of sessions also initiated or accepted; none is both", name)
	}
}

// measure returns the fields by which flows are grouped, and the metric.
func (e *entity) measure(rank string, s side) (by []event.FieldID, op metric.Op, of event.FieldID, err error) {
	pick := func(all, sent, received event.FieldID) event.FieldID { return []event.FieldID{all, sent, received}[s] }
	by, op = e.by, metric.Distinct
	switch rank {
	case "bytes":
		op, of = metric.Sum, pick(event.SourceBytes, event.FlowSentBytes, event.FlowReceivedBytes)
	case "packets":
		op, of = metric.Sum, pick(event.SourcePackets, event.FlowSentPackets, event.FlowReceivedPackets)
	case "sessions":
		of = pick(event.FlowID, event.FlowInitiated, event.FlowAccepted)
	case "ports", "hosts":
		of = map[string]event.FieldID{"ports": e.ports, "hosts": e.hosts}[rank]
		switch {
		case of == 0:
			return nil, 0, 0, fault.New(fault.Invalid, "rank %s by %s: that tells nothing of a %s", e.name, rank, e.name)
		case s != bothSides:
			return nil, 0, 0, fault.New(fault.Invalid, "rank by %s: there is no side to that", rank)
		}
	default:
		return nil, 0, 0, fault.New(fault.Invalid, "rank by %q: want one of %s%s", rank, strings.Join(Ranks(), ", "), nearest(rank, Ranks()))
	}
	return by, op, of, nil
}

// quick is measure for the first look, which only finds who is to be looked at: where one end alone matters, its own fields.
func (e *entity) quick(rank string, s side) (by []event.FieldID, op metric.Op, of event.FieldID, err error) {
	by, op, of, err = e.measure(rank, s)
	if err != nil || op != metric.Sum || s == bothSides || e.sender == nil {
		return by, op, of, err
	}
	of = event.SourceBytes
	if rank == "packets" {
		of = event.SourcePackets
	}
	if s == sending {
		return e.sender, op, of, nil
	}
	return e.receiver, op, of, nil
}

// people turns the values of a row into what people call them: protocols into their keywords.
func (e *entity) people(values []string) []string {
	if e.name == "protocol" {
		if n, err := strconv.ParseUint(values[0], 10, 8); err == nil {
			return []string{cmp.Or(flow.Transport(uint8(n)), values[0])}
		}
	}
	return values
}

// among returns a filter that selects, among others, all records of some rows; nil: all.
func (e *entity) among(rows []aggregate.Row) *filter.Expr {
	if e.filter == "" || len(rows) > maxAmong {
		return nil
	}
	var list []string
	typ := field(e.by[0]).Type
	for _, row := range rows {
		for i, v := range row.Values {
			if row.Missing[i] {
				return nil
			}
			if typ == event.String || typ == event.IP {
				if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
					return nil
				}
				v = `"` + v + `"`
			}
			list = append(list, v)
		}
	}
	expr, err := filter.Parse(e.filter + " in [" + strings.Join(list, ", ") + "]")
	if err != nil {
		return nil // it only saves work
	}
	return expr
}

// maxAmong is up to how many rows it is worth the while to look for their records alone.
const maxAmong = 200

// spec makes the specification of a table.
func spec(by []event.FieldID, metrics ...metric.Metric) aggregate.Spec {
	s := aggregate.Spec{Metrics: metrics}
	for _, id := range by {
		s.By = append(s.By, aggregate.Key{Field: field(id)})
	}
	return s
}

// field returns a field of the schema.
func field(id event.FieldID) *event.Field {
	f, ok := event.FieldByID(id)
	if !ok {
		panic("traffic: the schema lacks a field of flows")
	}
	return f
}

// A ranking is one question.
type ranking struct {
	api.TrafficRequest

	sel      Selection
	entity   entity
	side     side
	metric   metric.Metric // that it ranks by
	by       []event.FieldID
	quick    metric.Metric // and what finds the best first
	quickBy  []event.FieldID
	from, to int64 // range of time
}

// newRanking checks a question.
func newRanking(q api.TrafficRequest, sel Selection) (*ranking, error) {
	r := &ranking{TrafficRequest: q, sel: sel}
	var err error
	if r.entity, err = findEntity(q.By); err != nil {
		return nil, err
	}
	if r.Rank == "" {
		r.Rank = "bytes"
	}
	if r.side, err = parseSide(q.Side); err != nil {
		return nil, err
	}
	by, op, of, err := r.entity.measure(r.Rank, r.side)
	if err != nil {
		return nil, err
	}
	r.by, r.metric = by, metric.Metric{Op: op, Field: field(of)}
	by, op, of, err = r.entity.quick(r.Rank, r.side)
	if err != nil {
		return nil, err
	}
	r.quickBy, r.quick = by, metric.Metric{Op: op, Field: field(of)}
	switch {
	case r.Limit == 0:
		r.Limit = rowLimit
	case r.Limit < 0 || r.Limit > maxRows:
		return nil, fault.New(fault.Invalid, "limit: got %d, want 1 to %d", r.Limit, maxRows)
	}
	r.from, r.to, err = timeRange(q.Since, q.Until)
	if err == nil {
		err = r.checkSteps()
	}
	return r, err
}

// answer begins the answer.
func (r *ranking) answer() api.TrafficAnswer {
	return api.TrafficAnswer{By: slices.Clone(r.entity.values), Rank: r.Rank, Side: r.Side, Rows: []api.TrafficRow{}}
}
