package jsonlines_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/parsertest"
)

func TestContract(t *testing.T) { parsertest.Run(t, jsonlines.Format(), jsonlines.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, jsonlines.Format()) }

// FuzzValid holds the scanner to encoding/json: what one takes for an object, the other does too.
func FuzzValid(f *testing.F) {
	for _, dir := range []string{"loggers", "typed", "foul"} {
		for _, r := range parsertest.Records(f, "testdata/"+dir+"/input.log") {
			f.Add(r)
		}
	}
	p, err := jsonlines.Default().New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		trimmed := strings.Trim(string(record), " \t\r\n")
		depth := strings.Count(trimmed, "{") + strings.Count(trimmed, "[")
		if trimmed == "" || depth > jsonlines.MaxDepth {
			return
		}
		want := json.Valid(record) && trimmed[0] == '{'
		_, bad := parsertest.Rows(t, event.Log, p, record, parsertest.Received)
		if got := bad == nil; got != want {
			t.Errorf("Parse(%q) = %v, encoding/json says valid: %v", record, bad, want)
		}
		if score := jsonlines.Score(record); score > 0 && !want {
			t.Errorf("Score(%q) = %d, want 0", record, score)
		}
	})
}

// What tocsin writes as JSON it reads again, of every kind.
func TestWhatWasWrittenReadsAgain(t *testing.T) {
	p, err := (&jsonlines.Config{}).New()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.Kinds() {
		b := event.NewBuilder(kind)
		b.Time(event.Timestamp, parsertest.Received+123)
		for _, f := range event.Fields() {
			if len(f.Any) > 0 || f.ID == event.Timestamp || f.ID == event.Ingested || strings.HasPrefix(f.Name, "tocsin.") {
				continue
			}
			switch f.Type {
			case event.String:
				b.Text(f.ID, "text of \"it\"\n\x01 <é>")
			case event.IP:
				b.IP(f.ID, [16]byte{0x20, 1, 0xd, 0xb8, 15: 7})
			case event.Bool:
				b.Bool(f.ID, true)
			case event.Uint:
				b.Uint(f.ID, 1<<64-1)
			case event.Float:
				b.Float(f.ID, 0.1)
			default:
				b.Int(f.ID, 1<<60+1)
			}
		}
		b.Label([]byte("a.b"), []byte("1"))
		b.Label([]byte("a.b"), []byte("2"))
		b.Next()
		want := parsertest.JSON(b.Batch())
		got, bad := parsertest.Rows(t, kind, p, []byte(want[0]), 0)
		if diff := cmp.Diff(want, got); diff != "" || bad != nil {
			t.Errorf("%s read again: %v (-written +read):\n%s", kind, bad, diff)
		}
	}
}

func TestKind(t *testing.T) {
	for _, c := range []struct {
		line string
		want event.Kind
	}{
		{`{"kind":"login"}`, event.Login},
		{` {"a":{"kind":"flow"},"b":["kind"], "kind" : "sighting","x":`, event.Sighting},
		{`{"a":{"kind":"flow"}}`, 0},
		{`{"kind":"Pod"}`, 0},
		{`{"kind":3}`, 0},
		{`{"x":"kind","kind":"flow"}`, event.Flow},
		{`["kind","flow"]`, 0},
		{`{"a":"open`, 0},
		{``, 0},
	} {
		if got, _ := jsonlines.Kind([]byte(c.line)); got != c.want {
			t.Errorf("Kind(%s) = %d, want %d", c.line, got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	c := &jsonlines.Config{
		Options: parser.Options{Zone: "Mars/Olympus"},
		Fields:  map[string]string{"a": "source.ipp", "b": "related.ip", "c": "labels.", "d": "drop", "e": "labels.e"},
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("Validate = nil, want four mistakes")
	}
	for _, want := range []string{`zone: got "Mars/Olympus"`, "fields.a: ", "did you mean source.ip?", "fields.b: ", "fields.c: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("Validate found %d mistakes, want 4: %v", got, err)
	}
}

func BenchmarkParse(b *testing.B) {
	lines := parsertest.Records(b, "testdata/loggers/input.log")
	parsertest.Bench(b, jsonlines.Format(), lines)
}

func TestGuess(t *testing.T) {
	score := jsonlines.Format().Guess(&jsonlines.Config{Fields: map[string]string{"card.holder": "user.name", "at": "@timestamp"}})
	for line, want := range map[string]int{
		`{"at":1,"card":{"holder":"alice"}}`: 95, `{"at":1,"card.holder":"alice"}`: 0, `{"at":1,"holder":"alice"}`: 95,
		`{"at":1}`: 0, `{"at":1,"holder":"alice"`: 0, ``: 0,
	} {
		if got := score([]byte(line)); got != want {
			t.Errorf("Score(%s) = %d, want %d", line, got, want)
		}
	}
	if jsonlines.Format().Guess(jsonlines.Default()) != nil {
		t.Error("the defaults guess, want nil: every object would be theirs")
	}
}
