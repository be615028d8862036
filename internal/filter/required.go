package filter

import (
	"regexp/syntax"
	"unicode"
)

// Limits of the texts of which one must be in whatever a regular expression matches.
const (
	maxRequired     = 256 // texts
	maxRequiredText = 24  // characters of one; longer ones are cut
	maxClass        = 16  // characters of a class that is written out
	minRarity       = 3   // of a text that is worth searching for
)

// requiredTexts returns texts, folded, of which one at least is in every folded value that the expression matches; nil when
// there are none that are worth searching for. The way is that of Russ Cox, Regular Expression Matching with a Trigram Index,
// 2012: parts that can match few texts are written out, and of the parts of a sequence the one with the rarest texts counts.
func requiredTexts(tree *syntax.Regexp) [][]byte {
	best := analyse(tree).needed()
	var texts [][]byte
	for _, t := range best {
		texts = append(texts, []byte(string(t)))
	}
	return texts
}

// A demand is what is known of a part of an expression.
type demand struct {
	exact [][]rune // all that it can match, folded; nil when that is too much
	any   [][]rune // one of these is in all that it can match; nil when nothing is known
}

// needed returns the better of what a demand says.
func (d demand) needed() [][]rune { return rarer(d.exact, d.any) }

// rarer returns the set whose most frequent text is rarer; nil when neither is rare enough.
func rarer(a, b [][]rune) [][]rune {
	x, y := rarity(a), rarity(b)
	switch {
	case max(x, y) < minRarity:
		return nil
	case x >= y:
		return a
	default:
		return b
	}
}

// rarity guesses how seldom the most frequent of some texts is in a value: a letter, a
// digit and signs that addresses are full of count 1, a point 2, other signs 3.
func rarity(set [][]rune) int {
	if len(set) == 0 || len(set) > maxRequired {
		return 0
	}
	least := 1 << 30
	for _, text := range set {
		n := 0
		for _, r := range text {
			switch {
			case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '%' || r == '/' || r == '-' || r == '=':
				n++
			case r == '.':
				n += 2
			default:
				n += 3
			}
		}
		least = min(least, n)
	}
	return least
}

var emptyText = [][]rune{{}}

// analyse finds what every match of a tree must hold.
func analyse(re *syntax.Regexp) demand {
	switch re.Op {
	case syntax.OpLiteral:
		return literalDemand(re.Rune)
	case syntax.OpCharClass:
		return demand{exact: classTexts(re.Rune)}
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return demand{exact: emptyText}
	case syntax.OpCapture:
		return analyse(re.Sub[0])
	case syntax.OpPlus:
		return demand{any: analyse(re.Sub[0]).needed()}
	case syntax.OpQuest:
		if d := analyse(re.Sub[0]); d.exact != nil {
			return demand{exact: union(d.exact, emptyText)}
		}
	case syntax.OpConcat:
		return sequence(re.Sub)
	case syntax.OpAlternate:
		return choice(re.Sub)
	}
	return demand{} // nothing is known of stars and of what matches any character
}

// literalDemand takes a literal as it is. What is no UTF-8 is U+FFFD to the engine, so that character ends it.
func literalDemand(text []rune) demand {
	folded := make([]rune, 0, len(text))
	for _, r := range text {
		if r == 0xfffd {
			return demand{any: rarer([][]rune{folded}, nil)}
		}
		folded = append(folded, foldRune(r))
	}
	return demand{exact: [][]rune{folded}}
}

// classTexts writes a small class of characters out.
func classTexts(ranges []rune) (texts [][]rune) {
	seen := map[rune]bool{}
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 2*maxClass || ranges[i] <= 0xfffd && ranges[i+1] >= 0xfffd || ranges[i+1] > unicode.MaxRune {
			return nil
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if f := foldRune(r); !seen[f] {
				seen[f] = true
				texts = append(texts, []rune{f})
			}
		}
	}
	if len(texts) > maxClass {
		return nil
	}
	return texts
}

// sequence joins what the parts can match as long as that is little, and takes the rarest of what comes of it.
func sequence(parts []*syntax.Regexp) demand {
	exact, whole := emptyText, true
	var best [][]rune
	for _, part := range parts {
		d := analyse(part)
		best = rarer(best, d.any)
		if next := product(exact, d.exact); next != nil {
			exact = next
			continue
		}
		best = rarer(best, exact)
		whole = false
		if exact = d.exact; exact == nil {
			exact = emptyText
		}
	}
	if whole {
		return demand{exact: exact, any: best}
	}
	return demand{any: rarer(best, exact)}
}

// choice is what one of the parts must hold: only known when it is known of all.
func choice(parts []*syntax.Regexp) demand {
	exact, some := [][]rune{}, [][]rune{}
	for _, part := range parts {
		d := analyse(part)
		if exact != nil && d.exact != nil {
			exact = union(exact, d.exact)
		} else {
			exact = nil
		}
		if needed := d.needed(); some != nil && needed != nil {
			some = union(some, needed)
		} else {
			some = nil
		}
	}
	return demand{exact: exact, any: some}
}

// union returns the texts of both; nil when they are too many.
func union(a, b [][]rune) [][]rune {
	if len(a)+len(b) > maxRequired {
		return nil
	}
	return append(append(make([][]rune, 0, len(a)+len(b)), a...), b...)
}

// product returns each text of a with each of b behind it; nil when they are too many or too long.
func product(a, b [][]rune) [][]rune {
	if a == nil || b == nil || len(a)*len(b) > maxRequired {
		return nil
	}
	all := make([][]rune, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxRequiredText && len(x) > 0 {
				return nil
			}
			all = append(all, append(append(make([]rune, 0, len(x)+len(y)), x...), y...))
		}
	}
	return all
}
