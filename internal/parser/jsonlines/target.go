package jsonlines

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// A target is where a value goes.
type target struct {
	field *event.Field // nil: a label
	label []byte       // name of the label; nil: the sender's own
	drop  bool
}

// targetOf reads the right side of a field mapping.
func targetOf(ours string) (target, error) {
	if ours == drop {
		return target{drop: true}, nil
	}
	if name, ok := strings.CutPrefix(ours, "labels."); ok && name != "" {
		return target{label: []byte(name)}, nil
	}
	f, ok := event.FieldByName(ours)
	if !ok {
		return target{}, fmt.Errorf("got %q, want a field, labels.NAME or drop%s", ours, event.Suggestion(ours))
	}
	if len(f.Any) > 0 {
		return target{}, fmt.Errorf("got %q, which stands for several fields, want one of them", ours)
	}
	return target{field: f}, nil
}

// usual are names that loggers use where the schema has another: log/slog, zap, zerolog, logrus, bunyan, pino, Logstash,
// Docker.
var usual = [...][2]string{
	{"msg", "message"}, {"ts", "@timestamp"}, {"datetime", "@timestamp"}, {"level", "log.level"}, {"lvl", "log.level"},
	{"hostname", "host.name"}, {"pid", "process.pid"}, {"logger_name", "event.provider"}, {"remote_addr", "source.ip"},
	{"remote_ip", "source.ip"}, {"client_ip", "source.ip"}, {"user_agent", "user_agent.original"},
}

// knownTargets lists every name that means a field of the schema. What tocsin stamps itself is dropped: it is written
// anew for each event, and nobody else may claim it.
func knownTargets() map[string]target {
	all := make(map[string]target, 256)
	for _, name := range event.FieldNames() {
		f, _ := event.FieldByName(name)
		if len(f.Any) > 0 {
			continue
		}
		own := strings.HasPrefix(f.Name, "tocsin.") || f.ID == event.Ingested
		all[name] = target{field: f, drop: own}
	}
	for _, pair := range usual {
		if f, ok := event.FieldByName(pair[1]); ok {
			all[pair[0]] = target{field: f}
		}
	}
	return all
}

// set puts a value where its name belongs. What a field cannot hold becomes a label of that name, so that it is not lost.
func (p *lines) set(b *event.Builder, v []byte, isText, first bool) {
	t, known := p.targets[string(p.path)]
	switch {
	case t.drop:
	case known && t.field != nil && first && p.later == 0 && p.fill(b, t.field, v, isText):
		p.seen.add(t.field.ID)
	case t.label != nil:
		b.Label(t.label, v)
	case string(p.path) == "kind" && isText && string(v) == b.Kind().String():
	default:
		name := p.path
		if len(name) > len("labels.") && string(name[:len("labels.")]) == "labels." {
			name = name[len("labels."):]
		}
		b.Label(name, v)
	}
}

// fill sets a field from a value; false when the value is none of its type.
func (p *lines) fill(b *event.Builder, f *event.Field, v []byte, isText bool) bool {
	switch f.Type {
	case event.String:
		b.Str(f.ID, v)
		return true
	case event.IP:
		addr, ok := parser.Address(v)
		if ok {
			b.IP(f.ID, addr)
		}
		return ok
	case event.Time:
		return p.fillTime(b, f.ID, v, isText)
	case event.Bool:
		return fillBool(b, f.ID, v)
	case event.Uint:
		n, ok := unsigned(v)
		if ok {
			b.Uint(f.ID, n)
		}
		return ok
	case event.Int:
		n, ok := signed(v)
		if ok {
			b.Int(f.ID, n)
		}
		return ok
	default:
		x, ok := float(v)
		if ok {
			b.Float(f.ID, x)
		}
		return ok
	}
}

// fillTime reads RFC 3339 and relatives, the time of access logs, and numbers since 1970.
func (p *lines) fillTime(b *event.Builder, id event.FieldID, v []byte, isText bool) bool {
	if ns, ok := instant.Epoch(v); ok {
		b.Time(id, ns)
		return true
	}
	if !isText {
		x, ok := float(v) // 1.7e9
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

func fillBool(b *event.Builder, id event.FieldID, v []byte) bool {
	switch string(v) {
	case "true", "True", "TRUE", "1", "yes":
		b.Bool(id, true)
	case "false", "False", "FALSE", "0", "no":
		b.Bool(id, false)
	default:
		return false
	}
	return true
}

// signed reads a whole number, also one written with a fraction of zero or an exponent, if an int64 holds it.
func signed(v []byte) (int64, bool) {
	if len(v) > 0 && v[0] == '-' {
		n, ok := unsigned(v[1:])
		if !ok || n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	n, ok := unsigned(v)
	return int64(n), ok && n <= math.MaxInt64
}

func unsigned(v []byte) (uint64, bool) {
	n := uint64(0)
	for i, c := range v {
		d := uint64(c - '0')
		if d > 9 {
			return wholeFloat(v, i)
		}
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(v) > 0
}

// wholeFloat reads 200.0 and 2e2; i is the place of the first byte that is no digit.
func wholeFloat(v []byte, i int) (uint64, bool) {
	if i == 0 || v[i] != '.' && v[i]|0x20 != 'e' {
		return 0, false
	}
	x, ok := float(v)
	if !ok || x < 0 || x > 1<<53 || x != math.Trunc(x) {
		return 0, false
	}
	return uint64(x), true
}

// maxFloat is longer than any number that means something.
const maxFloat = 64

func float(v []byte) (float64, bool) {
	if numberLen(v) != len(v) || len(v) == 0 || len(v) > maxFloat {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}
