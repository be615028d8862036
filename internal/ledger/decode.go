package ledger

import (
	"bytes"
	"encoding/json"
	"strings"

	"tocsin/internal/alert"
)

// decodeSamples reads the samples of an alert. They were written by encode, so that they need not be read but only cut apart,
// which is what takes long where many alerts are listed.
func decodeSamples(text string) ([]json.RawMessage, error) {
	if samples, ok := cutArray([]byte(text)); ok {
		return samples, nil
	}
	var samples []json.RawMessage
	err := json.Unmarshal([]byte(text), &samples)
	return samples, err
}

// cutArray cuts a JSON array of objects into its elements; ok is false where it may be something else.
func cutArray(text []byte) (elements []json.RawMessage, ok bool) {
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' {
		return nil, false
	}
	elements = make([]json.RawMessage, 0, 1+bytes.Count(text, []byte("},{")))
	depth, begin, quoted := 0, 0, false
	for i := 1; i < len(text)-1; i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if depth == 0 {
				return nil, false
			}
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth == 0 {
				if c == '[' || i > 1 && text[i-1] != ',' {
					return nil, false
				}
				begin = i
			}
			depth++
		case c == '}' || c == ']':
			depth--
			if depth == 0 {
				elements = append(elements, json.RawMessage(text[begin:i+1:i+1]))
			}
		case depth == 0 && (c != ',' || text[i+1] != '{' || text[i-1] != '}'):
			return nil, false
		}
		if depth < 0 {
			return nil, false
		}
	}
	return elements, depth == 0 && !quoted
}

// Parts of an entity as encode writes it.
const (
	entityField = `{"field":"`
	entityValue = `","value":"`
	entityEnd   = `"}`
)

// decodeEntity reads an entity, and one without escapes, as most are, fast.
func decodeEntity(text string) (alert.Entity, error) {
	if e, ok := plainEntity(text); ok {
		return e, nil
	}
	var e alert.Entity
	err := json.Unmarshal([]byte(text), &e)
	return e, err
}

func plainEntity(text string) (e alert.Entity, ok bool) {
	if len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']' || strings.IndexByte(text, '\\') >= 0 {
		return nil, false
	}
	rest := text[1 : len(text)-1]
	e = alert.Entity{}
	for rest != "" {
		if len(e) > 0 {
			if rest, ok = strings.CutPrefix(rest, ","); !ok {
				return nil, false
			}
		}
		var field, value string
		if rest, ok = strings.CutPrefix(rest, entityField); !ok {
			return nil, false
		}
		if field, rest, ok = strings.Cut(rest, entityValue); !ok || strings.IndexByte(field, '"') >= 0 {
			return nil, false
		}
		if value, rest, ok = strings.Cut(rest, entityEnd); !ok || strings.IndexByte(value, '"') >= 0 {
			return nil, false
		}
		e = append(e, alert.Pair{Field: field, Value: value})
	}
	return e, true
}
