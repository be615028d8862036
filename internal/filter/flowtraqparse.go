package filter

import (
	"fmt"
	"strings"

	"tocsin/internal/event"
)

// A flowtraqReader reads a filter in FlowTraq's language by recursive descent.
type flowtraqReader struct {
	text  string
	at    int   // behind the token at hand
	token token // at hand
	depth int   // brackets that are open
}

// flowtraqLevels are the words that join conditions, the weakest first.
var flowtraqLevels = []struct {
	sign string
	kind kind
}{{"||", or}, {"^|", xor}, {"&&", and}}

// read reads the whole text.
func (r *flowtraqReader) read() (*clause, *Error) {
	if fail := r.next(); fail != nil {
		return nil, fail
	}
	if r.token.kind == tokenEnd {
		return &clause{kind: always}, nil
	}
	c, fail := r.joined(0)
	if fail != nil {
		return nil, fail
	}
	if r.token.kind == tokenEnd {
		return c, nil
	}
	hint := "conditions are joined by && (and), || (or) and ^| (exactly one of two)"
	if r.token.text == ")" {
		hint = "this bracket closes none"
	}
	if sign := map[string]string{"AND": "&&", "OR": "||", "XOR": "^|"}[strings.ToUpper(r.token.text)]; sign != "" && r.token.kind == tokenWord {
		hint = strings.ToLower(r.token.text) + " is written " + sign
	}
	return nil, r.fail(r.token.at, "found "+r.token.found()+" behind a condition, want && || ^| or the end", hint)
}

// joined reads conditions that are joined by the words of a level, or of a stronger one.
func (r *flowtraqReader) joined(level int) (*clause, *Error) {
	if level == len(flowtraqLevels) {
		return r.single()
	}
	c, fail := r.joined(level + 1)
	if fail != nil || !r.is(flowtraqLevels[level].sign) {
		return c, fail
	}
	c = &clause{kind: flowtraqLevels[level].kind, kids: []*clause{c}}
	for r.is(flowtraqLevels[level].sign) {
		if fail := r.next(); fail != nil {
			return nil, fail
		}
		kid, fail := r.joined(level + 1)
		if fail != nil {
			return nil, fail
		}
		c.kids = append(c.kids, kid)
	}
	return c, nil
}

// is reports whether the token at hand is a sign.
func (r *flowtraqReader) is(sign string) bool {
	return r.token.kind == tokenSign && r.token.text == sign
}

// single reads a comparison or what is in brackets, and any number of ! before it.
func (r *flowtraqReader) single() (*clause, *Error) {
	opposite := false
	for r.is("!") {
		opposite = !opposite
		if fail := r.next(); fail != nil {
			return nil, fail
		}
	}
	read := r.comparison
	if r.is("(") {
		read = r.bracketed
	}
	c, fail := read()
	if fail != nil || !opposite {
		return c, fail
	}
	return &clause{kind: not, kids: []*clause{c}}, nil
}

// bracketed reads what is in brackets.
func (r *flowtraqReader) bracketed() (*clause, *Error) {
	open := r.token.at
	if r.depth++; r.depth > maxFlowtraqBrackets {
		return nil, r.fail(open, fmt.Sprintf("more than %d brackets inside each other", maxFlowtraqBrackets), "")
	}
	if fail := r.next(); fail != nil {
		return nil, fail
	}
	c, fail := r.joined(0)
	if fail != nil {
		return nil, fail
	}
	if !r.is(")") {
		return nil, r.fail(r.token.at, "found "+r.token.found()+" behind a condition, want && || ^| or )", fmt.Sprintf("the bracket in column %d is open", newError(r.text, open, "", "").Column))
	}
	r.depth--
	return c, r.next()
}

// comparison reads FIELD COMPARATOR VALUE.
func (r *flowtraqReader) comparison() (*clause, *Error) {
	field, fail := r.field()
	if fail != nil {
		return nil, fail
	}
	if fail := r.next(); fail != nil {
		return nil, fail
	}
	sign := r.token
	o, _, negated := opOf(sign.text)
	switch {
	case sign.kind != tokenSign || o == 0:
		return nil, r.fail(sign.at, "found "+sign.found()+" behind "+field.name+", want "+field.about.comparators(), "as in "+field.example())
	case o != opEqual && !field.about.ordered():
		return nil, r.fail(sign.at, field.name+" has no order, want == or !=", "as in "+field.example())
	}
	if fail := r.next(); fail != nil {
		return nil, fail
	}
	q := &question{field: field, op: o}
	if field.about == aboutAddress && r.token.kind == tokenWord && strings.EqualFold(r.token.text, "INT") {
		return nil, r.inside(field.of)
	}
	if r.token.kind != tokenWord && r.token.kind != tokenText || !q.value(r.token.text) {
		return nil, r.fail(r.token.at, "found "+r.token.found()+" behind "+field.name+sign.text+", want "+field.about.wants(), "as in "+field.example())
	}
	c := &clause{kind: leaf, ask: q}
	if negated {
		c = &clause{kind: not, kids: []*clause{c}}
	}
	return c, r.next()
}

// inside refuses INT, which asked whether an address was inside the own networks when the flow came: nothing that is left of the
// manual says how it was written. A traffic group says the same.
func (r *flowtraqReader) inside(of end) *Error {
	field := map[end]string{theClient: "CLNGROUP", theServer: "SRVGROUP", anyEnd: "GROUP"}[of]
	return r.fail(r.token.at, "INT, the own networks, is not known here: a traffic group is made of them",
		"tocsin groups set internal 10.0.0.0/8 192.168.0.0/16, and then "+field+"==internal, for what comes from then on")
}

// field reads the name of a field.
func (r *flowtraqReader) field() (*flowtraqField, *Error) {
	name := r.token.text
	if r.token.kind != tokenWord {
		return nil, r.fail(r.token.at, "found "+r.token.found()+", want a field", "a comparison begins with a field, as in SRVPORT==22")
	}
	names := make([]string, len(flowtraqFields))
	for i := range flowtraqFields {
		f := &flowtraqFields[i]
		if strings.EqualFold(f.name, name) {
			return f, nil
		}
		names[i] = f.name
	}
	if strings.EqualFold(name, "INT") {
		return nil, r.inside(anyEnd)
	}
	hint := "fields are " + strings.Join(names, " ")
	if near := event.Nearest(name, names); strings.EqualFold(name, "not") {
		hint = "not is written !"
	} else if near != "" {
		hint = "did you mean " + near + "?"
	} else if _, ok := event.FieldByName(name); ok {
		hint = "this is a field of tocsin's own language, which is written without " + flowtraqPrefix
	}
	return nil, r.fail(r.token.at, "no field "+r.token.found(), hint)
}
