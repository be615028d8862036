package metric

import (
	"strings"
	"testing"
)

func TestParseSpellsTheSameAgain(t *testing.T) {
	for text, want := range map[string]string{
		"count":                                "count",
		" count( ) ":                           "count",
		"count(user.name)":                     "count(user.name)",
		"sum( network.bytes )":                 "sum(network.bytes)",
		"distinct(source.ip)":                  "distinct(source.ip)",
		"distinct(labels.tenant)":              "distinct(labels.tenant)",
		"max(@timestamp)":                      "max(@timestamp)",
		"avg(http.response.body.bytes)":        "avg(http.response.bytes)",
		"quantile(http.response.bytes , 0.95)": "quantile(http.response.bytes, 0.95)",
	} {
		m, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if got := m.String(); got != want {
			t.Errorf("Parse(%q) spells %q, want %q", text, got, want)
		}
		if again, err := Parse(m.String()); err != nil || again != m {
			t.Errorf("Parse(%q) = %v, %v, want the same metric", m.String(), again, err)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "want count",
		"total(network.bytes)":      "want count, or sum",
		"sum":                       "want a field",
		"sum(network.bytes":         "closing bracket",
		"sum(network.bytes) x":      "closing bracket",
		"sum(network.byte)":         "did you mean network.bytes?",
		"sum(user.name)":            "is a string field",
		"sum(labels.x)":             "labels are text",
		"min(source.ip)":            "is a ip field",
		"sum(network.bytes, 3)":     "only quantile",
		"quantile(network.bytes)":   "second value",
		"quantile(network.bytes,1)": "less than 1",
		"quantile(network.bytes,x)": "less than 1",
		"distinct(related.ip)":      "several fields",
		"sum()":                     "no field",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) gives %v, want an error with %q", text, err, want)
		}
	}
}
