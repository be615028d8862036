package filter

import "slices"

// An automaton finds all of many texts in one pass over a value (Aho and Corasick, Communications of the ACM 18(6),
// 1975), as a table of transitions: one look-up a byte, nothing allocated.
type automaton struct {
	classes [256]uint8 // bytes that stand in no pattern share class 0
	width   int        // number of classes
	next    []uint32   // state*width + class: where to go, times width; the top bit is set when something ends there
	ends    [][]int32  // a state: the patterns that end there
}

const found = 1 << 31

// maxStates bounds one automaton; more patterns are spread over several.
const maxStates = 1 << 15

// newAutomata builds automata over patterns that are not empty. Numbers go with the patterns.
func newAutomata(patterns [][]byte, numbers []int32) []*automaton {
	var list []*automaton
	for from := 0; from < len(patterns); {
		to, states := from, 1
		for to < len(patterns) && (to == from || states+len(patterns[to]) <= maxStates) {
			states += len(patterns[to])
			to++
		}
		list = append(list, newAutomaton(patterns[from:to], numbers[from:to]))
		from = to
	}
	return list
}

func newAutomaton(patterns [][]byte, numbers []int32) *automaton {
	a := &automaton{width: 1}
	for _, p := range patterns {
		for _, c := range p {
			if a.classes[c] == 0 {
				a.classes[c] = uint8(min(a.width, 255)) // with 256 different bytes two share a class; see below
				a.width++
			}
		}
	}
	if a.width > 256 { // every byte occurs: let each be its own class
		a.width = 256
		for c := range a.classes {
			a.classes[c] = uint8(c)
		}
	}
	a.insert(patterns, numbers)
	a.link()
	return a
}

// insert builds the tree of the patterns. While it grows, transitions are plain state numbers and 0 stands for none.
func (a *automaton) insert(patterns [][]byte, numbers []int32) {
	a.next = make([]uint32, a.width)
	a.ends = make([][]int32, 1)
	for i, p := range patterns {
		state := 0
		for _, c := range p {
			at := state*a.width + int(a.classes[c])
			if a.next[at] == 0 {
				a.next[at] = uint32(len(a.ends))
				a.ends = append(a.ends, nil)
				a.next = append(a.next, make([]uint32, a.width)...)
			}
			state = int(a.next[at])
		}
		a.ends[state] = append(a.ends[state], numbers[i])
	}
}

// link fills in where to go on when the tree ends, breadth first, and then marks and scales the transitions.
func (a *automaton) link() {
	fail := make([]uint32, len(a.ends))
	var queue []uint32
	for c := range a.width {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		if more := a.ends[fail[state]]; len(more) > 0 {
			a.ends[state] = append(slices.Clip(a.ends[state]), more...)
		}
		for c := range a.width {
			at := int(state)*a.width + c
			shorter := a.next[int(fail[state])*a.width+c]
			if s := a.next[at]; s != 0 {
				fail[s] = shorter
				queue = append(queue, s)
			} else {
				a.next[at] = shorter
			}
		}
	}
	for i, s := range a.next {
		a.next[i] = s * uint32(a.width)
		if len(a.ends[s]) > 0 {
			a.next[i] |= found
		}
	}
}

// scan calls hit with the number of every pattern in v, once for each place.
func (a *automaton) scan(v []byte, hit func(number int32)) {
	state := uint32(0)
	for _, c := range v {
		state = a.next[state+uint32(a.classes[c])]
		if state&found != 0 {
			state &^= found
			for _, n := range a.ends[state/uint32(a.width)] {
				hit(n)
			}
		}
	}
}
