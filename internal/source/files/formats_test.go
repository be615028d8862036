package files_test

import (
	"strings"
	"testing"

	"tocsin/internal/parser"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/jsonlines"
	"tocsin/internal/parser/parsertest"
	"tocsin/internal/parser/syslog"
	"tocsin/internal/source/files"
)

// The golden cases of each format, and a real log, are guessed to be of it, although many of their lines are foul.
func TestGuess(t *testing.T) {
	formats := parser.Set{"combined": combined.Format(), "jsonlines": jsonlines.Format(), "syslog": syslog.Format()}
	const parsers = "../../parser/"
	for path, want := range map[string]string{
		"../../../testdata/real/apache_logs":             "combined",
		parsers + "combined/testdata/apache/input.log":   "combined",
		parsers + "combined/testdata/zone/input.log":     "combined",
		parsers + "jsonlines/testdata/loggers/input.log": "jsonlines",
		parsers + "jsonlines/testdata/typed/input.log":   "jsonlines",
		parsers + "syslog/testdata/bsd/input.log":        "syslog",
		parsers + "syslog/testdata/ietf/input.log":       "syslog",
		parsers + "syslog/testdata/zone/input.log":       "syslog",
	} {
		sample := parsertest.Records(t, path)
		sample = sample[:min(len(sample), 100)]
		name, confidence, why := parser.Recognise(formats, sample)
		if name != want || confidence < 50 {
			t.Errorf("Recognise(%s) = %q, %d, %q, want %s and 50 or more", path, name, confidence, why, want)
		}
		choice, err := files.Guess(formats, nil)(sample)
		if err != nil || choice.Format != want || choice.Parser == nil || choice.Kind != formats[want].Kind {
			t.Errorf("Guess(%s) = %+v, %v, want %s", path, choice, err, want)
		}
	}
	binary := [][]byte{[]byte("\x7fELF\x02\x01"), []byte("\x00\x00")}
	if _, err := files.Guess(formats, nil)(binary); err == nil || !strings.Contains(err.Error(), "no format fits") {
		t.Errorf("Guess(binary) = %v, want that no format fits", err)
	}
}
