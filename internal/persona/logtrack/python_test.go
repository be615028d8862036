package logtrack

import (
	"testing"
	"time"
)

// What Python 3.11 prints for the same values.
func TestRowsAreSpelledAsPythonDoes(t *testing.T) {
	text := func(s string) *string { return &s }
	at := func(s string) *time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return &parsed
	}
	for _, c := range []struct {
		r    record
		want string
	}{
		{record{}, `(1, None, None, None, '', None)`},
		{record{at: at("2020-01-20T21:32:14Z"), Service: text("apache"), Message: "GET / HTTP/1.1", User: text("john")},
			`(1, datetime.datetime(2020, 1, 20, 21, 32, 14, tzinfo=datetime.timezone.utc), 'apache', None, 'GET / HTTP/1.1', 'john')`},
		{record{at: at("2025-09-14T10:10:00Z"), Message: "x"}, `(1, datetime.datetime(2025, 9, 14, 10, 10, tzinfo=datetime.timezone.utc), None, None, 'x', None)`},
		{record{at: at("2020-01-20T21:32:14-07:00")},
			`(1, datetime.datetime(2020, 1, 20, 21, 32, 14, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=61200))), None, None, '', None)`},
		{record{at: at("2020-01-01T00:00:00+05:30")},
			`(1, datetime.datetime(2020, 1, 1, 0, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800))), None, None, '', None)`},
		{record{Message: `it's`}, `(1, None, None, None, "it's", None)`},
		{record{Message: `it's "so"`}, `(1, None, None, None, 'it\'s "so"', None)`},
		{record{Message: "a\\b\n\r\t\x1b[31m\x7f\u00a0é\u2028😀\U000e0001"}, `(1, None, None, None, 'a\\b\n\r\t\x1b[31m\x7f\xa0é\u2028😀\U000e0001', None)`},
	} {
		if got := c.r.row(1); got != c.want {
			t.Errorf("row: got %s, want %s", got, c.want)
		}
	}
}

func TestArtifactsAreWrittenAsPythonDoes(t *testing.T) {
	got, err := pyJSON([]foundAlert{{RuleID: "é<&>😀", Message: "a\x1b\u2028\"\\"}})
	want := "[\n  {\n    \"rule_id\": \"\\u00e9<&>\\ud83d\\ude00\",\n    \"message\": \"a\\u001b\\u2028\\\"\\\\\",\n    \"service\": null\n  }\n]"
	if err != nil || string(got) != want {
		t.Errorf("pyJSON: got %s, %v, want %s", got, err, want)
	}
	if got, err := pyJSON([]foundAlert{}); err != nil || string(got) != "[]" {
		t.Errorf("pyJSON of nothing: got %s, %v, want []", got, err)
	}
}
