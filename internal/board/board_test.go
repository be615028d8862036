package board

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// What everybody begins with is right, stays as it is when it is stored, and uses kinds that there are.
func TestPreset(t *testing.T) {
	for _, flows := range []bool{false, true} {
		pages := Preset(flows)
		whole, err := Check(pages)
		if diff := cmp.Diff(pages, whole); err != nil || diff != "" {
			t.Errorf("Check of the preset = %v (-preset +whole):\n%s", err, diff)
		}
		text, err := Encode(whole)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(text)
		if diff := cmp.Diff(pages, again); err != nil || diff != "" {
			t.Errorf("Decode of the preset = %v (-preset +decoded):\n%s", err, diff)
		}
	}
}

func TestEveryKind(t *testing.T) {
	for _, k := range Kinds() {
		got, err := KindOf(k.Word)
		if err != nil || got != k || k.Title == "" || (k.Rows > 0) != (k.Most > 0) || k.Rows > k.Most {
			t.Errorf("kind %q = %+v, %v", k.Word, got, err)
		}
		if _, err := Check([]api.BoardPage{{Name: "a", Widgets: []api.Widget{{Kind: k.Word, Rows: k.Most}}}}); err != nil {
			t.Errorf("a widget of kind %s = %v", k.Word, err)
		}
	}
}

// Widgets are given names that no other has, also where somebody chose such names himself.
func TestNamesOfWidgets(t *testing.T) {
	whole, err := Check([]api.BoardPage{{Name: "a", Widgets: []api.Widget{{Kind: "rate"}, {ID: "w1", Kind: "rate"}, {Kind: "rate"}}}, {Name: "b", Widgets: []api.Widget{{ID: "w3", Kind: "rate"}, {Kind: "rate"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range whole {
		for _, w := range p.Widgets {
			got = append(got, w.ID)
		}
	}
	if diff := cmp.Diff([]string{"w2", "w1", "w4", "w3", "w5"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// Check leaves what it is given alone: it may be somebody else's.
func TestCheckChangesNothing(t *testing.T) {
	pages := []api.BoardPage{{Name: "a", Widgets: []api.Widget{{Kind: "alerts", MinSeverity: "high"}}}}
	if _, err := Check(pages); err != nil || pages[0].Columns != 0 || pages[0].Widgets[0].MinSeverity != "high" || pages[0].Widgets[0].ID != "" {
		t.Errorf("Check = %v and leaves %+v", err, pages)
	}
}

// What was right when it was stored, and is not any more, does not keep a board from being shown and mended; what is no board does.
func TestDecodeOutlivesWords(t *testing.T) {
	pages := []api.BoardPage{{Name: "a", Columns: 1, Widgets: []api.Widget{{ID: "w1", Kind: "events", Column: 1, Where: "gone.field == 1"}, {ID: "w2", Kind: "alerts", Column: 1}}}}
	text, err := Encode(pages)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(text)
	if diff := cmp.Diff(pages, again); err != nil || diff != "" {
		t.Errorf("Decode = %v (-stored +read):\n%s", err, diff)
	}
	if _, err := Check(again); !errors.Is(err, fault.Invalid) {
		t.Errorf("Check = %v, want invalid: it cannot be stored again so", err)
	}
	for _, text := range []string{"", "{", "null", "[]", `[{"colour":"red"}]`, `[{"name":"a"}]x`} {
		if pages, err := Decode(text); err == nil {
			t.Errorf("Decode(%q) = %+v", text, pages)
		}
	}
}

// What is wrong with a document is told by its name and, where it is known, the line.
func TestReadSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"pages\":\n[}": "board.json:3: invalid character '}'", "{\n\"pages\": 7}": "board.json:2: json: cannot unmarshal number", `{"pages":[{"colour":"red"}]}`: `board.json: json: unknown field "colour"`,
		"": "board.json: EOF", `{"pages":[]`: "board.json: unexpected EOF", "{}\n{}": "board.json: there is more behind its end",
	} {
		if _, err := Read("board.json", []byte(text)); !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Read(%q) = %v, want %s", text, err, want)
		}
	}
}

// A document is read strictly, and what was stored once stays as it is.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"pages":[{"name":"a","widgets":[{"kind":"alerts","min_severity":"HIGH","rows":5}]}]}`, `{"version":3,"preset":true,"user":"anna","pages":[]}`, `{"pages":[{"name":"a","columns":9}]}{}`,
		`{"pages":null,"x":1}`, `[]`, `{"version":-1,"pages":[{"name":"ä","columns":4,"widgets":[{"id":"w1","kind":"events","where":"has(message)","column":4}]}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Read("board.json", text)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("Read(%q) = %v", text, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Errorf("Read takes %q", text)
		}
		pages, err := Check(d.Pages)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("Check of %q = %v", text, err)
			}
			return
		}
		stored, err := Encode(pages)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(stored)
		if diff := cmp.Diff(pages, again); err != nil || diff != "" {
			t.Errorf("Decode of what was stored = %v (-stored +read):\n%s", err, diff)
		}
	})
}
