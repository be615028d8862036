package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// flowtraqPrefix begins a filter that is spelled in FlowTraq's language.
const flowtraqPrefix = "flowtraq:"

// Limits of a filter of FlowTraq, besides maxText.
const (
	maxFlowtraqBrackets = 100    // inside each other
	maxFlowtraqTests    = 10_000 // of tocsin's own spelling: ^| doubles what it joins
)

// A FlowTraq is a filter in FlowTraq's language, read and checked. It is never changed and may be shared.
//
// It can be asked of two things: of events by Expr, each by itself, and by Match of whole sessions.
type FlowTraq struct {
	root *clause
	expr *Expr
}

// A clause is one part of the tree of a FlowTraq.
type clause struct {
	kind kind
	kids []*clause // of and, or, xor, not
	ask  *question // of leaf
}

// xor is the kind of a clause, of FlowTraq alone, of which an odd number of parts hold: of two exactly one.
const xor = leaf + 1

// A question compares one field with one value. Its op is of equality, or of order where the subject has one.
type question struct {
	field *flowtraqField
	op    op

	number  uint64       // of all that are numbers
	prefix  netip.Prefix // of addresses
	network network      // the same
	text    string       // of countries, groups and applications
	flag    uint8        // of TCP flags asked for by name: its bit
	unknown bool         // what is asked for is that nothing is told
}

// ParseFlowTraq reads a filter in FlowTraq's language, with "flowtraq:" before it or without. A blank one selects
// everything. Errors are of type *Error.
//
// Of the operators ! binds strongest, then &&, then ^|, then ||, as those of C do; parts that stand equal are taken from
// left to right. A comparison is a part of its own, so that !SRVPORT==22 is !(SRVPORT==22).
func ParseFlowTraq(text string) (*FlowTraq, error) {
	if len(text) > maxText {
		return nil, newError(text[:80], 0, fmt.Sprintf("the filter has %d bytes, want at most %d", len(text), maxText), "")
	}
	if !utf8.ValidString(text) {
		at := strings.IndexRune(text, utf8.RuneError)
		return nil, newError(strings.ToValidUTF8(text, "?"), max(at, 0), "the text is not UTF-8", "")
	}
	r := &flowtraqReader{text: text}
	if IsFlowTraq(text) {
		r.at = strings.Index(text, ":") + 1
	}
	root, fail := r.read()
	if fail != nil {
		return nil, fail
	}
	expr, fail := root.expr(text)
	if fail != nil {
		return nil, fail
	}
	return &FlowTraq{root: root, expr: expr}, nil
}

// IsFlowTraq reports whether a text says that it is in FlowTraq's language.
func IsFlowTraq(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) >= len(flowtraqPrefix) && strings.EqualFold(text[:len(flowtraqPrefix)], flowtraqPrefix)
}

// Expr returns the filter over events, each of which is judged as if it was the whole session: what the other end sent is
// nothing. A record without a role counts as sent by the client.
func (f *FlowTraq) Expr() *Expr { return f.expr }

// Native spells the filter over events in tocsin's own language; Parse reads the same filter from it.
func (f *FlowTraq) Native() string { return f.expr.String() }

// NeedsSession reports whether the filter asks for what the records of a session tell only together: bytes, packets and TCP
// flags. Of a session of one record Match says of any other filter what Expr says of the record.
func (f *FlowTraq) NeedsSession() bool { return f.root.summed() }

func (c *clause) summed() bool {
	if c.kind == leaf {
		return c.ask.field.about.summed()
	}
	for _, kid := range c.kids {
		if kid.summed() {
			return true
		}
	}
	return false
}
