package filter

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tocsin/internal/event"
)

// ops of the binary operators, and of their mirror images when the constant stands to the left.
func opOf(word string) (o, mirrored op, negated bool) {
	switch word {
	case "==":
		return opEqual, opEqual, false
	case "!=":
		return opEqual, opEqual, true
	case "<":
		return opLess, opGreater, false
	case "<=":
		return opAtMost, opAtLeast, false
	case ">":
		return opGreater, opLess, false
	case ">=":
		return opAtLeast, opAtMost, false
	case "contains":
		return opContains, 0, false
	case "startsWith":
		return opStarts, 0, false
	case "endsWith":
		return opEnds, 0, false
	case "matches":
		return opMatches, 0, false
	default:
		return 0, 0, false
	}
}

// comparison reads `operand OP constant`, the other way round, or `operand OP operand`.
func (r *reader) comparison(n *ast.BinaryNode) (*node, *Error) {
	if u, ok := n.Left.(*ast.UnaryNode); ok && (u.Operator == "!" || u.Operator == "not") {
		return nil, r.fail(u, u.Operator+" binds to the word after it, not to the comparison", "write !(FIELD "+n.Operator+" ...)")
	}
	if n.Operator == "in" {
		return r.member(n)
	}
	o, mirrored, negated := opOf(n.Operator)
	if o == 0 {
		return nil, r.fail(n, n.Operator+" is not part of filters", arithmeticHint(n.Operator))
	}
	left, right := n.Left, n.Right
	if !r.isOperand(left) && r.isOperand(right) && mirrored != 0 {
		left, right, o = right, left, mirrored
	}
	if !r.isOperand(left) {
		return nil, r.noOperand(left)
	}
	l, fail := r.operand(left)
	if fail != nil {
		return nil, fail
	}
	t := &test{op: o, left: l}
	if r.isOperand(right) {
		fail = r.pair(t, n, right)
	} else {
		fail = r.constants(t, n, []ast.Node{right})
	}
	if fail != nil {
		return nil, fail
	}
	if negated {
		return negate(single(t)), nil
	}
	return single(t), nil
}

func arithmeticHint(word string) string {
	if word == ".." {
		return "write a range as x >= 1 && x <= 5"
	}
	return ""
}

// noOperand explains why the left side of a comparison will not do.
func (r *reader) noOperand(n ast.Node) *Error {
	if b, ok := n.(*ast.BinaryNode); ok && strings.Contains("+-*/%**^", b.Operator) {
		return r.fail(b, "there is no arithmetic in filters", `a name with odd characters is written labels["any name"]`)
	}
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BytesNode, *ast.BoolNode:
		return r.fail(n, "a comparison begins with a field", `as in message contains "login"`)
	case *ast.UnaryNode, *ast.BinaryNode:
		return r.fail(n, "a comparison is between a field and a value", "put brackets around conditions that are joined")
	case *ast.CallNode, *ast.BuiltinNode:
		return r.fail(n, "a comparison begins with a field", "has, ieq, icontains, like and ilike stand alone")
	}
	return r.outside(n)
}

// pair checks a comparison of two operands.
func (r *reader) pair(t *test, n *ast.BinaryNode, right ast.Node) *Error {
	o, fail := r.operand(right)
	if fail != nil {
		return fail
	}
	if t.op > opAtLeast {
		return r.fail(leftmost(right), n.Operator+" takes a text, not a field", "a text stands in quotes")
	}
	a, b := class(t.left.typ()), class(o.typ())
	if a != b {
		return r.fail(n, fmt.Sprintf("%s is a %s and %s is a %s", t.left.name(), t.left.sort(), o.name(), o.sort()), "only fields of the same type can be compared")
	}
	if t.op != opEqual && (a == event.IP || a == event.Bool) {
		return r.fail(n, fmt.Sprintf("%s fields have no order", a), "use == or !=")
	}
	t.right = &o
	return nil
}

// class puts the types together that compare with each other.
func class(t event.Type) event.Type {
	if t == event.Uint || t == event.Float {
		return event.Int
	}
	return t
}

// member reads `operand in [...]` and `operand in cidr(...)`.
func (r *reader) member(n *ast.BinaryNode) (*node, *Error) {
	if !r.isOperand(n.Left) {
		return nil, r.fail(n.Left, "to the left of in stands a field", `to look for a text in a text, write message contains "login"`)
	}
	o, fail := r.operand(n.Left)
	if fail != nil {
		return nil, fail
	}
	switch calleeOf(n.Right) {
	case "cidr":
		return r.networks(n, o)
	case "list":
		return r.listed(n, o)
	}
	list, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		hint := `as in user.name in ["root", "admin"]`
		if o.typ() == event.IP {
			hint = `as in source.ip in ["192.0.2.1", "192.0.2.2"] or source.ip in cidr("192.0.2.0/24")`
		}
		return nil, r.fail(n.Right, "to the right of in stands a list of values in square brackets, or cidr", hint)
	}
	if len(list.Nodes) == 0 {
		return &node{kind: never}, nil
	}
	t := &test{op: opEqual, left: o}
	if fail := r.constants(t, n, list.Nodes); fail != nil {
		return nil, fail
	}
	return single(t), nil
}

// networks reads the arguments of cidr.
func (r *reader) networks(n *ast.BinaryNode, o operand) (*node, *Error) {
	if o.typ() != event.IP {
		return nil, r.fail(n, fmt.Sprintf("%s is a %s, and cidr is for addresses", o.name(), o.sort()), "")
	}
	t := &test{op: opWithin, left: o}
	for _, arg := range argumentsOf(n.Right) {
		s, ok := arg.(*ast.StringNode)
		if !ok {
			return nil, r.fail(arg, "cidr takes networks in quotes", `as in cidr("10.0.0.0/8", "2001:db8::/32")`)
		}
		p, ok := parsePrefix(s.Value)
		if !ok {
			return nil, r.fail(arg, quoteShort(s.Value)+" is not a network", `as in "10.0.0.0/8", "2001:db8::/32" or "192.0.2.1"`)
		}
		t.consts = append(t.consts, constant{prefix: p})
	}
	if len(t.consts) == 0 {
		return nil, r.fail(n.Right, "cidr takes at least one network", `as in cidr("10.0.0.0/8")`)
	}
	t.consts = unique(t.consts)
	return single(t), nil
}

// predicate reads has(...), ieq(...) and their like.
func (r *reader) predicate(n ast.Node) (*node, *Error) {
	name, args := calleeOf(n), argumentsOf(n)
	o := map[string]op{"has": opHas, "ieq": opSame, "icontains": opIncludes, "like": opLike, "ilike": opAlike}[name]
	switch {
	case o == 0 && (name == "cidr" || name == "list" || name == "date" || name == "duration" || name == "num"):
		return nil, r.fail(n, name+"(...) is a value, not a condition", `compare it with a field, as in source.ip in cidr("10.0.0.0/8")`)
	case o == 0:
		if c, ok := n.(*ast.CallNode); ok {
			n = leftmost(c.Callee)
		}
		hint := "functions are has, ieq, icontains, like, ilike, num, cidr, list, date and duration"
		if near := event.Nearest(name, []string{"has", "ieq", "icontains", "like", "ilike", "num", "cidr", "list", "date", "duration"}); near != "" && name != "" {
			hint = "did you mean " + near + "?"
		}
		if name == "" {
			return nil, r.fail(n, "no such function", hint)
		}
		return nil, r.fail(n, "no function "+quoteShort(name), hint)
	case o == opHas && len(args) != 1:
		return nil, r.fail(n, "has takes one field", "as in has(user.name)")
	case o != opHas && len(args) != 2:
		return nil, r.fail(n, name+" takes a field and a text", fmt.Sprintf(`as in %s(user.name, "root")`, name))
	}
	if !r.isOperand(args[0]) {
		return nil, r.fail(args[0], name+" begins with a field", fmt.Sprintf("as in %s(user.name%s)", name, map[bool]string{true: "", false: `, "root"`}[o == opHas]))
	}
	left, fail := r.operand(args[0])
	if fail != nil {
		return nil, fail
	}
	t := &test{op: o, left: left}
	if o == opHas {
		return single(t), nil
	}
	if r.isOperand(args[1]) {
		return nil, r.fail(leftmost(args[1]), name+" takes a text, not a field", "a text stands in quotes")
	}
	if fail := r.constants(t, n, args[1:]); fail != nil {
		return nil, fail
	}
	return single(t), nil
}
