package filter

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tocsin/internal/event"
)

// name spells the operand.
func (o operand) name() string { return string(o.append(nil)) }

func (o operand) append(dst []byte) []byte {
	switch {
	case o.field != nil:
		return append(dst, o.field.Name...)
	case o.num:
		dst = append(dst, "num("...)
		dst = appendLabel(dst, o.label)
		return append(dst, ')')
	default:
		return appendLabel(dst, o.label)
	}
}

// appendLabel spells a label as labels.NAME, or labels["any name"] where the name is no plain word.
func appendLabel(dst []byte, name string) []byte {
	dst = append(dst, "labels"...)
	for part := range strings.SplitSeq(name, ".") {
		if !plainWord(part) {
			return append(appendQuoted(append(dst, '['), name), ']')
		}
	}
	return append(append(dst, '.'), name...)
}

// plainWord reports whether a word needs no quotes after a dot.
func plainWord(s string) bool {
	switch s {
	case "", "not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else":
		return false
	}
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c == '$' || !isWord(c) || i == 0 && c >= '0' && c <= '9' {
			return false
		}
	}
	return true
}

// sort says in messages what sort of thing the operand is.
func (o operand) sort() string {
	switch {
	case o.num:
		return "number"
	case o.field == nil:
		return "label, hence text"
	default:
		return o.field.Type.String() + " field"
	}
}

// isOperand reports whether a part names a field or a label.
func (r *reader) isOperand(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MemberNode, *ast.ChainNode:
		return true
	case *ast.IdentifierNode:
		_, number := r.big[r.offset(n.Location().From)]
		return !number
	}
	return calleeOf(n) == "num"
}

// calleeOf returns the name of a called function; "" for anything else.
func calleeOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok {
			return id.Value
		}
	case *ast.BuiltinNode:
		return n.Name
	}
	return ""
}

func argumentsOf(n ast.Node) []ast.Node {
	switch n := n.(type) {
	case *ast.CallNode:
		return n.Arguments
	case *ast.BuiltinNode:
		return n.Arguments
	}
	return nil
}

// operand reads the name of a field or label, or num(label).
func (r *reader) operand(n ast.Node) (operand, *Error) {
	if _, ok := n.(*ast.ChainNode); ok {
		return operand{}, r.outside(n)
	}
	if calleeOf(n) == "num" {
		args := argumentsOf(n)
		if len(args) != 1 || !r.isOperand(args[0]) || calleeOf(args[0]) != "" {
			return operand{}, r.fail(n, "num takes one label", "as in num(labels.size) > 100")
		}
		o, fail := r.operand(args[0])
		if fail != nil {
			return o, fail
		}
		if o.field != nil {
			return o, r.fail(leftmost(args[0]), o.field.Name+" is a field of type "+o.field.Type.String()+", and num is for labels", "")
		}
		o.num = true
		return o, nil
	}
	path, fail := r.path(n)
	if fail != nil {
		return operand{}, fail
	}
	return r.resolve(leftmost(n), path)
}

// path collects the words of a dotted name.
func (r *reader) path(n ast.Node) ([]string, *Error) {
	var words []string
	for {
		switch at := n.(type) {
		case *ast.IdentifierNode:
			word := at.Value
			if r.at[r.offset(at.Location().From)] {
				word = "@" + word[1:]
			}
			words = append(words, word)
			for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
				words[i], words[j] = words[j], words[i]
			}
			return words, nil
		case *ast.MemberNode:
			p, ok := at.Property.(*ast.StringNode)
			if !ok || at.Optional {
				return nil, r.fail(at, "this is not the name of a field", `write a dotted name, or labels["any name"]`)
			}
			words = append(words, p.Value)
			n = at.Node
		default:
			return nil, r.fail(n, "this is not the name of a field", "")
		}
	}
}

// resolve finds what a name stands for.
func (r *reader) resolve(n ast.Node, path []string) (operand, *Error) {
	if path[0] == "labels" {
		name := strings.Join(path[1:], ".")
		if name == "" {
			return operand{}, r.fail(n, "labels needs a name", `as in labels.size or labels["any name"]`)
		}
		return operand{label: name}, nil
	}
	name := strings.Join(path, ".")
	if f, ok := event.FieldByName(name); ok {
		if f.View {
			return operand{}, r.fail(n, name+" serves to group and to measure", "a filter takes "+whole(f))
		}
		return operand{field: f}, nil
	}
	hint := strings.TrimSuffix(strings.TrimPrefix(event.Suggestion(name), " ("), ")")
	if hint == "" {
		hint = "a field outside the schema is labels." + name
		if !strings.Contains(name, ".") {
			hint += "; a text stands in quotes"
		}
	}
	return operand{}, r.fail(n, "no field "+quoteShort(name), hint)
}

// whole names what a filter takes in place of a view: the field that stands for all that the view is made of, else those.
func whole(view *event.Field) string {
	var names []string
	for _, id := range view.Any {
		if f, ok := event.FieldByID(id); ok {
			names = append(names, f.Name)
		}
	}
	for _, f := range event.Fields() {
		if !f.View && len(view.Any) > 1 && len(f.Any) >= len(view.Any) && slices.Equal(f.Any[:len(view.Any)], view.Any) {
			return f.Name + ", or " + strings.Join(names, " or ")
		}
	}
	return strings.Join(names, " or ")
}

// quoteShort quotes foreign text for a message.
func quoteShort(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return string(appendQuoted(nil, s))
}
