package filter

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tocsin/internal/event"
)

// Members is a list of addresses and networks. It may change while it is asked.
type Members interface {
	// Holds reports whether an address, IPv4 in its mapped form, is on the list or in a network on it.
	Holds(address [16]byte) bool
}

// Lists names the lists that the filter asks, sorted.
func (e *Expr) Lists() []string {
	if e == nil {
		return nil
	}
	var names []string
	e.root.each(func(t *test) {
		if t.op == opListed {
			names = append(names, t.list)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// With returns the filter with its lists found by find. A filter whose lists were not found selects as if they were empty.
func (e *Expr) With(find func(name string) Members) *Expr {
	if len(e.Lists()) == 0 {
		return e
	}
	return &Expr{root: e.root.with(find)}
}

func (n *node) with(find func(name string) Members) *node {
	if n.kind == leaf {
		if n.test.op != opListed {
			return n
		}
		found := *n.test
		found.on = find(found.list)
		return single(&found)
	}
	kids := make([]*node, len(n.kids))
	for i, kid := range n.kids {
		kids[i] = kid.with(find)
	}
	return &node{kind: n.kind, kids: kids}
}

// ValidList reports whether a list may be called so: letters, digits, points, hyphens and underscores, 64 at most.
func ValidList(name string) bool {
	if name == "" || len(name) > 64 || strings.Trim(name[:1], "._-") == "" {
		return false
	}
	return strings.IndexFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-'
	}) < 0
}

// listed reads the arguments of list. A name may be written with the .txt of its file.
func (r *reader) listed(n *ast.BinaryNode, o operand) (*node, *Error) {
	if o.typ() != event.IP {
		return nil, r.fail(n, fmt.Sprintf("%s is a %s, and lists are of addresses", o.name(), o.sort()), "")
	}
	if !r.naming {
		return nil, r.fail(n.Right, "a list may change at any time, so it can be named in rules and questions, and not here", `name networks by cidr("10.0.0.0/8")`)
	}
	var parts []*node
	for _, arg := range argumentsOf(n.Right) {
		s, ok := arg.(*ast.StringNode)
		if !ok {
			return nil, r.fail(arg, "list takes names in quotes", `as in list("blacklist"), which is the file lists/blacklist.txt`)
		}
		name := strings.TrimSuffix(s.Value, ".txt")
		if !ValidList(name) {
			return nil, r.fail(arg, quoteShort(s.Value)+" is no name of a list", "names have letters, digits, points, hyphens and underscores, 64 at most")
		}
		parts = append(parts, single(&test{op: opListed, left: o, list: name}))
	}
	if len(parts) == 0 {
		return nil, r.fail(n.Right, "list takes at least one name", `as in list("blacklist"), which is the file lists/blacklist.txt`)
	}
	return join(or, parts), nil
}

// listedTest asks one list.
type listedTest struct {
	on   Members
	slot int32
}

// evaluate asks the list once for each different value that a chunk of a dictionary has, else for each row.
func (t *listedTest) evaluate(c *chunk, col *event.Column) {
	if t.on == nil {
		return
	}
	coded := col.Codes != nil && len(col.IPs) <= chunkRows
	if coded {
		t.evaluateCodes(c, col)
		return
	}
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			v := c.from + row
			if col.Codes != nil {
				v = int(col.Codes[v])
			}
			if t.on.Holds(col.IPs[v]) {
				c.slots.markOne(t.slot, row)
			}
		}
	}
	c.slots.settle()
}

// evaluateCodes asks once for each value that the rows have, of a dictionary that is no larger than a chunk.
func (t *listedTest) evaluateCodes(c *chunk, col *event.Column) {
	const held, not = 1, 2
	known := c.classes[:len(col.IPs)]
	clear(known)
	codes := col.Codes[c.from : c.from+c.rows]
	for w := range c.words {
		for word := c.present[w]; word != 0; word &= word - 1 {
			row := w*64 + bits.TrailingZeros64(word)
			is := &known[codes[row]]
			if *is == 0 {
				*is = not
				if t.on.Holds(col.IPs[codes[row]]) {
					*is = held
				}
			}
			if *is == held {
				c.slots.markOne(t.slot, row)
			}
		}
	}
	c.slots.settle()
}
