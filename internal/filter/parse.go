package filter

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"tocsin/internal/event"
)

// Parse reads a filter and checks it against the schema. A blank text selects everything. One that begins with "flowtraq:"
// is in FlowTraq's language, see ParseFlowTraq. Errors are of type *Error. Lists, which change by themselves, are refused:
// what people may see, and what they are told of, must not.
func Parse(text string) (*Expr, error) { return parse(text, false) }

// ParseNaming is Parse for filters that may name lists, which With must find.
func ParseNaming(text string) (*Expr, error) { return parse(text, true) }

func parse(text string, naming bool) (*Expr, error) {
	if IsFlowTraq(text) {
		f, err := ParseFlowTraq(text)
		if err != nil {
			return nil, err
		}
		return f.expr, nil
	}
	if len(text) > maxText {
		return nil, newError(text[:80], 0, fmt.Sprintf("the filter has %d bytes, want at most %d", len(text), maxText), "")
	}
	if !utf8.ValidString(text) {
		at := len(text) - len(strings.TrimLeftFunc(text, func(r rune) bool { return r != utf8.RuneError }))
		return nil, newError(strings.ToValidUTF8(text, "?"), at, "the text is not UTF-8", `write odd bytes as b"\xff"`)
	}
	if strings.TrimSpace(text) == "" {
		return &Expr{root: &node{kind: always}}, nil
	}
	prep, fail := prepare(text)
	if fail != nil {
		return nil, fail
	}
	r := &reader{prepared: prep, source: text, naming: naming}
	tree, fail := r.parse()
	if fail != nil {
		return nil, fail
	}
	root, fail := r.condition(tree, 0)
	if fail != nil {
		return nil, fail
	}
	return &Expr{root: root}, nil
}

// A reader turns the tree of expr-lang into ours, and refuses what is outside our language.
type reader struct {
	prepared
	source  string
	offsets []int // of each character, made when first needed
	steps   int   // of all regular expressions so far
	naming  bool  // lists may be named
}

// parse calls the parser of expr-lang. Should that panic on some text, the text is refused.
func (r *reader) parse() (tree ast.Node, fail *Error) {
	defer func() {
		if p := recover(); p != nil {
			tree, fail = nil, newError(r.source, 0, "the parser cannot read this", "")
		}
	}()
	t, err := parser.Parse(r.text)
	if err == nil && t.Node != nil {
		return t.Node, nil
	}
	var where *file.Error
	if !errors.As(err, &where) {
		return nil, newError(r.source, 0, "the parser cannot read this", "")
	}
	offset := r.offset(where.From)
	return nil, newError(r.source, offset, syntaxReason(where.Message), r.syntaxHint(offset))
}

// syntaxReason says in our words what the parser says most often.
func syntaxReason(message string) string {
	switch {
	case strings.Contains(message, "maximum allowed nodes"):
		return "the filter has more than 10000 parts"
	case strings.HasSuffix(message, "value out of range"):
		return "this number is too large"
	case strings.HasPrefix(message, "unexpected token EOF"), strings.HasPrefix(message, "unexpected end"):
		return "the filter ends too early"
	case strings.HasPrefix(message, "unexpected token "):
		return "this does not belong here: " + strings.TrimPrefix(message, "unexpected token ")
	default:
		return strings.ToLower(message[:1]) + message[1:]
	}
}

// syntaxHint guesses what was meant from the text around the place.
func (r *reader) syntaxHint(offset int) string {
	rest := r.source[offset:]
	before := strings.TrimRight(r.source[:offset], "0123456789.:/ ")
	near := r.source[len(before):min(len(r.source), offset+24)]
	switch {
	case strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "=="):
		return "equality is =="
	case strings.Count(near, ".") >= 2 && strings.ContainsAny(near, "0123456789"):
		return `addresses are written in quotes: source.ip == "192.0.2.1", source.ip in cidr("192.0.2.0/24")`
	default:
		return ""
	}
}

// offset turns the position of a character into a position in bytes.
func (r *reader) offset(char int) int {
	if r.offsets == nil {
		r.offsets = make([]int, 0, len(r.source)+1)
		for i := range r.source {
			r.offsets = append(r.offsets, i)
		}
		r.offsets = append(r.offsets, len(r.source))
	}
	return r.offsets[min(max(char, 0), len(r.offsets)-1)]
}

func (r *reader) fail(n ast.Node, reason, hint string) *Error {
	return newError(r.source, r.offset(n.Location().From), reason, hint)
}

// condition reads a part that is true or false.
func (r *reader) condition(n ast.Node, depth int) (*node, *Error) {
	if depth > maxDepth {
		return nil, r.fail(n, fmt.Sprintf("more than %d conditions inside each other", maxDepth), "")
	}
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value {
			return &node{kind: always}, nil
		}
		return &node{kind: never}, nil
	case *ast.UnaryNode:
		if n.Operator != "!" && n.Operator != "not" {
			return nil, r.fail(n, "arithmetic is not part of filters", "")
		}
		kid, fail := r.condition(n.Node, depth+1)
		if fail != nil {
			return nil, fail
		}
		return negate(kid), nil
	case *ast.BinaryNode:
		switch n.Operator {
		case "&&", "and":
			return r.chain(n, and, depth)
		case "||", "or":
			return r.chain(n, or, depth)
		}
		return r.comparison(n)
	case *ast.IdentifierNode, *ast.MemberNode:
		o, fail := r.operand(n)
		if fail != nil {
			return nil, fail
		}
		if o.typ() != event.Bool {
			return nil, r.fail(leftmost(n), fmt.Sprintf("%s is a %s, not a condition", o.name(), o.sort()), fmt.Sprintf("compare it, or ask whether there is one: has(%s)", o.name()))
		}
		return single(&test{op: opEqual, left: o, consts: []constant{{typ: event.Bool, bits: 1}}}), nil
	case *ast.CallNode, *ast.BuiltinNode:
		return r.predicate(n)
	default:
		return nil, r.outside(n)
	}
}

// chain reads conditions joined by the same word. The tree leans to the left, so the walk goes down there in a loop.
func (r *reader) chain(n *ast.BinaryNode, k kind, depth int) (*node, *Error) {
	var parts []ast.Node
	at := ast.Node(n)
	for {
		b, ok := at.(*ast.BinaryNode)
		if !ok || k == and && b.Operator != "&&" && b.Operator != "and" || k == or && b.Operator != "||" && b.Operator != "or" {
			break
		}
		parts = append(parts, b.Right)
		at = b.Left
	}
	parts = append(parts, at)
	kids := make([]*node, 0, len(parts))
	for i := len(parts) - 1; i >= 0; i-- {
		kid, fail := r.condition(parts[i], depth+1)
		if fail != nil {
			return nil, fail
		}
		kids = append(kids, kid)
	}
	return join(k, kids), nil
}

func single(t *test) *node { return &node{kind: leaf, test: t} }

// outside says that a part of expr-lang is not part of filters.
func (r *reader) outside(n ast.Node) *Error {
	what, hint := "this", ""
	switch n := n.(type) {
	case *ast.NilNode:
		what, hint = "nil", "has(FIELD) asks whether there is a value"
	case *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.BytesNode:
		return r.fail(n, "this is a value, not a condition", `compare it with a field, as in user.name == "root"`)
	case *ast.ConditionalNode:
		return r.fail(leftmost(n.Cond), "a choice with ? or if is not part of filters", "use && and ||")
	case *ast.ArrayNode:
		what, hint = "a list here", "a list stands to the right of in"
	case *ast.ChainNode:
		what, hint = "?.", "a field that is missing compares as false anyway"
	case *ast.PredicateNode, *ast.PointerNode:
		what = "a function over a list"
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		what = "a variable or a sequence"
	case *ast.MapNode, *ast.PairNode:
		what = "a map"
	case *ast.SliceNode:
		what = "a slice"
	}
	return r.fail(n, what+" is not part of filters", hint)
}

// leftmost returns the part of a name that begins it.
func leftmost(n ast.Node) ast.Node {
	for {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			return n
		}
		n = m.Node
	}
}
