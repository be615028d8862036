package define

import (
	"strings"

	"tocsin/internal/fault"
)

// An entity is what a definition watches.
type entity struct {
	word  string   // in the sentence: "host pair"
	also  []string // other words for it
	by    string   // in a rule
	hosts string   // the field that its unique hosts are counted by; "" when that has no meaning
	ports string
}

// entities are in the order of the manual.
var entities = [...]entity{
	{"host", []string{"hosts", "address", "ip"}, "flow.host", "flow.target", "flow.target.port"},
	{"host pair", []string{"pair", "pairs", "host pairs", "hostpair"}, "flow.pair", "", "flow.port"},
	{"port", []string{"ports", "server port"}, "flow.port", "flow.client", ""},
	{"country", []string{"countries"}, "flow.country", "flow.host", "flow.port"},
}

// A measure is a metric that is the same for all entities. Unique hosts and ports are not.
type measure struct{ word, metric string }

const (
	uniqueHosts = "unique hosts"
	uniquePorts = "unique ports"
	initiated   = "sessions initiated"
)

var measures = [...]measure{
	{"bytes sent", "sum(flow.sent.bytes)"}, {"bytes received", "sum(flow.received.bytes)"}, {"bytes", "sum(source.bytes)"},
	{"bits sent", "sum(flow.sent.bytes)"}, {"bits received", "sum(flow.received.bytes)"}, {"bits", "sum(source.bytes)"},
	{"packets sent", "sum(flow.sent.packets)"}, {"packets received", "sum(flow.received.packets)"}, {"packets", "sum(source.packets)"},
	{initiated, "distinct(flow.initiated)"}, {"sessions accepted", "distinct(flow.accepted)"}, {"sessions", "distinct(flow.id)"},
	{uniqueHosts, ""}, {uniquePorts, ""},
}

// Metrics lists the words for what can be measured, as FlowTraq's messages have them. Those without sent, received,
// initiated or accepted are of both ways together.
func Metrics() []string {
	list := make([]string, len(measures))
	for i := range measures {
		list[i] = measures[i].word
	}
	return list
}

// Entities lists the words for whom can be watched.
func Entities() []string {
	list := make([]string, len(entities))
	for i := range entities {
		list[i] = entities[i].word
	}
	return list
}

// normal writes words in small letters with one blank between.
func normal(words string) string { return strings.Join(strings.Fields(strings.ToLower(words)), " ") }

// Metric reads the words for what is measured, in any case, and returns them as Metrics lists them.
func Metric(words string) (string, error) {
	asked := normal(words)
	for i := range measures {
		if w := measures[i].word; w == asked || w == asked+"s" && strings.HasPrefix(w, "unique ") {
			return w, nil
		}
	}
	return "", fault.New(fault.Invalid, "metric %.60q: want one of %s", words, strings.Join(Metrics(), ", "))
}

// Entity reads the words for whom is watched, in any case, and returns them as Entities lists them.
func Entity(words string) (string, error) {
	asked := normal(words)
	for i := range entities {
		e := &entities[i]
		if e.word == asked {
			return e.word, nil
		}
		for _, also := range e.also {
			if also == asked {
				return e.word, nil
			}
		}
	}
	return "", fault.New(fault.Invalid, "entity %.60q: want one of %s", words, strings.Join(Entities(), ", "))
}

// meaning returns the entity and the metric, as a rule has it, of a definition whose words are those of Metrics and
// Entities. It refuses what is always the same.
func (d *Definition) meaning() (*entity, string, error) {
	var of *entity
	for i := range entities {
		if entities[i].word == d.Entity {
			of = &entities[i]
		}
	}
	if of == nil {
		_, err := Entity(d.Entity)
		if err == nil {
			err = fault.New(fault.Invalid, "entity %.60q: want it spelled as one of %s", d.Entity, strings.Join(Entities(), ", "))
		}
		return nil, "", err
	}
	switch d.Metric {
	case initiated:
		if of.by == "flow.port" {
			return nil, "", fault.New(fault.Invalid, "sessions initiated of a port: the port is that of the server, which opens none; watch the sessions accepted of a port")
		}
	case uniqueHosts:
		if of.hosts == "" {
			return nil, "", fault.New(fault.Invalid, "unique hosts of a host pair: they are always two; watch the unique ports of a host pair, or the unique hosts of a host")
		}
		return of, "distinct(" + of.hosts + ")", nil
	case uniquePorts:
		if of.ports == "" {
			return nil, "", fault.New(fault.Invalid, "unique ports of a port: it is always one; watch the unique hosts of a port, or the unique ports of a host")
		}
		return of, "distinct(" + of.ports + ")", nil
	}
	for i := range measures {
		if measures[i].word == d.Metric {
			return of, measures[i].metric, nil
		}
	}
	_, err := Metric(d.Metric)
	if err == nil {
		err = fault.New(fault.Invalid, "metric %.60q: want it spelled as one of %s", d.Metric, strings.Join(Metrics(), ", "))
	}
	return nil, "", err
}
