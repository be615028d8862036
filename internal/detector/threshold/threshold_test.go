package threshold

import (
	"strings"
	"testing"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/document"
)

func TestCases(t *testing.T) { detectortest.Run(t, Default) }

func TestSample(t *testing.T) {
	detectortest.Sample(t, Sample, Default, "metric", "by", "over", "at_least", "above", "below", "at_most", "end_after", "memory", "unit")
}

func TestValidate(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                                                  "one limit",
		"{above: 1, below: 2}":                                "one limit",
		"{above: 1, over: 10ms}":                              "over: got 10ms, want 1s to 366d",
		"{above: 1, by: [source.prt]}":                        "did you mean source.port?",
		"{above: 1, by: [source.ip, source.ip]}":              "is there twice",
		"{above: 1, by: [related.ip]}":                        "stands for several fields",
		"{above: 1, metric: sum(message)}":                    "is a string field",
		"{above: 1, metric: 'quantile(event.duration, 0.9)'}": "want count",
		"{at_least: 0}":                                       "nothing falls short of it",
		"{below: 0}":                                          "nothing falls short of it",
		"{above: 1, memory: 0}":                               "memory: got 0",
		"{above: 1, end_after: -1s}":                          "end_after: got -1s",
		"{at_least: 2e5, metric: distinct(source.ip)}":        "100000 or less",
		"{above: 1, by: [flow.host], metric: distinct(flow.sent.bytes), unit: bits}": "want bits, with a metric of bytes",
		"{above: 1, by: [flow.host], metric: sum(flow.sent.packets), unit: bits}":    "such as sum(flow.sent.bytes)",
		"{above: 1, metric: sum(source.bytes), unit: bytes}":                         `unit: got "bytes"`,
		"{above: 1, metric: sum(flow.sent.bytes)}":                                   "put flow.host, flow.pair",
		"{above: 1, by: [flow.pair], metric: distinct(flow.target)}":                 "a pair is two hosts",
		"{above: 1, by: [flow.host], metric: sum(flow.initiated)}":                   "number of a session",
		"{above: x}": "want a number",
	} {
		err := document.Decode("rule", []byte(text), Default())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}
