package scope

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// The model reads the table of three values row by row, with none of the code under test.

type truth int

const (
	no truth = iota
	unknown
	yes
)

// A row is what an event, or a part of one, says.
type row map[string]string

// A condition is a spelling and what it means of a row; part says that what the row lacks is unknown rather than absent.
type condition struct {
	text  string
	value func(r row, part bool) truth
}

var members = map[string][]string{"related.ip": {"source.ip", "destination.ip", "host.ip"}}

// valuesOf returns the values of a name, and whether they are all there are.
func valuesOf(r row, name string, part bool) (values []string, all bool) {
	fields := members[name]
	if fields == nil {
		fields = []string{name}
	}
	all = true
	for _, f := range fields {
		if v, ok := r[f]; ok {
			values = append(values, v)
		} else if part {
			all = false
		}
	}
	return values, all && len(values) > 0
}

func compare(name, text string, holds func(string) bool) condition {
	return condition{text, func(r row, part bool) truth {
		values, all := valuesOf(r, name, part)
		switch {
		case slices.ContainsFunc(values, holds):
			return yes
		case all:
			return no
		default:
			return unknown
		}
	}}
}

func has(name string) condition {
	return condition{"has(" + name + ")", func(r row, part bool) truth {
		values, _ := valuesOf(r, name, part)
		switch {
		case len(values) > 0:
			return yes
		case part:
			return unknown
		default:
			return no
		}
	}}
}

var (
	addresses = []string{"10.0.0.1", "10.1.2.3", "192.0.2.7", "2001:db8::1"}
	networks  = []string{"10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"}
	words     = []string{"root", "alice", "a b", ""}
	ports     = []string{"22", "80", "443"}
	names     = map[string][]string{"source.ip": addresses, "destination.ip": addresses, "host.ip": addresses, "user.name": words, "labels.tenant": words, "source.port": ports}
)

func drawLeaf(t *rapid.T) condition {
	switch rapid.IntRange(0, 4).Draw(t, "leaf") {
	case 0:
		name := rapid.SampledFrom([]string{"source.ip", "destination.ip", "related.ip"}).Draw(t, "address")
		net := rapid.SampledFrom(networks).Draw(t, "network")
		prefix := netip.MustParsePrefix(net)
		return compare(name, fmt.Sprintf("%s in cidr(%q)", name, net), func(v string) bool { return prefix.Contains(netip.MustParseAddr(v)) })
	case 1:
		name := rapid.SampledFrom([]string{"user.name", "labels.tenant"}).Draw(t, "text")
		want := rapid.SampledFrom(words).Draw(t, "word")
		return compare(name, fmt.Sprintf("%s == %q", name, want), func(v string) bool { return v == want })
	case 2:
		want := rapid.SampledFrom(ports).Draw(t, "port")
		return compare("source.port", "source.port == "+want, func(v string) bool { return v == want })
	case 3:
		part := rapid.SampledFrom([]string{"o", "ali", " "}).Draw(t, "part")
		return compare("user.name", fmt.Sprintf("user.name contains %q", part), func(v string) bool { return strings.Contains(v, part) })
	default:
		return has(rapid.SampledFrom([]string{"source.ip", "user.name", "labels.tenant", "related.ip"}).Draw(t, "has"))
	}
}

func drawCondition(t *rapid.T, depth int) condition {
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	if depth == 0 || kind == 0 {
		return drawLeaf(t)
	}
	a := drawCondition(t, depth-1)
	if kind == 1 {
		return condition{"!(" + a.text + ")", func(r row, part bool) truth { return yes - a.value(r, part) }}
	}
	b := drawCondition(t, depth-1)
	if kind == 2 {
		return condition{"(" + a.text + " && " + b.text + ")", func(r row, part bool) truth { return min(a.value(r, part), b.value(r, part)) }}
	}
	return condition{"(" + a.text + " || " + b.text + ")", func(r row, part bool) truth { return max(a.value(r, part), b.value(r, part)) }}
}

func drawRow(t *rapid.T) row {
	r := row{}
	for _, name := range []string{"source.ip", "destination.ip", "host.ip", "user.name", "labels.tenant", "source.port"} {
		if rapid.Bool().Draw(t, "has "+name) {
			r[name] = rapid.SampledFrom(names[name]).Draw(t, name)
		}
	}
	return r
}

func (r row) json(t *rapid.T) json.RawMessage {
	out := map[string]any{"message": "x"}
	for name, v := range r {
		out[name] = v
		if name == "source.port" {
			out[name] = json.Number(v)
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compiled(t interface{ Fatalf(string, ...any) }, text string) *Scope {
	s, err := Compile(text)
	if err != nil || s == nil {
		t.Fatalf("Compile(%s) = %v, %v", text, s, err)
	}
	return s
}

func TestEventIsProven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := drawCondition(t, 4), drawRow(t)
		if got, want := compiled(t, c.text).Event(r.json(t)), c.value(r, false) == yes; got != want {
			t.Fatalf("Event of %v in %s = %v, want %v", r, c.text, got, want)
		}
	})
}

// TestBoundNeverWidens: whatever is asked within a scope, no row outside it comes, however the question is spelled.
func TestBoundNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scope, asked, r := drawCondition(t, 3), drawCondition(t, 3), drawRow(t)
		where, err := filter.Parse(asked.text)
		if err != nil {
			t.Fatal(err)
		}
		looks := map[string]bool{}
		for name := range names {
			looks[name] = true
		}
		b, ok := batchOf(r.json(t), looks)
		if !ok {
			t.Fatalf("batchOf(%v) is none", r)
		}
		plain := len(filter.Compile(where).Select(b, nil)) == 1
		got := len(filter.Compile(compiled(t, scope.text).Bound(where)).Select(b, nil)) == 1
		if want := plain && scope.value(r, false) == yes; got != want {
			t.Fatalf("%s within %s selects %v: %v, want %v", asked.text, scope.text, r, got, want)
		}
	})
}

func TestEntityIsProven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := drawCondition(t, 4), drawRow(t)
		view := rapid.SampledFrom([]string{"", "source.ip", "host.ip"}).Draw(t, "told as related.ip")
		if view != "" {
			delete(r, "source.ip")
			delete(r, "destination.ip")
			delete(r, "host.ip")
		}
		var entity alert.Entity
		for name, v := range r {
			entity = append(entity, alert.Pair{Field: name, Value: v})
		}
		readings := []row{r}
		if view != "" {
			v := rapid.SampledFrom(addresses).Draw(t, "address")
			entity = append(entity, alert.Pair{Field: "related.ip", Value: v})
			readings = nil
			for _, field := range members["related.ip"] {
				as := row{field: v}
				for name, value := range r {
					as[name] = value
				}
				readings = append(readings, as)
			}
		}
		proven, denied := true, false
		for _, one := range readings {
			proven = proven && c.value(one, true) == yes
			denied = denied || c.value(one, true) == no
		}
		s := compiled(t, c.text)
		if got := s.Entity(entity); got != proven {
			t.Fatalf("Entity(%v) in %s = %v, want %v", entity, c.text, got, proven)
		}
		if got := s.Own(&alert.Alert{Entity: entity}); got == denied {
			t.Fatalf("Own(%v) in %s = %v, want %v", entity, c.text, got, !denied)
		}
	})
}

func TestAlert(t *testing.T) {
	in, out := json.RawMessage(`{"source.ip":"10.0.0.1","user.name":"a"}`), json.RawMessage(`{"source.ip":"192.0.2.1","user.name":"a"}`)
	lacking := json.RawMessage(`{"user.name":"a"}`)
	inside, silent := alert.Entity{{Field: "source.ip", Value: "10.0.0.1"}}, alert.Entity{{Field: "user.name", Value: "a"}}
	outside := alert.Entity{{Field: "source.ip", Value: "192.0.2.1"}}
	s := compiled(t, `source.ip in cidr("10.0.0.0/8")`)
	for name, c := range map[string]struct {
		entity      alert.Entity
		samples     []json.RawMessage
		others, own bool
	}{
		"all within":                   {inside, []json.RawMessage{in, in}, true, true},
		"one sample outside":           {inside, []json.RawMessage{in, out, in}, false, false},
		"one sample lacks the field":   {inside, []json.RawMessage{in, lacking}, false, false},
		"the entity does not tell":     {silent, []json.RawMessage{in}, false, true},
		"the entity is outside":        {outside, []json.RawMessage{in}, false, false},
		"everybody":                    {nil, []json.RawMessage{in}, false, true},
		"no samples":                   {inside, nil, true, true},
		"no samples, of somebody else": {outside, nil, false, false},
		"a sample that is none":        {inside, []json.RawMessage{in, json.RawMessage(`null`)}, false, false},
		"a sample that was cut":        {inside, []json.RawMessage{in, json.RawMessage(`{"source.ip":"10.0`)}, false, false},
		"two values of one field":      {alert.Entity{inside[0], outside[0]}, []json.RawMessage{in}, false, true},
	} {
		a := &alert.Alert{Entity: c.entity, Samples: c.samples}
		if got := s.Alert(a); got != c.others {
			t.Errorf("%s: Alert = %v, want %v", name, got, c.others)
		}
		if got := s.Own(a); got != c.own {
			t.Errorf("%s: Own = %v, want %v", name, got, c.own)
		}
	}
	var none *Scope
	if !none.Alert(&alert.Alert{}) || !none.Own(&alert.Alert{}) || !none.Event(nil) || !none.Samples(nil) || none.Bound(nil) != nil || none.String() != "" {
		t.Error("a nil scope has bounds")
	}
}

func TestHostileEvents(t *testing.T) {
	s := compiled(t, `!has(user.name) || source.port < 1024 || @timestamp > date("2026-01-01")`)
	var many strings.Builder
	for i := range event.MaxLabels + 1 {
		fmt.Fprintf(&many, `"labels.l%d":"x",`, i)
	}
	for _, text := range []string{
		"", "[]", "null", "1", `"x"`, `{"user.name":`, `{"source.port":"many"}`, `{"@timestamp":"yesterday"}`, `{"source.port":1,"@timestamp":"yesterday"}`,
	} {
		if s.Event(json.RawMessage(text)) {
			t.Errorf("Event(%.60s) is within", text)
		}
	}
	if !s.Event(json.RawMessage(`{"source.ip":"10.0.0.300",` + many.String() + `"tocsin.flags":"late"}`)) {
		t.Error("what does not decide hides an event")
	}
	if !s.Event(json.RawMessage(`{"related.ip":"10.0.0.1","source.mac":["a"],"labels.":"x","other":{"a":1}}`)) {
		t.Error("an event without user.name is not within !has(user.name)")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, text := range []string{`source.ip`, `source.ip == `, `nothing == 1`, strings.Repeat("(", 5000)} {
		if s, err := Compile(text); s != nil || !errors.Is(err, fault.Invalid) {
			t.Errorf("Compile(%.40s) = %v, %v, want fault.Invalid", text, s, err)
		}
	}
	if s, err := Compile(" \n"); s != nil || err != nil {
		t.Errorf("Compile of blanks = %v, %v", s, err)
	}
}

// TestFlowTraq: who is bound by a filter that asks for one end sees no record that does not say which end sent it.
func TestFlowTraq(t *testing.T) {
	one, either := compiled(t, "flowtraq: CLNIP==10.0.0.0/8"), compiled(t, "flowtraq: ADDR==10.0.0.0/8")
	for _, c := range []struct {
		event       string
		one, either bool
	}{
		{`{"flow.role":"client","source.ip":"10.0.0.1","destination.ip":"192.0.2.1"}`, true, true},
		{`{"flow.role":"server","source.ip":"192.0.2.1","destination.ip":"10.0.0.1"}`, true, true},
		{`{"flow.role":"server","source.ip":"10.0.0.1","destination.ip":"192.0.2.1"}`, false, true},
		{`{"source.ip":"10.0.0.1","destination.ip":"192.0.2.1"}`, false, true},
		{`{"flow.role":"client","source.ip":"192.0.2.1","destination.ip":"192.0.2.2"}`, false, false},
		{`{"message":"x"}`, false, false},
	} {
		if got := one.Event(json.RawMessage(c.event)); got != c.one {
			t.Errorf("%s: Event(%s) = %v, want %v", one, c.event, got, c.one)
		}
		if got := either.Event(json.RawMessage(c.event)); got != c.either {
			t.Errorf("%s: Event(%s) = %v, want %v", either, c.event, got, c.either)
		}
	}
	host := alert.Entity{{Field: "source.ip", Value: "10.0.0.1"}}
	if one.Entity(host) || !either.Entity(host) {
		t.Errorf("source.ip=10.0.0.1: %s says %v, want false; %s says %v, want true", one, one.Entity(host), either, either.Entity(host))
	}
}
