package parser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/parser"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/syslog"
)

func formats() parser.Set {
	return parser.Set{"combined": combined.Format(), "jsonlines": jsonlines.Format(), "syslog": syslog.Format()}
}

func lines(text ...string) (sample [][]byte) {
	for _, line := range text {
		sample = append(sample, []byte(line))
	}
	return sample
}

// Every golden case of a format is recognised as it, although many lines of the cases are foul.
func TestRecogniseGoldenCases(t *testing.T) {
	for name := range formats() {
		for _, dir := range []string{"apache", "loggers", "typed", "bsd", "ietf", "zone"} {
			path := filepath.Join(name, "testdata", dir, "input.log")
			if _, err := os.Stat(path); err != nil {
				continue
			}
			got, confidence, why := parser.Recognise(formats(), parsertest.Records(t, path))
			if got != name || confidence < 50 {
				t.Errorf("Recognise(%s) = %q, %d, %q, want %s and 50 or more", path, got, confidence, why, name)
			}
		}
	}
}

func TestRecognise(t *testing.T) {
	access := `192.0.2.1 - - [10/Mar/2024:11:00:00 +0000] "GET / HTTP/1.1" 200 17 "-" "x"`
	for _, c := range []struct {
		name   string
		sample [][]byte
		want   string
		low    int
		high   int
		why    string
	}{
		{"real", parsertest.Records(t, "../../testdata/real/apache_logs")[:100], "combined", 95, 95, "100 of the first 100 lines are combined"},
		{"half foul", lines(access, "junk", access, "", "more junk"), "combined", 40, 50, "2 of the first 4 lines"},
		{"mostly foul", lines(access, "junk", "junk", "junk", "junk"), "", 0, 0, "no format fits"},
		{"empty", nil, "", 0, 0, "no line"},
		{"blank", lines("", "  "), "", 0, 0, "no line"},
		{"binary", lines("\x7fELF\x02\x01", "\x00\x00"), "", 0, 0, "no format fits"},
	} {
		got, confidence, why := parser.Recognise(formats(), c.sample)
		if got != c.want || confidence < c.low || confidence > c.high || !strings.Contains(why, c.why) {
			t.Errorf("%s: Recognise = %q, %d, %q, want %q, %d to %d, %q", c.name, got, confidence, why, c.want, c.low, c.high, c.why)
		}
	}
}

// Two formats that fit equally well are told apart by name, with half the confidence.
func TestRecogniseTie(t *testing.T) {
	sure := func([]byte) int { return 80 }
	set := parser.Set{"b": {Score: sure}, "a": {Score: sure}, "never": {}}
	got, confidence, why := parser.Recognise(set, lines("x"))
	if got != "a" || confidence != 40 {
		t.Errorf("Recognise = %q, %d, %q, want a, 40", got, confidence, why)
	}
}
