package filter

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"tocsin/internal/event"
)

// constants reads the values that an operand is compared with, and checks types and op.
func (r *reader) constants(t *test, n ast.Node, list []ast.Node) *Error {
	typ := t.left.typ()
	textual := t.op >= opContains
	switch {
	case textual && typ == event.IP:
		return r.fail(n, t.left.name()+" is an address, not a text", `use == or in cidr("192.0.2.0/24")`)
	case textual && typ != event.String:
		return r.fail(n, fmt.Sprintf("%s is a %s, not a text", t.left.name(), t.left.sort()), "use == != < <= > >= or in")
	case t.op != opEqual && !textual && (typ == event.IP || typ == event.Bool):
		return r.fail(n, fmt.Sprintf("%s is a %s, which has no order", t.left.name(), t.left.sort()), map[bool]string{true: `use == or in cidr("192.0.2.0/24")`, false: "use == or !="}[typ == event.IP])
	}
	for _, item := range list {
		c, fail := r.constant(t, item)
		if fail != nil {
			return fail
		}
		t.consts = append(t.consts, c)
	}
	t.consts = unique(t.consts)
	if t.op == opMatches {
		p, reason := compilePattern(t.consts[0].text)
		if reason != "" {
			return r.fail(list[0], reason, "regular expressions are those of RE2: https://github.com/google/re2/wiki/Syntax")
		}
		if r.steps += p.steps; r.steps > maxTotalSteps {
			return r.fail(list[0], fmt.Sprintf("all regular expressions together are too large (more than %d steps)", maxTotalSteps), "")
		}
		t.regex = p
	}
	return nil
}

// constant reads one value for the operand of a test.
func (r *reader) constant(t *test, n ast.Node) (constant, *Error) {
	raw, fail := r.value(n)
	if fail != nil {
		return raw, fail
	}
	typ := t.left.typ()
	switch {
	case typ == event.String && raw.typ == event.String:
		return r.textConstant(t, n, raw)
	case typ == event.IP && raw.typ == event.String:
		return r.addressConstant(t, n, raw.text)
	case typ == event.Time && raw.typ == event.String:
		ns, reason := parseTime(raw.text)
		if reason != "" {
			return raw, r.fail(n, reason, "")
		}
		return constant{typ: event.Time, bits: uint64(ns)}, nil
	case typ == raw.typ && (typ == event.Bool || typ == event.Time):
		return raw, nil
	case class(typ) == event.Int && class(raw.typ) == event.Int:
		return raw, nil
	}
	return raw, r.mismatch(t.left, n, raw)
}

// mismatch says that a value is not of the type of the field.
func (r *reader) mismatch(o operand, n ast.Node, raw constant) *Error {
	got := map[event.Type]string{event.String: "a text", event.Int: "a number", event.Uint: "a number", event.Float: "a number", event.Bool: "true or false", event.Time: "an instant"}[raw.typ]
	hint := ""
	switch {
	case o.field == nil && class(raw.typ) == event.Int:
		hint = fmt.Sprintf("num(%s) reads the label as a number", o.name())
	case o.typ() == event.String:
		hint = "a text stands in quotes"
	case o.typ() == event.Time:
		hint = `write an instant as date("2026-01-02T15:04:05Z")`
	case o.typ() == event.IP:
		hint = `addresses are written in quotes: source.ip == "192.0.2.1"`
	case raw.typ == event.String && class(o.typ()) == event.Int:
		hint = "numbers are written without quotes"
	}
	return r.fail(n, fmt.Sprintf("%s is a %s, and this is %s", o.name(), o.sort(), got), hint)
}

func (r *reader) textConstant(t *test, n ast.Node, c constant) (constant, *Error) {
	if !isMAC(t.left.field) {
		return c, nil
	}
	switch t.op {
	case opEqual, opSame:
		mac, ok := canonicalMAC(c.text)
		if !ok {
			return c, r.fail(n, quoteShort(c.text)+" is not a hardware address", `as in "00:1A:2B:3C:4D:5E"`)
		}
		c.text = mac
	case opContains, opStarts, opEnds:
		c.text = canonicalMACPart(c.text)
	}
	return c, nil
}

func (r *reader) addressConstant(t *test, n ast.Node, text string) (constant, *Error) {
	if p, ok := parsePrefix(text); ok && strings.Contains(text, "/") {
		return constant{}, r.fail(n, quoteShort(text)+" is a network, not an address", fmt.Sprintf("write %s in cidr(%q)", t.left.name(), p))
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return constant{}, r.fail(n, quoteShort(text)+" is not an address", `as in "192.0.2.1" or "2001:db8::1"`)
	}
	return constant{typ: event.IP, addr: a.As16()}, nil
}

// value reads a literal, date(...) or duration(...).
func (r *reader) value(n ast.Node) (constant, *Error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return constant{typ: event.String, text: n.Value}, nil
	case *ast.BytesNode:
		return constant{typ: event.String, text: string(n.Value)}, nil
	case *ast.IntegerNode:
		return constant{typ: event.Int, bits: uint64(int64(n.Value))}, nil
	case *ast.FloatNode:
		if math.IsInf(n.Value, 0) || math.IsNaN(n.Value) {
			return constant{}, r.fail(n, "this number is too large", "")
		}
		return floatConstant(n.Value), nil
	case *ast.IdentifierNode:
		if v, ok := r.big[r.offset(n.Location().From)]; ok {
			return intConstant(v), nil
		}
	case *ast.BoolNode:
		c := constant{typ: event.Bool}
		if n.Value {
			c.bits = 1
		}
		return c, nil
	case *ast.UnaryNode:
		return r.signed(n)
	case *ast.CallNode, *ast.BuiltinNode:
		return r.called(n)
	case *ast.ArrayNode:
		return constant{}, r.fail(n, "a list cannot be compared", "use in to ask for any of several values")
	case *ast.BinaryNode:
		return constant{}, r.fail(n, "a comparison is between a field and a value", "put brackets around conditions that are joined; there is no arithmetic")
	}
	return constant{}, r.outside(n)
}

// signed reads a number with a sign.
func (r *reader) signed(n *ast.UnaryNode) (constant, *Error) {
	c, fail := r.value(n.Node)
	if fail != nil {
		return c, fail
	}
	switch {
	case class(c.typ) != event.Int || n.Operator != "-" && n.Operator != "+":
		return c, r.fail(n, n.Operator+" belongs before a number", "")
	case n.Operator == "+":
		return c, nil
	case c.typ == event.Float:
		return floatConstant(-math.Float64frombits(c.bits)), nil
	case c.typ == event.Int && int64(c.bits) != math.MinInt64:
		return constant{typ: event.Int, bits: -c.bits}, nil
	case c.typ == event.Uint && c.bits == 1<<63:
		return constant{typ: event.Int, bits: 1 << 63}, nil
	}
	return c, r.fail(n, "this number is too small", "")
}

// called reads date("...") and duration("...").
func (r *reader) called(n ast.Node) (constant, *Error) {
	name, args := calleeOf(n), argumentsOf(n)
	if name == "cidr" {
		return constant{}, r.fail(n, "cidr stands to the right of in", `as in source.ip in cidr("10.0.0.0/8")`)
	}
	if name != "date" && name != "duration" {
		return constant{}, r.fail(n, "this function gives no value to compare with", "values come from date and duration")
	}
	var text *ast.StringNode
	if len(args) == 1 {
		text, _ = args[0].(*ast.StringNode)
	}
	if text == nil {
		return constant{}, r.fail(n, name+" takes one text", map[string]string{"date": `as in date("2026-01-02T15:04:05Z")`, "duration": `as in duration("1.5s")`}[name])
	}
	if name == "date" {
		ns, reason := parseTime(text.Value)
		if reason != "" {
			return constant{}, r.fail(text, reason, "")
		}
		return constant{typ: event.Time, bits: uint64(ns)}, nil
	}
	d, err := time.ParseDuration(text.Value)
	if err != nil {
		return constant{}, r.fail(text, quoteShort(text.Value)+" is not a duration", `as in "90s", "1.5h" or "250ms"; the value is in nanoseconds`)
	}
	return constant{typ: event.Int, bits: uint64(int64(d))}, nil
}
