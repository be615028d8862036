package parser_test

import (
	"bytes"
	"strings"
	"testing"

	"tocsin/internal/parser"
)

func lines(text ...string) (sample [][]byte) {
	for _, line := range text {
		sample = append(sample, []byte(line))
	}
	return sample
}

// prefix scores lines by how they begin.
func prefix(with string, score int) func([]byte) int {
	return func(record []byte) int {
		if bytes.HasPrefix(record, []byte(with)) {
			return score
		}
		return 0
	}
}

func TestRecognise(t *testing.T) {
	set := parser.Set{
		"apple": {Score: prefix("a", 90)}, "any": {Score: prefix("", 20)}, "plum": {Score: prefix("p", 85)},
		"pear": {Score: prefix("pe", 90)}, "wild": {Score: prefix("w", 1000)}, "never": {},
		"shop": {Score: prefix("s", 60), Declared: true}, "steel": {Score: prefix("s", 59)},
	}
	for _, c := range []struct {
		name       string
		sample     [][]byte
		want       string
		confidence int
		why        string
	}{
		{"all", lines("a", "a", "a"), "apple", 90, "3 of the first 3 lines are apple, 3 could be any"},
		{"half foul", lines("a", "x", "a", "", "x", "  "), "apple", 45, "2 of the first 4 lines are apple"},
		{"mostly foul", lines("a", "x", "x", "x", "x"), "", 0, "no format fits the first 5 lines"},
		{"close", lines("pear", "pear"), "pear", 68, "2 of the first 2 lines are pear, 2 could be plum"},
		{"declared", lines("s", "s", "x"), "shop", 40, "2 of the first 3 lines are shop, 2 could be steel"},
		{"nothing", nil, "", 0, "no line"},
		{"blank", lines("", "  "), "", 0, "no line"},
		{"a score beyond the scale", lines("w"), "wild", 100, "wild"},
	} {
		got, confidence, why := parser.Recognise(set, c.sample)
		if got != c.want || confidence != c.confidence || !strings.Contains(why, c.why) {
			t.Errorf("%s: Recognise = %q, %d, %q, want %q, %d, %q", c.name, got, confidence, why, c.want, c.confidence, c.why)
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
