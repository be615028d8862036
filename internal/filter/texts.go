package filter

import (
	"bytes"
	"slices"

	"tocsin/internal/event"
)

// Texts that are looked for are found by a searcher from this many on; fewer are quicker one by one.
const (
	minSearched      = 3
	maxSearchedBytes = 256 << 10 // of all texts of a group; the rest is looked for one by one
)

// textTests are all tests of one text field or label. They look at each value once, at each value of a dictionary once a
// batch.
type textTests struct {
	id    event.FieldID // 0 for a label
	label int           // place among the labels looked at, -1 for a field
	plain bool          // the field is kept plain
	slots []int32
	has   int32 // slot of has, -1 for none

	exact  textSearch // on values as they are
	folded textSearch // on values that appendFolded went over
	alone  *textTest  // the only test of the group, if there is but one
}

// A textSearch holds the tests that look at the same form of a value.
type textSearch struct {
	equal     map[string][]int32
	tests     []*textTest // tried on every value
	found     []*textTest // tried when the searchers find what they must contain
	searchers []*searcher
}

// A textTest is one test of a text.
type textTest struct {
	op    op
	text  []byte
	regex *pattern
	like  *likePattern
	must  []byte   // a text that every value must contain for which it holds; may be empty
	musts [][]byte // of a regular expression in place of must: folded texts of which every folded value must contain one
	slot  int32
}

func newTextTests(g *operandTests) *textTests {
	t := &textTests{label: -1, has: -1, slots: g.slots}
	if g.operand.field != nil {
		t.id, t.plain = g.operand.field.ID, g.operand.field.Plain
	}
	var exact, folded []*textTest
	for i, src := range g.tests {
		slot := g.slots[i]
		switch src.op {
		case opHas:
			t.has = slot
		case opEqual:
			t.exact.addEqual(src.consts, slot)
		case opSame:
			t.folded.addEqual([]constant{{text: string(appendFolded(nil, []byte(src.consts[0].text)))}}, slot)
		case opIncludes, opAlike:
			folded = append(folded, newTextTest(src, slot))
		default:
			if one := newTextTest(src, slot); len(one.musts) > 0 {
				folded = append(folded, one)
			} else {
				exact = append(exact, one)
			}
		}
	}
	if len(exact)+len(folded) == 1 && t.exact.equal == nil && t.folded.equal == nil {
		t.alone = append(exact, folded...)[0]
	}
	t.exact.build(exact)
	t.folded.build(folded)
	return t
}

func newTextTest(src *test, slot int32) *textTest {
	t := &textTest{op: src.op, text: []byte(src.consts[0].text), regex: src.regex, slot: slot}
	if t.folds() {
		t.text = appendFolded(nil, t.text)
	}
	switch t.op {
	case opContains, opIncludes, opStarts, opEnds:
		t.must = t.text
	case opMatches:
		t.must, t.musts = t.regex.literal, t.regex.required
	case opLike, opAlike:
		t.like = compileLike(t.text)
		t.must = t.like.literal()
	}
	return t
}

// holdsFolded reports whether the test holds for a value of which the folded form is there as well. Regular expressions wait
// for folded texts, and then look at the value as it is.
func (t *textTest) holdsFolded(folded, v []byte) bool {
	if t.op == opMatches {
		folded = v
	}
	return t.holds(folded)
}

// folds reports whether the test looks at folded values.
func (t *textTest) folds() bool { return t.op == opIncludes || t.op == opAlike }

// sure reports whether the test holds wherever a searcher finds its text.
func (t *textTest) sure() bool {
	return (t.op == opContains || t.op == opIncludes) && len(t.text) <= longText
}

// holds reports whether the test holds for a value.
func (t *textTest) holds(v []byte) bool {
	switch t.op {
	case opContains, opIncludes:
		return bytes.Contains(v, t.text)
	case opStarts:
		return bytes.HasPrefix(v, t.text)
	case opEnds:
		return bytes.HasSuffix(v, t.text)
	case opMatches:
		return t.regex.match(v)
	case opLike, opAlike:
		return t.like.match(v)
	case opLess:
		return bytes.Compare(v, t.text) < 0
	case opAtMost:
		return bytes.Compare(v, t.text) <= 0
	case opGreater:
		return bytes.Compare(v, t.text) > 0
	case opAtLeast:
		return bytes.Compare(v, t.text) >= 0
	}
	return false
}

func (x *textSearch) addEqual(consts []constant, slot int32) {
	if x.equal == nil {
		x.equal = map[string][]int32{}
	}
	for _, c := range consts {
		if !slices.Contains(x.equal[c.text], slot) {
			x.equal[c.text] = append(x.equal[c.text], slot)
		}
	}
}

// build decides which tests wait for the searchers.
func (x *textSearch) build(tests []*textTest) {
	var patterns [][]byte
	var numbers []int32
	size := 0
	for _, t := range tests {
		musts := t.musts
		if len(t.must) > 0 {
			musts = [][]byte{t.must}
		}
		more := 0
		for _, text := range musts {
			more += min(len(text), longText)
		}
		if len(musts) == 0 || size+more > maxSearchedBytes {
			x.tests = append(x.tests, t)
			continue
		}
		size += more
		for _, text := range musts {
			patterns, numbers = append(patterns, text), append(numbers, int32(len(x.found)))
		}
		x.found = append(x.found, t)
	}
	if len(patterns) < minSearched {
		x.tests, x.found = tests, nil
		return
	}
	x.searchers = newSearchers(patterns, numbers)
}

func (x *textSearch) none() bool { return x.equal == nil && len(x.tests) == 0 && len(x.found) == 0 }

// quick reports whether the tests cost little even when every row has a value of its own.
func (t *textTests) quick() bool {
	return len(t.exact.tests) == 0 && len(t.exact.found) == 0 && t.folded.none() && !t.plain && t.id != 0
}
