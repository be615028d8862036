package document

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// excerptWidth is how many characters of a long line are shown.
const excerptWidth = 100

// excerpt gives a line of the text with a caret below a column.
func (s *source) excerpt(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	window, skipped := around(strings.TrimSuffix(s.lines[line-1], "\r"), column-1)
	runes := []rune(blot(window))
	column -= skipped
	from := max(0, min(column-1-excerptWidth/2, len(runes)-excerptWidth))
	to := min(len(runes), from+excerptWidth)
	var text, below strings.Builder
	for i, r := range runes[from:to] {
		if r != '\t' && !unicode.IsPrint(r) {
			r = unicode.ReplacementChar
		}
		text.WriteRune(r)
		if from+i < column-1 {
			if r != '\t' {
				r = ' '
			}
			below.WriteRune(r)
		}
	}
	number := fmt.Sprintf("%5d", line)
	return fmt.Sprintf("%s | %s\n%*s | %s^", number, text.String(), len(number), "", below.String())
}

// around returns the part of a line that an excerpt at a character needs, and how many characters stand before it. A line
// can be as long as a document, and many mistakes can stand in it. The part begins early enough to hold the key of a
// secret whose value is shown.
func around(line string, at int) (part string, skipped int) {
	const context = 1024 // bytes
	if len(line) <= 2*context {
		return line, 0
	}
	place, n := len(line), 0
	for i := range line {
		if n == at {
			place = i
			break
		}
		n++
	}
	from, to := max(0, place-context), min(len(line), place+context)
	for from > 0 && !utf8.RuneStart(line[from]) {
		from--
	}
	for to < len(line) && !utf8.RuneStart(line[to]) {
		to++
	}
	return line[from:to], n - utf8.RuneCountInString(line[from:place])
}

var secretPattern = regexp.MustCompile(`(?i)(?:password|passwd|secret|token|dsn|api_?key)["']?\s*[:=]\s*(\S[^,}]*)|://([^/\s@]+)@`)

// blot hides what looks like the value of a secret, character by character so that carets stay below their place.
func blot(line string) string {
	for _, at := range slices.Backward(secretPattern.FindAllStringSubmatchIndex(line, -1)) {
		from, to := at[2], at[3]
		if from < 0 { // the other of the two
			from, to = at[4], at[5]
		}
		line = line[:from] + strings.Repeat("*", utf8.RuneCountInString(line[from:to])) + line[to:]
	}
	return line
}
