package flowtraq

import (
	"strings"

	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/rule"
	"tocsin/internal/view"
)

// A wording is what FlowTraq said about the alerts of a rule: "Upper threshold exceeded on bytes sent for address".
type wording struct {
	bound  string // Upper or Lower
	metric string // bytes sent
	entity string // address, host pair, port or country
	fields int    // of the entity
}

// word finds FlowTraq's words for a rule: it must judge flows alone, by a limit, and measure what FlowTraq measured, about
// what FlowTraq watched.
func word(r *rule.Rule) (w wording, ok bool) {
	c, limited := r.Config.(*threshold.Config)
	kinds := r.Kinds()
	if !limited || len(kinds) != 1 || kinds[0] != event.Flow {
		return w, false
	}
	w.bound = "Upper"
	if c.Below != nil || c.AtMost != nil {
		w.bound = "Lower"
	}
	var side side
	if w.entity, side, ok = entityWord(c.By); !ok {
		return w, false
	}
	w.metric, ok = metricWord(c.Metric, side)
	if c.Unit == threshold.Bits {
		w.metric = strings.Replace(w.metric, "bytes", "bits", 1)
	}
	w.fields = len(view.Expand(c.By))
	return w, ok
}

// A side is which end of a flow an entity stands at.
type side uint8

const (
	source      side = iota + 1 // it opened the session
	destination                 // it was spoken to
	either                      // it is looked at as itself, whichever end it is
	between                     // it is both ends
)

// entityWord tells what kind of thing the fields of a rule's by make.
func entityWord(by []string) (word string, at side, ok bool) {
	switch strings.Join(by, " ") {
	case "source.ip":
		return "address", source, true
	case "destination.ip":
		return "address", destination, true
	case "flow.host", "flow.client", "flow.server", "related.ip":
		return "address", either, true
	case "source.ip destination.ip", "destination.ip source.ip":
		return "host pair", between, true
	case "flow.pair", "flow.lower flow.higher": // the records of both ways
		return "host pair", either, true
	case "source.port":
		return "port", source, true
	case "destination.port":
		return "port", destination, true
	case "flow.port", "related.port":
		return "port", either, true
	case "source.geo.country_iso_code":
		return "country", source, true
	case "destination.geo.country_iso_code":
		return "country", destination, true
	case "flow.country", "related.country":
		return "country", either, true
	}
	return "", 0, false
}

// metricWord tells what a metric measures of an entity at a side, in the words of FlowTraq's messages and columns.
func metricWord(metric string, at side) (string, bool) {
	op, rest, _ := strings.Cut(strings.ReplaceAll(metric, " ", ""), "(")
	field := strings.TrimSuffix(rest, ")")
	switch op {
	case "count":
		if field != "" {
			return "", false
		}
		return map[side]string{source: "sessions initiated", destination: "sessions accepted", either: "sessions", between: "sessions"}[at], true
	case "sum":
		return sumWord(field, at)
	case "distinct":
		switch field {
		case "flow.initiated":
			return "sessions initiated", true
		case "flow.accepted":
			return "sessions accepted", true
		case "flow.id":
			return "sessions", true
		case "source.ip", "destination.ip", "flow.host", "flow.peer", "flow.target", "flow.client", "flow.server", "related.ip":
			return "unique hosts", true
		case "source.port", "destination.port", "flow.port", "flow.target.port", "related.port":
			return "unique ports", true
		}
	}
	return "", false
}

// sumWord tells what is added up. What the source of a flow sent, its destination received.
func sumWord(field string, at side) (string, bool) {
	end, unit, ok := strings.Cut(field, ".")
	if ok && (unit == "bytes" || unit == "packets") {
		switch {
		case end == "network", end == "source" && at == either: // each record tells what its source sent: both ways add up
			return unit, true
		case end == "source" && at == source, end == "destination" && at == destination:
			return unit + " sent", true
		case end == "source" && at == destination, end == "destination" && at == source:
			return unit + " received", true
		}
		return "", false // of an entity that is either end, or both, it says neither
	}
	switch field { // relative to the entity
	case "flow.sent.bytes":
		return "bytes sent", true
	case "flow.sent.packets":
		return "packets sent", true
	case "flow.received.bytes":
		return "bytes received", true
	case "flow.received.packets":
		return "packets received", true
	}
	return "", false
}
