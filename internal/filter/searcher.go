package filter

import "math"

// A searcher finds all of many texts in one pass over a value. It looks at the last three bytes of a window as wide as the
// shortest text and learns from a table how far the window may jump, as in Wu and Manber, A Fast Algorithm for
// Multi-Pattern Searching, 1994. Only where the table says that a text may begin does it follow a tree of their
// beginnings, which all texts share however many there are. Nothing is allocated.
type searcher struct {
	window  int                // bytes of the shortest text, longText at most
	shift   [shiftPlaces]uint8 // by the bytes at the end of the window; 0 where a text may begin at its start
	classes [256]uint8         // bytes that stand in no text share class 0
	width   int                // number of classes
	next    []uint32           // node*width + class: the node there, 0 for none
	ends    [][]int32          // a node: the numbers of the texts that end there
}

const (
	shiftPlaces = 1 << 13
	// longText is how much of a text goes into the tree; it bounds the steps a byte of the value. Whoever looks for a
	// longer one must look again.
	longText = 32
	// shortText parts the texts: short ones would keep the window of long ones narrow.
	shortText = 4
)

// shiftPlace mixes three bytes; short texts give 0 for the first.
func shiftPlace(a, b, c byte) uint { return (uint(a)<<9 ^ uint(b)<<5 ^ uint(c)) & (shiftPlaces - 1) }

// newSearchers builds searchers over texts that are not empty. Numbers go with the texts.
func newSearchers(texts [][]byte, numbers []int32) []*searcher {
	var list []*searcher
	for _, short := range []bool{true, false} {
		s := &searcher{window: math.MaxInt, width: 1}
		var mine [][]byte
		var ids []int32
		for i, t := range texts {
			if len(t) < shortText == short {
				t = t[:min(len(t), longText)]
				mine, ids = append(mine, t), append(ids, numbers[i])
				s.window = min(s.window, len(t))
			}
		}
		if len(mine) > 0 {
			s.classify(mine)
			s.plant(mine, ids)
			list = append(list, s)
		}
	}
	return list
}

// classify gives a class to every byte that occurs, and fills the table of jumps.
func (s *searcher) classify(texts [][]byte) {
	jump := uint8(max(s.window-2, 1))
	if s.window < shortText {
		jump = uint8(max(s.window-1, 1))
	}
	for i := range s.shift {
		s.shift[i] = jump
	}
	for _, t := range texts {
		for _, c := range t {
			if s.classes[c] == 0 && s.width < 256 {
				s.classes[c] = uint8(s.width)
				s.width++
			}
		}
		for i := 1; i < s.window; i++ {
			place := shiftPlace(0, t[i-1], t[i])
			if s.window >= shortText {
				if i < 2 {
					continue
				}
				place = shiftPlace(t[i-2], t[i-1], t[i])
			}
			s.shift[place] = min(s.shift[place], uint8(s.window-1-i))
		}
	}
	if s.width == 256 { // nearly every byte occurs: let each be its own class
		for c := range s.classes {
			s.classes[c] = uint8(c)
		}
	}
}

// plant builds the tree.
func (s *searcher) plant(texts [][]byte, numbers []int32) {
	s.next = make([]uint32, s.width)
	s.ends = make([][]int32, 1)
	for i, t := range texts {
		node := 0
		for _, c := range t {
			at := node*s.width + int(s.classes[c])
			if s.next[at] == 0 {
				s.next[at] = uint32(len(s.ends))
				s.ends = append(s.ends, nil)
				s.next = append(s.next, make([]uint32, s.width)...)
			}
			node = int(s.next[at])
		}
		s.ends[node] = append(s.ends[node], numbers[i])
	}
}

// scan calls hit with the number of every text in v, once for each place.
func (s *searcher) scan(v []byte, hit func(number int32)) {
	switch {
	case s.window == 1:
		for i := range v {
			s.follow(v[i:], hit)
		}
		return
	case s.window < shortText:
		for end := s.window - 1; end < len(v); {
			if jump := s.shift[shiftPlace(0, v[end-1], v[end])]; jump != 0 {
				end += int(jump)
				continue
			}
			s.follow(v[end+1-s.window:], hit)
			end++
		}
		return
	}
	for end := s.window - 1; end < len(v); {
		if jump := s.shift[shiftPlace(v[end-2], v[end-1], v[end])]; jump != 0 {
			end += int(jump)
			continue
		}
		s.follow(v[end+1-s.window:], hit)
		end++
	}
}

// follow goes down the tree as far as it agrees with v.
func (s *searcher) follow(v []byte, hit func(number int32)) {
	node := uint32(0)
	for _, c := range v {
		class := s.classes[c]
		if class == 0 && s.width < 256 {
			return
		}
		node = s.next[int(node)*s.width+int(class)]
		if node == 0 {
			return
		}
		for _, n := range s.ends[node] {
			hit(n)
		}
	}
}
