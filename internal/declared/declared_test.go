package declared_test

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/declared"
	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/text"
)

func bases() parser.Set {
	return parser.Set{"combined": combined.Format(), "jsonlines": jsonlines.Format(), "text": text.Format(), "cloudtrail": cloudtrail.Format()}
}

// The formats that docs/formats.md shows are read, and their samples pass.
func TestThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```yaml\n")
	block, _, ok := strings.Cut(block, "sources:\n")
	if !ok {
		t.Fatal("docs/formats.md shows no formats")
	}
	formats, err := declared.Decode("formats.md", []byte(block), bases())
	if err != nil || len(formats) != 2 {
		t.Fatalf("Decode: %d formats, %v, want 2", len(formats), err)
	}
	samples := 0
	for i := range formats {
		samples += len(formats[i].Samples)
		for _, f := range formats[i].Test() {
			t.Error(f)
		}
	}
	if samples != 3 {
		t.Errorf("%d samples, want 3", samples)
	}
}

// A declared format is one of tocsin's with its own settings each time, and takes over what that says of its events.
func TestDeclared(t *testing.T) {
	formats, err := declared.Decode("f.yaml", []byte(`
formats:
  trail: {cloudtrail: {zone: Europe/Berlin}}
  door: {kind: login, jsonlines: {fields: {who: user.name}}}
  order: {combined: {log_format: '%h %t "%r" %>s'}}
`), bases())
	if err != nil {
		t.Fatal(err)
	}
	set := declared.Set(bases(), formats)
	if len(set) != 7 || !set["trail"].Repeats || set["trail"].Score != nil || set["door"].Kind != event.Login || set["door"].Score == nil || set["order"].Score == nil {
		t.Errorf("Set: %d formats, %+v", len(set), set)
	}
	one, two := set["trail"].Default(), set["trail"].Default()
	if one.Base().Zone != "Europe/Berlin" {
		t.Errorf("zone: got %q", one.Base().Zone)
	}
	one.Base().Zone = "UTC"
	if two.Base().Zone != "Europe/Berlin" || set["trail"].Default().Base().Zone != "Europe/Berlin" {
		t.Error("a change of one Config changes another")
	}
	if len(bases()) != 4 {
		t.Error("Set changed what it was given")
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"formats: []", "want formats and nothing else"},
		{"rules: []", "want formats and nothing else"},
		{"formats: {a: {text: {}}}\nrules: []", "want formats and nothing else"},
		{"formats: {a: }", "want a mapping such as"},
		{"formats: {'a b': {text: {}}}", `got the name "a b", want letters`},
		{"formats: {a: {text: {}, combined: {}}}", "got a second format, want one of text and combined"},
		{"formats: {a: {samples: []}}", "got no format to begin with"},
		{"formats: {a: {text: {}, samples: 3}}", "want a list of samples"},
		{"formats: {a: {text: {}, samples: [{want: {message: x}}]}}", "got no line"},
		{"formats: {a: {text: {}, samples: [{line: x}]}}", "got neither or both"},
		{"formats: {a: {text: {}, samples: [{line: x, want: {message: x}, rejected: y}]}}", "got neither or both"},
		{"formats: {a: {text: {}, samples: [{line: x, wnat: {message: x}}]}}", "did you mean want?"},
		{"formats: {a: {text: {}, samples: [{line: x, received: today, want: {message: x}}]}}", "want a time as in"},
		{"formats: {a: {text: {}, samples: [{line: x, want: [message]}]}}", "want a mapping of fields"},
		{"formats: {a: {text: {}, samples: [{line: x, want: {related.ip: x}}]}}", `got the field "related.ip"`},
		{"formats: [", "f.yaml:2"},
	} {
		if _, err := declared.Decode("f.yaml", []byte(c.text), bases()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Decode(%s) = %v, want %q in it", c.text, err, c.want)
		}
	}
}

// A text that comes with a request is one format by itself, or a document that has the one that is named.
func TestDecodeText(t *testing.T) {
	const two = "formats: {a: {text: {}}, b: {combined: {}}}"
	for _, c := range []struct{ text, wanted, name, fails string }{
		{"text: {patterns: ['{message}']}", "", "custom", ""},
		{"text: {}", "shop", "shop", ""},
		{two, "b", "b", ""},
		{two, "", "", `got "", want a or b`},
		{two, "c", "", `got "c", want a or b`},
		{"formats: {a: {text: {}}}", "", "a", ""},
		{"", "", "", "want"},
		{"text: {patterns: 3}", "", "", "want a list"},
	} {
		f, err := declared.DecodeText(c.text, c.wanted, bases())
		switch {
		case c.fails == "" && (err != nil || f.Name != c.name):
			t.Errorf("DecodeText(%s, %q) = %q, %v, want %q", c.text, c.wanted, f.Name, err, c.name)
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("DecodeText(%s, %q) = %v, want %q in it", c.text, c.wanted, err, c.fails)
		}
	}
}

// FuzzDecode reads any document; what is read can be tried without harm.
func FuzzDecode(f *testing.F) {
	f.Add("formats: {a: {text: {patterns: ['{labels.x} {message}']}, samples: [{line: a b, want: {labels.x: a}}]}}")
	f.Add("formats: {a: {kind: flow, jsonlines: {fields: {a: source.ip}}, samples: [{line: '{}', rejected: x}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		formats, err := declared.Decode("f.yaml", []byte(text), bases())
		if err != nil && err.Error() == "" {
			t.Error("a mistake without words")
		}
		for i := range formats {
			for _, failed := range formats[i].Test() {
				if len(failed.Diff) == 0 || failed.Error() == "" {
					t.Errorf("a failure without a reason: %+v", failed)
				}
			}
			if score := formats[i].Score; score != nil {
				if n := score([]byte(text)); n < 0 || n > 100 {
					t.Errorf("Score = %d, want 0 to 100", n)
				}
			}
		}
	})
}
