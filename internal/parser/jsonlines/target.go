package jsonlines

import (
	"math"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// usual are names that loggers use where the schema has another: log/slog, zap, zerolog, logrus, bunyan, pino, Logstash,
// Docker, and the fields of systemd's journal as journalctl -o json and systemd-journal-upload write them.
var usual = [...][2]string{
	{"msg", "message"}, {"ts", "@timestamp"}, {"datetime", "@timestamp"}, {"level", "log.level"}, {"lvl", "log.level"},
	{"hostname", "host.name"}, {"pid", "process.pid"}, {"logger_name", "event.provider"}, {"remote_addr", "source.ip"},
	{"remote_ip", "source.ip"}, {"client_ip", "source.ip"}, {"user_agent", "user_agent.original"},
	{"__REALTIME_TIMESTAMP", "@timestamp"}, {"MESSAGE", "message"}, {"_HOSTNAME", "host.name"}, {"SYSLOG_IDENTIFIER", "process.name"},
	{"_PID", "process.pid"}, {"PRIORITY", "log.syslog.severity.code"}, {"SYSLOG_FACILITY", "log.syslog.facility.code"},
}

// knownTargets lists every name that means a field of the schema. What tocsin stamps itself is dropped: it is written
// anew for each event, and nobody else may claim it.
func knownTargets() map[string]parser.Target {
	all := make(map[string]parser.Target, 256)
	for _, name := range event.FieldNames() {
		f, _ := event.FieldByName(name)
		if len(f.Any) > 0 {
			continue
		}
		own := strings.HasPrefix(f.Name, "tocsin.") || f.ID == event.Ingested
		all[name] = parser.Target{Field: f, Drop: own}
	}
	for _, pair := range usual {
		if f, ok := event.FieldByName(pair[1]); ok {
			all[pair[0]] = parser.Target{Field: f}
		}
	}
	return all
}

// set puts a value where its name belongs. What a field cannot hold becomes a label of that name, so that it is not lost.
func (p *lines) set(b *event.Builder, v []byte, isText, first bool) {
	t, known := p.targets[string(p.path)]
	switch {
	case t.Drop:
		return
	case known && t.Field != nil && first && p.later == 0:
		if p.fill(b, t.Field, v, isText) {
			p.seen.add(t.Field.ID)
			return
		}
		if len(v) > 0 { // nothing is no value of another type
			b.Flag(event.Misfit)
		}
	case t.Label != nil:
		b.Label(t.Label, v)
		return
	case string(p.path) == "kind" && isText && string(v) == b.Kind().String():
		return
	}
	name := p.path
	if len(name) > len("labels.") && string(name[:len("labels.")]) == "labels." {
		name = name[len("labels."):]
	}
	b.Label(name, v)
}

// fill sets a field from a value; false when the value is none of its type.
func (p *lines) fill(b *event.Builder, f *event.Field, v []byte, isText bool) bool {
	if f.Type == event.Time {
		return p.fillTime(b, f.ID, v, isText)
	}
	return parser.Fill(b, f, v)
}

// fillTime reads RFC 3339 and relatives, the time of access logs, and numbers since 1970.
func (p *lines) fillTime(b *event.Builder, id event.FieldID, v []byte, isText bool) bool {
	if ns, ok := instant.Epoch(v); ok {
		b.Time(id, ns)
		return true
	}
	if !isText {
		x, ok := parser.Number(v) // 1.7e9
		if !ok || math.Abs(x) >= 1e11 {
			return false
		}
		b.Time(id, int64(math.Round(x*1e3))*1e6)
		return true
	}
	r, ok := instant.RFC3339(v)
	if !ok || r.Len != len(v) {
		if r, ok = instant.CLF(v); !ok || r.Len != len(v) {
			return false
		}
	}
	b.Time(id, p.zone.Instant(&r))
	if id == event.Timestamp {
		p.noZone = !r.HasZone
	}
	return true
}
