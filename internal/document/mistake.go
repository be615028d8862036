package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// MaxMistakes bounds how many mistakes are told of one document.
const MaxMistakes = 100

// A Mistake is one thing that is wrong in a document, and where.
type Mistake struct {
	File   string // name of the document, or of the variable in the environment that is wrong
	Line   int    // from 1; 0 where there is no place to point at
	Column int    // from 1, in characters
	Path   string // the setting, as in rules[2].over
	Got    string // what stands there, with Want
	Want   string // what should
	Text   string // what is wrong, where Got and Want do not say it
	Hint   string // the nearest thing that would be right
	// Excerpt is the line with a caret below the place; secrets in it are blotted out.
	Excerpt string
}

// Error gives one line, as in "tocsin.yaml:41: rules[2].over: got 0s, want 1s or more", and the excerpt below it.
func (m Mistake) Error() string {
	var s strings.Builder
	s.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&s, ":%d", m.Line)
	}
	if m.Path != "" {
		s.WriteString(": " + m.Path)
	}
	s.WriteString(": " + m.reason())
	if m.Hint != "" {
		s.WriteString(" (did you mean " + m.Hint + "?)")
	}
	if m.Excerpt != "" {
		s.WriteString("\n" + m.Excerpt)
	}
	return s.String()
}

func (m Mistake) reason() string {
	if m.Text != "" {
		return m.Text
	}
	return "got " + m.Got + ", want " + m.Want
}

// Unwrap makes every mistake a fault.Invalid.
func (m Mistake) Unwrap() error { return fault.Invalid }

// Mistakes are all that is wrong in a document, in the order of their places.
type Mistakes []Mistake

// Error gives all of them, one below the other.
func (m Mistakes) Error() string {
	texts := make([]string, len(m))
	for i := range m {
		texts[i] = m[i].Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap makes mistakes a fault.Invalid.
func (m Mistakes) Unwrap() error { return fault.Invalid }

// Join gathers the mistakes of several errors, nil ones among them, into one in the order of their places. An error that
// is no mistake becomes one without a place. It returns nil when there is none.
func Join(errs ...error) error {
	var all Mistakes
	for _, err := range errs {
		for _, e := range split(err) {
			var one Mistake
			var several Mistakes
			switch {
			case errors.As(e, &several):
				all = append(all, several...)
			case errors.As(e, &one):
				all = append(all, one)
			default:
				all = append(all, Mistake{File: "configuration", Text: e.Error()})
			}
		}
	}
	return all.result()
}

// result orders mistakes, drops repeated and surplus ones, and returns nil when there are none.
func (m Mistakes) result() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	m = slices.CompactFunc(m, func(a, b Mistake) bool {
		return a.File == b.File && a.Line == b.Line && a.Path == b.Path && a.reason() == b.reason()
	})
	if len(m) > MaxMistakes {
		m = append(slices.Clip(m[:MaxMistakes]), Mistake{File: m[0].File, Text: "more mistakes follow"})
	}
	return m
}

// located is a mistake whose place is still to be found, below the value whose Validate returned it.
type located struct {
	key, got, want, hint string
	cause                error // instead of got and want
}

func (l *located) Error() string {
	if l.cause != nil {
		return l.key + ": " + l.cause.Error()
	}
	return l.key + ": got " + l.got + ", want " + l.want
}

func (l *located) Unwrap() error { return l.cause }

// At returns an error for Validate methods that points at a setting below the value: a key such as "over", "by[2]" or
// "retention.flow". got is the value as it is; texts are quoted and durations written as in documents.
func At(key string, got any, want string) error {
	return &located{key: key, got: show(got), want: want}
}

// Choice returns an error as At does for a word that is none of those known, with the nearest of them as a hint.
func Choice(key, got string, known []string) error {
	want := "nothing: there is none to choose from"
	if len(known) > 0 {
		want = oneOf(known)
	}
	return &located{key: key, got: show(got), want: want, hint: event.Nearest(got, known)}
}

// Wrap returns an error as At does for what is wrong in other words.
func Wrap(key string, cause error) error { return &located{key: key, cause: cause} }

// show writes a value as messages do.
func show(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return FormatDuration(v)
	case fmt.Stringer:
		return v.String()
	case string:
		return fmt.Sprintf("%q", v)
	case nil:
		return "nothing"
	}
	return fmt.Sprintf("%v", v)
}

// split undoes errors.Join, which is known by its text, as other errors wrap several as well.
func split(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	parts := joined.Unwrap()
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Error()
	}
	if err.Error() != strings.Join(texts, "\n") {
		return []error{err}
	}
	var all []error
	for _, p := range parts {
		all = append(all, split(p)...)
	}
	return all
}

// mistake makes a mistake at a place.
func (s *source) mistake(line, column int, path, text string) Mistake {
	return Mistake{File: s.name, Line: line, Column: column, Path: path, Text: text, Excerpt: s.excerpt(line, column)}
}

// join appends a key to a path. Paths are for people: a key that nobody would read to its end is cut, so that many values
// below a long one stay cheap.
func join(path, key string) string {
	key = shorten(key)
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r == '.' || r == '[' || !unicode.IsPrint(r) || r == ' ' }) {
		return fmt.Sprintf("%s[%q]", path, key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
