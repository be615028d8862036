package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/fault"
)

// An Error says what is wrong with the text of a filter, and where. It is of the kind fault.Invalid.
type Error struct {
	Text   string // the filter
	Offset int    // where, in bytes from the start of Text
	Line   int    // from 1
	Column int    // in characters from 1
	Reason string
	Hint   string // what to write instead; may be empty
}

// newError puts line and column to an offset.
func newError(text string, offset int, reason, hint string) *Error {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Text: text, Offset: offset, Reason: reason, Hint: hint,
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(text[start:offset]) + 1,
	}
}

// excerptRunes is how much of a long line is shown to either side of the place.
const excerptRunes = 50

// Error says reason, position and hint, and shows the place with a caret under it.
func (e *Error) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "filter: %s (line %d, column %d)", e.Reason, e.Line, e.Column)
	start := strings.LastIndexByte(e.Text[:e.Offset], '\n') + 1
	before := []rune(e.Text[start:e.Offset])
	rest, _, _ := strings.Cut(e.Text[e.Offset:], "\n")
	after := []rune(rest)
	cutLeft, cutRight := "", ""
	if len(before) > excerptRunes {
		before, cutLeft = before[len(before)-excerptRunes:], "..."
	}
	if len(after) > excerptRunes {
		after, cutRight = after[:excerptRunes], "..."
	}
	s.WriteString("\n  " + cutLeft + printable(before) + printable(after) + cutRight)
	s.WriteString("\n  " + strings.Repeat(" ", len(cutLeft)+len(before)) + "^")
	if e.Hint != "" {
		s.WriteString("\n  " + e.Hint)
	}
	return s.String()
}

// Unwrap tells the edges that the request is wrong.
func (e *Error) Unwrap() error { return fault.Invalid }

// printable replaces what a terminal could act on, one character for one.
func printable(text []rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, string(text))
}
