package filter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of a filter.
const (
	maxText     = 64 << 10 // bytes of the text
	maxBrackets = 200      // brackets inside each other, and negations in a row
	maxDepth    = 250      // parts of the tree inside each other
)

// A prepared text is one that the parser of expr-lang takes, byte for byte as long as the original. It knows no @ in
// names and no integers above 2^63-1, so both become names, which are noted here by their offset.
type prepared struct {
	text string
	at   map[int]bool   // offsets of names that begin with @
	big  map[int]uint64 // offsets of integers that are larger
}

// prepare looks through the text once, before the parser does, and bounds how deep that will go.
func prepare(text string) (p prepared, fail *Error) {
	p = prepared{at: map[int]bool{}, big: map[int]uint64{}}
	out := []byte(text)
	depth, prefixes := 0, 0
	for i := 0; i < len(text); {
		next := skipQuoted(text, i)
		c := text[i]
		switch {
		case next > i:
			prefixes = 0
		case c == '(' || c == '[' || c == '{':
			if depth++; depth > maxBrackets {
				return p, newError(text, i, fmt.Sprintf("more than %d brackets inside each other", maxBrackets), "")
			}
			next, prefixes = i+1, 0
		case c == ')' || c == ']' || c == '}':
			depth, next, prefixes = depth-1, i+1, 0
		case c == '@' && i+1 < len(text) && isWord(text[i+1]):
			out[i], p.at[i] = '_', true
			next, prefixes = endOfWord(text, i+1), 0
		case isWord(c):
			next = endOfWord(text, i)
			word := text[i:next]
			if v, err := strconv.ParseUint(word, 0, 64); err == nil && v > math.MaxInt64 && !strings.HasPrefix(word, "00") && (i == 0 || text[i-1] != '.') && (next == len(text) || text[next] != '.') {
				out[i], p.big[i] = '_', v
			}
			if prefixes++; word != "not" {
				prefixes = 0
			}
		case c == '!' || c == '-' || c == '+' || c == '*' || c == '^' || c == '?':
			next, prefixes = i+1, prefixes+1
		default:
			next = i + 1
			if c != ' ' && c != '\t' && c != '\n' {
				prefixes = 0
			}
		}
		if prefixes > maxBrackets {
			return p, newError(text, i, fmt.Sprintf("more than %d negations in a row", maxBrackets), "")
		}
		i = next
	}
	p.text = string(out)
	return p, nil
}

// skipQuoted returns where a quoted text or comment that begins at i ends, else i. One without an end reaches to the end
// of the text; the parser will complain.
func skipQuoted(text string, i int) int {
	rest := text[i:]
	var closing string
	switch {
	case rest[0] == '"' || rest[0] == '\'':
		for j := 1; j < len(rest); j++ {
			switch rest[j] {
			case '\\':
				j++
			case rest[0]:
				return i + j + 1
			}
		}
		return len(text)
	case rest[0] == '`':
		closing = "`"
	case strings.HasPrefix(rest, "//"):
		closing = "\n"
	case strings.HasPrefix(rest, "/*"):
		closing = "*/"
	default:
		return i
	}
	at := strings.Index(rest[min(len(closing), len(rest)):], closing)
	if at < 0 {
		return len(text)
	}
	return i + 2*len(closing) + at
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func endOfWord(text string, i int) int {
	for i < len(text) && isWord(text[i]) {
		i++
	}
	return i
}
