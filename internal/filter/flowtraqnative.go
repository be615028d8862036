package filter

import (
	"fmt"

	"tocsin/internal/event"
)

// expr translates the tree. What becomes too large for Parse to read again is refused.
func (c *clause) expr(text string) (*Expr, *Error) {
	hint := "of ^| use fewer, as it doubles what it joins; the name of a TCP flag becomes 128 numbers"
	if n := c.tests(); n > maxFlowtraqTests {
		return nil, newError(text, 0, fmt.Sprintf("the filter has more than %d comparisons in tocsin's own spelling", maxFlowtraqTests), hint)
	}
	e := &Expr{root: c.native()}
	same, err := Parse(e.String())
	if err != nil {
		return nil, newError(text, 0, "the filter is too large in tocsin's own spelling", hint)
	}
	return same, nil
}

// tests counts the comparisons of the translation, up to a few more than there may be.
func (c *clause) tests() int {
	if c.kind == leaf {
		return 4
	}
	n := 0
	for _, kid := range c.kids {
		n = min(n+kid.tests(), maxFlowtraqTests+1)
	}
	if c.kind == xor { // each pair that native makes doubles what is below it
		for half := 1; half < len(c.kids); half *= 2 {
			n = min(2*n, maxFlowtraqTests+1)
		}
	}
	return n
}

// native translates a clause.
func (c *clause) native() *node {
	switch c.kind {
	case leaf:
		return c.ask.native()
	case not:
		return negate(c.kids[0].native())
	case and, or, xor:
		kids := make([]*node, len(c.kids))
		for i, kid := range c.kids {
			kids[i] = kid.native()
		}
		if c.kind == xor {
			return odd(kids)
		}
		return join(c.kind, kids)
	default:
		return &node{kind: c.kind}
	}
}

// odd holds where an odd number of parts does. Halving them keeps it at the square of their number.
func odd(kids []*node) *node {
	if len(kids) == 1 {
		return kids[0]
	}
	a, b := odd(kids[:len(kids)/2]), odd(kids[len(kids)/2:])
	return join(or, []*node{join(and, []*node{a, negate(b)}), join(and, []*node{negate(a), b})})
}

// native translates a question. What concerns one end is asked of the source or of the destination, as the role says which
// of them it is.
func (q *question) native() *node {
	about, of := q.field.about, q.field.of
	columns := about.columns()
	switch {
	case about == aboutBytes || about == aboutPackets:
		return q.sent(columns[0])
	case of == theServer:
		return byRole(q.of(columns[0]), q.of(columns[1]))
	case of == theClient:
		return byRole(q.of(columns[1]), q.of(columns[0]))
	}
	var either []*node
	for _, id := range columns {
		either = append(either, q.of(id))
	}
	if about == aboutProtocol && q.op == opEqual && q.text != "" { // flows that are sent as JSON may have the name alone
		either = append(either, single(&test{op: opEqual, left: column(event.NetworkTransport), consts: []constant{{typ: event.String, text: q.text}}}))
	}
	return join(or, either)
}

// byRole joins what is asked of a record that the server sent with what is asked of all others.
func byRole(server, client *node) *node {
	return join(or, []*node{join(and, []*node{fromServer(), server}), join(and, []*node{negate(fromServer()), client})})
}

// fromServer selects the records of which the source is the server of the session.
func fromServer() *node {
	return single(&test{op: opEqual, left: column(event.FlowRole), consts: []constant{{typ: event.String, text: "server"}}})
}

// sent translates a question for bytes or packets. A record tells what its source sent: the other end sent nothing.
func (q *question) sent(id event.FieldID) *node {
	other := &node{kind: never}
	if q.counts(0) {
		other.kind = always
	}
	switch q.field.of {
	case theClient:
		return byRole(other, q.of(id))
	case theServer:
		return byRole(q.of(id), other)
	default:
		return q.of(id)
	}
}

// of asks the question of one column.
func (q *question) of(id event.FieldID) *node {
	t := &test{op: q.op, left: column(id)}
	switch t.left.typ() {
	case event.IP:
		t.consts = []constant{q.networkConstant()}
		if t.consts[0].typ == 0 {
			t.op = opWithin
		}
	case event.String:
		t.consts = []constant{{typ: event.String, text: q.text}}
	default:
		t.consts = q.numberConstants()
	}
	if q.unknown {
		return join(or, []*node{negate(single(&test{op: opHas, left: column(id)})), single(t)})
	}
	return single(t)
}

// networkConstant is the address, or the network where there is more than one address in it.
func (q *question) networkConstant() constant {
	if q.prefix.IsSingleIP() {
		return constant{typ: event.IP, addr: q.prefix.Addr().As16()}
	}
	return constant{prefix: q.prefix}
}

// numberConstants is the number, or all sums of TCP flags that have the one that is asked for.
func (q *question) numberConstants() []constant {
	if q.flag == 0 {
		return []constant{intConstant(q.number)}
	}
	var sums []constant
	for sum := range 256 {
		if uint8(sum)&q.flag != 0 {
			sums = append(sums, intConstant(uint64(sum)))
		}
	}
	return sums
}

// column is the operand of a field of the schema.
func column(id event.FieldID) operand {
	f, ok := event.FieldByID(id)
	if !ok {
		panic(fmt.Sprintf("filter: the schema has no field %d", id))
	}
	return operand{field: f}
}

// Records returns a filter that selects all records of every session for which Match may hold, and leaves out those of
// others as far as any single record shows it, by addresses, ports and protocol: these are the same in all of a session.
func (f *FlowTraq) Records() *Expr { return &Expr{root: f.root.records(false)} }

// records selects the records of sessions for which the clause may hold or, with opposite, may not hold.
func (c *clause) records(opposite bool) *node {
	switch c.kind {
	case leaf:
		return c.ask.records(opposite)
	case not:
		return c.kids[0].records(!opposite)
	case and, or:
		kids := make([]*node, len(c.kids))
		for i, kid := range c.kids {
			kids[i] = kid.records(opposite)
		}
		if (c.kind == and) != opposite {
			return join(and, kids)
		}
		return join(or, kids)
	case xor:
		return &node{kind: always}
	default:
		return c.native()
	}
}

// records asks of either end what is asked of one: who opened the session, a record may have told wrongly before more was
// known.
func (q *question) records(opposite bool) *node {
	about, of := q.field.about, q.field.of
	switch {
	case about != aboutAddress && about != aboutPort && about != aboutProtocol, opposite && of != anyEnd:
		return &node{kind: always}
	case opposite:
		return negate(q.native())
	}
	either := *q
	either.field = &flowtraqField{about: about}
	return either.native()
}
