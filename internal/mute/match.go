package mute

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// evidence is what filters are held against: a row for each sample of an alert, with the fields of its entity added, and
// where there are no samples one of the entity alone. It is nil where a sample cannot be read: nothing is proven then.
func evidence(a *alert.Alert) *event.Batch {
	b := event.NewBuilder(event.Log)
	if len(a.Samples) == 0 {
		addEntity(b, a.Entity)
		b.Next()
		return b.Batch()
	}
	for _, sample := range a.Samples {
		addEntity(b, a.Entity)
		if !eachMember(sample, func(name string, value []byte) bool { return addMember(b, name, value) }) {
			return nil
		}
		b.Next()
	}
	return b.Batch()
}

// addEntity adds the fields of an entity. That of a view, such as related.ip, is told by the samples alone, as is one whose
// value is not of its type.
func addEntity(b *event.Builder, e alert.Entity) {
	for _, p := range e {
		if f, ok := event.FieldByName(p.Field); ok && len(f.Any) == 0 && !b.Has(f.ID) {
			add(b, f, []byte(p.Value))
		} else if label, ok := strings.CutPrefix(p.Field, "labels."); ok && label != "" {
			b.Label([]byte(label), []byte(p.Value))
		}
	}
}

// addMember adds a field or label of a sample, unless the entity told it. It reports false where its value is foul.
func addMember(b *event.Builder, name string, value []byte) bool {
	switch value[0] {
	case 'n', '{', '[':
		return true
	case '"':
		var ok bool
		if value, ok = unquote(value); !ok {
			return false
		}
	}
	f, ok := event.FieldByName(name)
	switch label, isLabel := strings.CutPrefix(name, "labels."); {
	case !ok && isLabel && label != "":
		b.Label([]byte(label), value)
		return true
	case !ok, len(f.Any) > 0, b.Has(f.ID):
		return true
	}
	return add(b, f, value)
}

func add(b *event.Builder, f *event.Field, text []byte) bool {
	if f.Type != event.Time {
		return parser.Fill(b, f, text)
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return false
	}
	b.Time(f.ID, at.UnixNano())
	return true
}

// eachMember calls each for the members of a JSON object, with their values as they stand there, until it reports false. It
// reports whether the text is an object and all calls reported true. It is what makes a change under 1,000 mutes cheap: a map of
// every sample takes longer than all their filters.
func eachMember(text []byte, each func(name string, value []byte) bool) bool {
	if text = bytes.Trim(text, " \t\r\n"); !json.Valid(text) || text[0] != '{' {
		return false
	}
	for at := 1; ; {
		at = past(text, at, " \t\r\n,")
		if text[at] == '}' {
			return true
		}
		end := behind(text, at)
		name, ok := unquote(text[at:end])
		if !ok {
			return false
		}
		at = past(text, end, " \t\r\n:")
		end = behind(text, at)
		if !each(string(name), text[at:end]) {
			return false
		}
		at = end
	}
}

// past returns where something else than some bytes comes.
func past(text []byte, at int, some string) int {
	for strings.IndexByte(some, text[at]) >= 0 {
		at++
	}
	return at
}

// behind returns where the valid JSON value ends that begins at a place.
func behind(text []byte, at int) int {
	depth := 0
	for ; ; at++ {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return at + 1 + min(depth, 0) // that of the object around ends a number or a word
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return at
			}
		}
	}
}

// unquote reads a JSON string.
func unquote(quoted []byte) ([]byte, bool) {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return quoted[1 : len(quoted)-1], true
	}
	var plain string
	err := json.Unmarshal(quoted, &plain)
	return []byte(plain), err == nil
}
