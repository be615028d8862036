package text

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// A slot is a place in a pattern where a value stands.
type slot struct {
	target parser.Target
	name   []byte // of the label that a value becomes which does not fit the field
	group  string // of a regular expression, with its number
	number int
}

func (s *slot) isTime() bool { return s.target.Field != nil && s.target.Field.Type == event.Time }

// A pattern says how a line looks. Not changed once it is made.
type pattern struct {
	slots  []slot
	lead   literal        // in front of the first slot
	behind []literal      // what follows each slot
	re     *regexp.Regexp // instead of literals
	need   []byte         // text that every line has which the expression fits
	weight int            // how sure it is that a line which fits is of this format, 0 to 97
}

// compile reads a pattern; fields maps the groups of regular expressions.
func compile(text string, fields map[string]string) (*pattern, error) {
	if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		return compileExpression(text[1:len(text)-1], fields)
	}
	return compileSlots(text)
}

// compileSlots reads text with {field} in it.
func compileSlots(text string) (*pattern, error) {
	m := &pattern{}
	var lit []byte
	put := func() {
		if len(m.slots) == 0 {
			m.lead = newLiteral(lit)
		} else {
			m.behind = append(m.behind, newLiteral(lit))
		}
		m.weight += 4 * len(bytes.ReplaceAll(lit, []byte(" "), nil))
		lit = nil
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case (c == '{' || c == '}') && i+1 < len(text) && text[i+1] == c:
			lit = append(lit, c)
			i++
		case c == ' ' || c == '\t':
			if n := len(lit); n == 0 || lit[n-1] != ' ' {
				lit = append(lit, ' ')
			}
		case c == '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("got %q, whose brace in byte %d is not closed ({{ stands for the sign itself)", text, i)
			}
			s, err := newSlot(text[i+1 : i+end])
			if err != nil {
				return nil, fmt.Errorf("got %q: %w", text, err)
			}
			if n := len(m.slots); n > 0 && len(lit) == 0 && !m.slots[n-1].isTime() {
				return nil, fmt.Errorf("got %q, where nothing stands between two values in byte %d, want some text that parts them", text, i)
			}
			put()
			m.slots = append(m.slots, s)
			i += end
		default:
			lit = append(lit, c)
		}
	}
	if len(m.slots) > 0 {
		lit = bytes.TrimRight(lit, " ")
	}
	put()
	return m, m.check(text)
}

// newSlot reads what stands between braces.
func newSlot(name string) (slot, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return slot{target: parser.Target{Drop: true}}, nil
	}
	t, err := parser.ParseTarget(name)
	if err != nil {
		return slot{}, err
	}
	return slot{target: t, name: labelName(t)}, nil
}

func labelName(t parser.Target) []byte {
	if t.Field == nil {
		return t.Label
	}
	return []byte(t.Field.Name)
}

// check finds patterns that cannot be meant, and weighs the others.
func (m *pattern) check(text string) error {
	var seen []event.FieldID
	hasValue := false
	for i := range m.slots {
		t := &m.slots[i].target
		hasValue = hasValue || !t.Drop
		if t.Field == nil {
			continue
		}
		if slices.Contains(seen, t.Field.ID) {
			return fmt.Errorf("got %q, which names %s twice", text, t.Field.Name)
		}
		seen = append(seen, t.Field.ID)
		switch {
		case t.Field.ID == event.Timestamp:
			m.weight += 25
		case t.Field.Type != event.String:
			m.weight += 10
		}
	}
	if !hasValue && m.re == nil {
		return fmt.Errorf("got %q, which has no value, want at least one such as {message}", text)
	}
	if m.weight > 0 {
		m.weight = min(50+m.weight, 97)
	}
	return nil
}

// compileExpression reads a regular expression.
func compileExpression(text string, fields map[string]string) (*pattern, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, said(text, err)
	}
	m := &pattern{need: required(tree), weight: 4 * letters(tree)}
	if m.re, err = regexp.Compile(text); err != nil {
		return nil, said(text, err)
	}
	for number, group := range m.re.SubexpNames() {
		if group == "" {
			continue
		}
		ours, named := fields[group]
		if !named {
			ours = nameOf(group)
		}
		t, err := parser.ParseTarget(ours)
		if err != nil {
			return nil, fmt.Errorf("group %s: %w", group, err)
		}
		m.slots = append(m.slots, slot{target: t, name: labelName(t), group: group, number: number})
	}
	return m, m.check(text)
}

// said words an error of package regexp.
func said(text string, err error) error {
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		return fmt.Errorf("got %q, which is no regular expression of RE2: %s: `%s`", text, e.Code, e.Expr)
	}
	return fmt.Errorf("got %q: %w", text, err)
}

// nameOf returns what a group means that fields does not name: the field of that name with _ for dots, or a label.
func nameOf(group string) string {
	for _, f := range event.Fields() {
		if len(f.Any) == 0 && strings.TrimLeft(strings.ReplaceAll(f.Name, ".", "_"), "@") == group {
			return f.Name
		}
	}
	if f, ok := event.FieldByName(group); ok && len(f.Any) == 0 {
		return f.Name
	}
	return "labels." + group
}

// groups lists the named groups.
func (m *pattern) groups() (names []string) {
	for i := range m.slots {
		if m.slots[i].group != "" {
			names = append(names, m.slots[i].group)
		}
	}
	return names
}

// required returns the longest text that every match of an expression has in it.
func required(tree *syntax.Regexp) (need []byte) {
	switch tree.Op {
	case syntax.OpLiteral:
		if tree.Flags&syntax.FoldCase == 0 {
			return []byte(string(tree.Rune))
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(tree.Sub[0])
	case syntax.OpConcat:
		for _, sub := range tree.Sub {
			if text := required(sub); len(text) > len(need) {
				need = text
			}
		}
	}
	return need
}

// letters counts the characters in an expression that stand for themselves.
func letters(tree *syntax.Regexp) (n int) {
	if tree.Op == syntax.OpLiteral {
		return len(tree.Rune)
	}
	for _, sub := range tree.Sub {
		n += letters(sub)
	}
	return n
}
