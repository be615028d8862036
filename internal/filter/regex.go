package filter

import (
	"bytes"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Limits of regular expressions. The sizes are in steps of the compiled program, about 40 bytes each.
const (
	maxPatternBytes = 4096
	maxPatternSteps = 20_000
	maxTotalSteps   = 100_000 // of all regular expressions of a filter
)

// A pattern is a compiled regular expression and a text that whatever it matches must contain.
type pattern struct {
	source  string
	re      *regexp.Regexp
	literal []byte // nil when there is none of use
	// required are folded texts of which one must be in the folded value; nil when there are none of use, or literal is there.
	required [][]byte
	steps    int
}

// compilePattern reads an RE2 expression; reason says what is wrong with it.
func compilePattern(source string) (p *pattern, reason string) {
	if len(source) > maxPatternBytes {
		return nil, fmt.Sprintf("the regular expression has %d bytes, want at most %d", len(source), maxPatternBytes)
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, err.Error()
	}
	steps := programSteps(tree)
	if steps > maxPatternSteps {
		return nil, fmt.Sprintf("the regular expression is too large (about %d steps, want at most %d)", steps, maxPatternSteps)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, err.Error()
	}
	p = &pattern{source: source, re: re, steps: steps}
	tree = tree.Simplify()
	if lit := requiredLiteral(tree); len(lit) >= 2 {
		p.literal = lit
	} else {
		p.required = requiredTexts(tree)
	}
	return p, ""
}

// programSteps estimates the size of the program before it is compiled, since repetitions multiply.
func programSteps(re *syntax.Regexp) int {
	const ceiling = 1 << 30
	n := 1
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 16
	}
	for _, sub := range re.Sub {
		n = min(n+programSteps(sub), ceiling)
	}
	if re.Op == syntax.OpRepeat {
		times := max(re.Max, re.Min+1, 1)
		if n > ceiling/times {
			return ceiling
		}
		n *= times
	}
	return n
}

// requiredLiteral returns the longest text found that every match must contain. A tree that was simplified has no
// counted repetitions left.
func requiredLiteral(re *syntax.Regexp) []byte {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return nil
		}
		return literalBytes(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return requiredLiteral(re.Sub[0])
	case syntax.OpConcat:
		var best []byte
		for _, sub := range re.Sub {
			if lit := requiredLiteral(sub); len(lit) > len(best) {
				best = lit
			}
		}
		return best
	default:
		return nil
	}
}

// literalBytes encodes a literal. U+FFFD ends it: the engine takes bytes that are no UTF-8 for that character.
func literalBytes(runes []rune) []byte {
	var best []byte
	for start := 0; start < len(runes); {
		end := start
		for end < len(runes) && runes[end] != 0xfffd {
			end++
		}
		if lit := []byte(string(runes[start:end])); len(lit) > len(best) {
			best = lit
		}
		start = end + 1
	}
	return best
}

// match reports whether the expression matches anywhere in v.
func (p *pattern) match(v []byte) bool {
	if p.literal != nil && !bytes.Contains(v, p.literal) {
		return false
	}
	return p.re.Match(v)
}
