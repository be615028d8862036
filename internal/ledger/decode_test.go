package ledger

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
)

// What is cut apart is what encoding/json reads, whatever the text is.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`[]`, `[{}]`, `[{"a":1},{"b":"]}\"{,["}]`, `[{},]`, `[,{}]`, `[{} ,{}]`, `[1,2]`, `["a"]`, `[[{}]]`, `[{}{}]`, `null`, ``, `[`, `[{"a":[}]`,
		`[{"field":"source.ip","value":"192.0.2.1"}]`, `[{"field":"a","value":"b"},{"field":"c","value":"\"}"}]`, `[{"field":"a","value":"ü<>"}]`,
		`[{"field":"a","value":"b"},]`, `[{"field":"a\",\"value\":\"","value":"b"}]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var samples []json.RawMessage
		whole := json.Unmarshal([]byte(text), &samples) == nil
		if cut, ok := cutArray([]byte(text)); whole && ok {
			if diff := cmp.Diff(samples, cut); diff != "" {
				t.Errorf("cutArray(%q):\n%s", text, diff)
			}
		}
		var entity alert.Entity
		whole = json.Unmarshal([]byte(text), &entity) == nil
		if plain, ok := plainEntity(text); whole && ok {
			if diff := cmp.Diff(entity, plain); diff != "" && json.Valid([]byte(text)) && !strings.ContainsRune(diff, '\uFFFD') {
				t.Errorf("plainEntity(%q):\n%s", text, diff)
			}
		}
	})
}

// What encode writes takes the fast way, unless a text in an entity needs an escape.
func TestDecodeIsFast(t *testing.T) {
	samples := []json.RawMessage{json.RawMessage(`{"message":"a \"b\" ]}, \\","n":[1,{"x":[]}]}`), json.RawMessage(`{}`)}
	entity := alert.Entity{{Field: "source.ip", Value: "2001:db8::1"}, {Field: "user.name", Value: "müller"}}
	for name, ok := range map[string]func() bool{
		"samples": func() bool {
			text, err := encode(samples)
			got, ok := cutArray([]byte(text))
			return err == nil && ok && cmp.Equal(samples, got)
		},
		"entity": func() bool {
			text, err := encode(entity)
			got, ok := plainEntity(text)
			return err == nil && ok && cmp.Equal(entity, got)
		},
		"no samples": func() bool { got, ok := cutArray([]byte("[]")); return ok && got != nil && len(got) == 0 },
		"hostile entity": func() bool {
			hostile := alert.Entity{{Field: "a", Value: `","value":"x"},{"field":"b`}}
			text, err := encode(hostile)
			got, readErr := decodeEntity(text)
			return err == nil && readErr == nil && cmp.Equal(hostile, got)
		},
	} {
		if !ok() {
			t.Errorf("%s: not read as written", name)
		}
	}
}
