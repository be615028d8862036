package filter

// String spells the filter so that Parse reads the same one again.
func (e *Expr) String() string {
	if e == nil {
		return "true"
	}
	return string(e.root.append(nil, 0))
}

// How strongly the words bind, for brackets: or, and, and what stands alone.
const (
	bindOr = iota + 1
	bindAnd
	bindTight
)

func (n *node) append(dst []byte, around int) []byte {
	word, binds := "", bindTight
	switch n.kind {
	case always:
		return append(dst, "true"...)
	case never:
		return append(dst, "false"...)
	case leaf:
		return n.test.append(dst, false)
	case not:
		if t := n.kids[0].test; t != nil && t.negatable() {
			return t.append(dst, true)
		}
		dst = append(dst, "!("...)
		dst = n.kids[0].append(dst, 0)
		return append(dst, ')')
	case and:
		word, binds = " && ", bindAnd
	case or:
		word, binds = " || ", bindOr
	}
	if around > binds {
		dst = append(dst, '(')
	}
	for i, kid := range n.kids {
		if i > 0 {
			dst = append(dst, word...)
		}
		dst = kid.append(dst, binds)
	}
	if around > binds {
		dst = append(dst, ')')
	}
	return dst
}

// negatable reports whether the test has a spelling of its own for the opposite.
func (t *test) negatable() bool {
	switch t.op {
	case opEqual, opWithin, opListed, opContains, opStarts, opEnds, opMatches:
		return true
	}
	return false
}

func (o op) word() string {
	return [...]string{"", "has", "==", "in", "in", "<", "<=", ">", ">=", "contains", "startsWith", "endsWith", "matches", "ieq", "icontains", "like", "ilike"}[o]
}

func (t *test) append(dst []byte, negated bool) []byte {
	switch t.op {
	case opHas:
		return append(t.left.append(append(dst, "has("...)), ')')
	case opSame, opIncludes, opLike, opAlike:
		dst = append(append(dst, t.op.word()...), '(')
		dst = append(t.left.append(dst), ", "...)
		return append(t.consts[0].append(dst), ')')
	}
	dst = append(t.left.append(dst), ' ')
	list := t.op == opWithin || t.op == opListed || t.op == opEqual && len(t.consts) > 1
	switch {
	case negated && t.op == opEqual && !list:
		dst = append(dst, "!="...)
	case negated:
		dst = append(dst, "not "...)
	}
	switch {
	case negated && t.op == opEqual && !list:
	case list:
		dst = append(dst, "in"...)
	default:
		dst = append(dst, t.op.word()...)
	}
	dst = append(dst, ' ')
	if t.right != nil {
		return t.right.append(dst)
	}
	if !list {
		return t.consts[0].append(dst)
	}
	return t.appendList(dst)
}

func (t *test) appendList(dst []byte) []byte {
	if t.op == opListed {
		return append(appendQuoted(append(dst, "list("...), t.list), ')')
	}
	open, end := "[", "]"
	if t.op == opWithin {
		open, end = "cidr(", ")"
	}
	dst = append(dst, open...)
	for i, c := range t.consts {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = c.append(dst)
	}
	return append(dst, end...)
}
