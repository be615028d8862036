package csv_test

import (
	reference "encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/internal/event"
	"tocsin/internal/parser/csv"
	"tocsin/internal/parser/parsertest"
)

func TestContract(t *testing.T) { parsertest.Run(t, csv.Format(), csv.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, csv.Format()) }

// settings returns the defaults with a header.
func settings(header string) *csv.Config {
	c := csv.Default().(*csv.Config)
	c.Header = header
	return c
}

// FuzzCells holds the columns to encoding/csv: what a writer of CSV puts into them comes out again, with every delimiter.
func FuzzCells(f *testing.F) {
	f.Add("plain", "with \"quotes\", commas; and tabs\t", uint8(0))
	f.Add(`"`, `,""`, uint8(1))
	delimiters := []struct {
		setting string
		byte    rune
	}{{",", ','}, {";", ';'}, {"tab", '\t'}, {"|", '|'}}
	f.Fuzz(func(t *testing.T, first, second string, which uint8) {
		if strings.ContainsAny(first+second, "\r\n") || strings.TrimSpace(first) != first || strings.TrimSpace(second) != second ||
			!utf8.ValidString(first) || !utf8.ValidString(second) || first == "x" && second == "message" {
			return
		}
		d := delimiters[int(which)%len(delimiters)]
		c := settings("")
		c.Delimiter = d.setting
		c.Header = "x" + string(d.byte) + "message"
		p, err := c.New()
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		w := reference.NewWriter(&text)
		w.Comma = d.byte
		if err := w.Write([]string{first, second}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		line := strings.TrimSuffix(text.String(), "\n")
		if strings.TrimSpace(line) == "" {
			return
		}
		rows, bad := parsertest.Rows(t, event.Log, p, []byte(line), parsertest.Received)
		if bad != nil || len(rows) != 1 {
			t.Fatalf("%q: %v, %d rows", line, bad, len(rows))
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(rows[0]), &got); err != nil {
			t.Fatal(err)
		}
		label, _ := got["labels.x"].(string)
		message, _ := got["message"].(string)
		if second == "" {
			second = line // which stands in
		}
		if label != first || message != second {
			t.Errorf("%q: got %q and %q, want %q and %q", line, label, message, first, second)
		}
	})
}

func TestMistakes(t *testing.T) {
	c := settings("a,b,,a")
	c.Zone, c.Delimiter, c.Time = "Mars", "::", []string{"iso"}
	c.Fields, c.TimeFrom = map[string]string{"z": "user.name"}, []string{"when"}
	err := c.Validate()
	for _, want := range []string{"zone: ", "delimiter: got \"::\"", "time[0]: ", "header: got the column \"\"", "fields.z: header has no such column", "time_from[0]: got \"when\""} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
	for header, want := range map[string]string{`a,"b`: "no closing quote", "a,a": "twice", strings.Repeat("a,", 300): "more columns"} {
		if err := settings(header).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate with %.20q = %v, want %q in it", header, err, want)
		}
	}
	c = settings("a,b")
	c.Fields = map[string]string{"a": "source.ipp"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "fields.a: ") || !strings.Contains(err.Error(), "did you mean source.ip?") {
		t.Errorf("Validate = %v", err)
	}
}

func TestGuess(t *testing.T) {
	score := csv.Format().Guess(settings("time,source.ip,user"))
	for line, want := range map[string]int{
		"2024-03-10T11:59:58Z,192.0.2.1,bob": 71, "time,source.ip,user": 97, "yesterday,192.0.2.1,bob": 0,
		"2024-03-10T11:59:58Z,nowhere,bob": 0, "2024-03-10T11:59:58Z,192.0.2.1": 0, "": 0,
	} {
		if got := score([]byte(line)); got != want {
			t.Errorf("Score(%q) = %d, want %d", line, got, want)
		}
	}
	if csv.Format().Guess(csv.Default()) != nil {
		t.Error("the defaults guess, want nil")
	}
}

func BenchmarkParse(b *testing.B) {
	parsertest.Bench(b, csv.Format(), [][]byte{[]byte(`1,2024-03-10,11:59:58,alice,192.0.2.1,200,"came in, ""at last"", from far away",INFO`)})
}
