package detect

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// These tests hold what LogTrack's detectors do, rule by rule, in rules as its users write them; docs/logtrack-detectors.md
// names them.

// row is one log row as LogTrack keeps it, so many seconds into a day.
type row struct {
	at                     int
	service, message, user string
}

var theDay = time.Date(2025, 9, 14, 10, 0, 0, 0, time.UTC)

// pings are rows of a service at these seconds.
func pings(service string, at ...int) (rows []row) {
	for _, s := range at {
		rows = append(rows, row{at: s, service: service, message: "GET /ping HTTP/1.1"})
	}
	return rows
}

// logTrack judges rows by rules of LogTrack, up to a day later. Findings about the end of something are left out.
func logTrack(t *testing.T, config string, rows []row) []alert.Finding {
	t.Helper()
	all, problems, err := rule.ImportLogTrack([]byte(config), detectors())
	if err != nil || len(problems) > 0 {
		t.Fatalf("ImportLogTrack: %v, %q", err, problems)
	}
	for i := range all {
		all[i].ID = int64(i + 1)
	}
	return judged(t, all, rows)
}

func judged(t *testing.T, all []rule.Rule, rows []row) []alert.Finding {
	t.Helper()
	b := event.NewBuilder(event.Log)
	for _, r := range rows {
		b.Time(event.Timestamp, theDay.Add(time.Duration(r.at)*time.Second).UnixNano())
		b.Text(event.ServiceName, r.service)
		b.Text(event.Message, r.message)
		if r.user != "" {
			b.Text(event.UserName, r.user)
		}
		b.Next()
	}
	var batches []*event.Batch
	if b.Rows() > 0 {
		batches = append(batches, b.Batch())
	}
	found, _, err := History(context.Background(), HistoryOptions{Until: theDay.Add(24 * time.Hour).UnixNano()}, all, scanOf(batches))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f alert.Finding) bool { return f.Ended || f.Triggers == 0 })
}

// into tells how many seconds into the day a finding is.
func into(ns int64) int { return int(time.Unix(0, ns).UTC().Sub(theDay) / time.Second) }

// Both ends belong to the window: the left one moves on when right − left is more than the window.
func TestLogTrackWindowEndsAreInclusive(t *testing.T) {
	const config = `[{"id": "r", "rule_type": "rate_spike", "service": "apache", "threshold": 3, "window_seconds": 300}]`
	for last, fires := range map[int]bool{299: true, 300: true, 301: false} {
		found := logTrack(t, config, pings("apache", 0, 10, last))
		if (len(found) == 1) != fires {
			t.Errorf("the third after %d s: got %+v, want a finding: %v", last, found, fires)
		}
	}
	minutes := `[{"id": "r", "rule_type": "rate_spike", "service": "apache", "threshold": 3, "window_minutes": 5}]`
	if found := logTrack(t, minutes, pings("apache", 0, 10, 300)); len(found) != 1 { // LogTrack writes "in Nones" for it
		t.Errorf("a window given in minutes: got %+v", found)
	}
}

// The alert is at the event that completes the window, its number is the threshold, and its window holds those events and no
// others, of which the first and the last stand in the alert.
func TestLogTrackFirstHit(t *testing.T) {
	config := `[{"id": "k", "rule_type": "keyword_threshold", "service": "apache", "keyword": "ping", "threshold": 3, "window_minutes": 1}]`
	rows := pings("apache", 0, 100, 120, 150, 155, 158)
	found := logTrack(t, config, rows)
	if len(found) != 1 || into(found[0].Time) != 150 || found[0].Value != 3 {
		t.Fatalf("got %+v, want one finding at 150 s with 3", found)
	}
	var within []int
	for _, r := range rows {
		if r.at >= into(found[0].Since) && r.at <= into(found[0].Time) {
			within = append(within, r.at)
		}
	}
	if !slices.Equal(within, []int{100, 120, 150}) {
		t.Errorf("its window holds %v, want 100, 120 and 150", within)
	}
	var times []string
	for _, s := range found[0].Samples {
		var e struct {
			At string `json:"@timestamp"`
		}
		if err := json.Unmarshal(s, &e); err != nil {
			t.Fatal(err)
		}
		times = append(times, e.At)
	}
	if want := []string{"2025-09-14T10:01:40Z", "2025-09-14T10:02:30Z"}; !slices.Equal(times, want) {
		t.Errorf("samples of %v, want the first and the last of the window: %v", times, want)
	}
}

// LogTrack reports the first burst of all time and no later one. tocsin finds each.
func TestLogTrackHidesLaterBursts(t *testing.T) {
	found := logTrack(t, `[{"id": "k", "rule_type": "keyword_threshold", "service": "apache", "keyword": "ping", "threshold": 3, "window_minutes": 1}]`,
		pings("apache", 0, 1, 2, 7200, 7201, 7202, 14400, 14401, 14402))
	if len(found) != 3 || into(found[2].Time) != 14402 {
		t.Errorf("got %+v, want three bursts", found)
	}
}

// One alert per user; rows without a user do not count, and the service does not matter.
func TestLogTrackUserThreshold(t *testing.T) {
	rows := []row{
		{0, "a", "denied: x", "ann"}, {1, "b", "was denied", "bob"}, {2, "c", "denied", ""}, {3, "c", "denied", ""}, {4, "b", "denied", "ann"},
		{5, "b", "Denied", "bob"}, {6, "a", "denied", "bob"}, {7, "a", "denied", "eve"}, {8, "a", "denied", "ann"},
	}
	found := logTrack(t, `[{"id": "u", "rule_type": "user_threshold", "message": "denied", "threshold": 2, "window_minutes": 1}]`, rows)
	var got []string
	for _, f := range found {
		got = append(got, f.Entity.String())
	}
	if !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("got alerts of %v, want one each of ann and bob", got)
	}
	if found := logTrack(t, `[{"id": "u", "rule_type": "user_threshold", "message": "d_n%d", "threshold": 3, "window_minutes": 1}]`, rows); len(found) != 1 {
		t.Errorf("by wildcards: got %+v, want ann alone", found)
	}
}

// A keyword is what SQL LIKE makes of it: case counts, % is any text and _ any one character. repeated_message is exact, and
// of any service.
func TestLogTrackKeywords(t *testing.T) {
	rows := []row{{0, "apache", "login failed", ""}, {1, "apache", "Login failed", ""}, {2, "nginx", "login failed", ""}, {3, "apache", "login failed.", ""}, {4, "apache", "100% login-failed", ""}}
	for keyword, want := range map[string]float64{"login failed": 2, "Login": 1, "login_failed": 3, "l%d": 4, "%": 4, "login  failed": 0, "_ogin_failed": 4} {
		found := logTrack(t, `[{"id": "k", "rule_type": "keyword_threshold", "service": "apache", "keyword": "`+keyword+`", "threshold": 1, "window_minutes": 1}]`, rows)
		n := 0.0
		all, _, err := rule.ImportLogTrack([]byte(`[{"id": "k", "rule_type": "keyword_threshold", "service": "apache", "keyword": "`+keyword+`", "threshold": 5, "window_minutes": 1}]`), detectors())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows { // how many it selects
			if len(judged(t, atLeastOne(t, &all[0]), []row{r})) > 0 {
				n++
			}
		}
		if n != want || (len(found) == 1) != (want > 0) {
			t.Errorf("keyword %q selects %v rows, want %v", keyword, n, want)
		}
	}
	if found := logTrack(t, `[{"id": "m", "rule_type": "repeated_message", "service": "apache", "message": "login failed", "threshold": 2, "window_minutes": 1}]`, rows); len(found) != 1 || into(found[0].Time) != 2 {
		t.Errorf("repeated_message: got %+v, want the second of any service", found)
	}
	if found := logTrack(t, `[{"id": "m", "rule_type": "repeated_message", "message": "login%", "threshold": 1, "window_minutes": 1}]`, rows); len(found) != 0 {
		t.Errorf("repeated_message with a wildcard: got %+v, want none", found)
	}
}

// atLeastOne is the same rule with a limit of one.
func atLeastOne(t *testing.T, r *rule.Rule) []rule.Rule {
	t.Helper()
	one := rules(t, "name: one\nfrom: log\nwhere: "+quoted(t, r.WhereText())+"\ndetect: {threshold: {at_least: 1}}\n")
	return one
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	out, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// spike are the times of LogTrack's own sample for the z-score: a row every ten minutes, then five more within five seconds.
var spike = []int{0, 600, 1200, 1800, 2400, 3000, 3001, 3002, 3003, 3004, 3005}

// The sample gives z = 11.00: six in the newest five minutes, before that 0 1 0 1 0 1, whose mean and population deviation
// are both 0.5. With the deviation of a sample it would be 10.04. Reaching the threshold is enough.
func TestLogTrackZScore(t *testing.T) {
	for threshold, fires := range map[string]bool{"3": true, "11": true, "11.01": false} {
		found := logTrack(t, `[{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", "threshold": `+threshold+`}]`, pings("apache", spike...))
		if (len(found) == 1) != fires {
			t.Fatalf("threshold %s: got %+v, want a finding: %v", threshold, found, fires)
		}
		if fires && (!strings.Contains(found[0].Reason, "(z=11.00)") || found[0].Value != 6 || into(found[0].Time) != 3005 || into(found[0].Since) != 2705) {
			t.Errorf("got %+v, want z=11.00 at the newest row", found[0])
		}
	}
}

// Buckets are laid out from the newest row: a row that is exactly one bucket old is in the one before, and what is older
// than the baseline is nowhere. Only a rise fires.
func TestLogTrackZScoreBuckets(t *testing.T) {
	rule := `[{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", "threshold": 1, "baseline_windows": 2, "window_minutes": 1}]`
	for _, c := range []struct {
		name  string
		at    []int
		value float64 // of the newest bucket, when it fires
	}{
		{"one bucket old", []int{100, 220 - 60, 200, 210, 220}, 3},
		{"not quite one bucket old", []int{100, 220 - 59, 200, 210, 220}, 4},
		{"older than the baseline", []int{0, 10, 20, 30, 40, 220 - 180, 110, 200, 210, 220}, 3},
		{"a fall", []int{50, 51, 52, 53, 110, 111, 112, 220}, 0},
	} {
		found := logTrack(t, rule, pings("apache", c.at...))
		switch {
		case c.value == 0 && len(found) != 0:
			t.Errorf("%s: got %+v, want none", c.name, found)
		case c.value > 0 && (len(found) != 1 || found[0].Value != c.value):
			t.Errorf("%s: got %+v, want one with %v", c.name, found, c.value)
		}
	}
}

// With a deviation of 0 it fires for more than the mean times the threshold, and not for as much. So the first activity of
// all fires, which is nobody's wish: rules of tocsin's own ignore it unless they say otherwise.
func TestLogTrackZScoreDeviationZero(t *testing.T) {
	for extra, fires := range map[int]bool{6: false, 7: true} { // after two in each of the minutes before, which end at 180 s
		at := []int{1, 2, 61, 62}
		for i := range extra {
			at = append(at, 180-extra+1+i)
		}
		found := logTrack(t, `[{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", "threshold": 3, "baseline_windows": 2, "window_minutes": 1}]`, pings("apache", at...))
		if (len(found) == 1) != fires {
			t.Errorf("%d after a steady two: got %+v, want a finding: %v", extra, found, fires)
		}
	}
	first := pings("apache", 100)
	if found := logTrack(t, `[{"id": "z", "rule_type": "zscore_anomaly", "service": "apache"}]`, first); len(found) != 1 || !strings.Contains(found[0].Reason, "deviation 0") {
		t.Errorf("the first activity of all: got %+v, want a finding, as LogTrack has it", found)
	}
	ours := rules(t, `{name: z, from: log, where: 'service.name == "apache"', detect: {deviation: {bucket: 5m, baseline: 6}}}`)
	if found := judged(t, ours, first); len(found) != 0 {
		t.Errorf("the same by a rule of tocsin's own: got %+v, want none", found)
	}
}

// The threshold falls through zero: zscore_threshold, else threshold, else 3.
func TestLogTrackZScoreThreshold(t *testing.T) {
	for keys, fires := range map[string]bool{
		`"zscore_threshold": 11, "threshold": 12`: true, `"zscore_threshold": 12, "threshold": 11`: false, `"zscore_threshold": 0, "threshold": 12`: false,
		`"zscore_threshold": 0, "threshold": 0`: true, `"threshold": 11`: true, `"description": "none"`: true,
	} {
		found := logTrack(t, `[{"id": "z", "rule_type": "zscore_anomaly", "service": "apache", `+keys+`}]`, pings("apache", spike...))
		if (len(found) == 1) != fires {
			t.Errorf("%s: got %+v, want a finding: %v", keys, found, fires)
		}
	}
}

// A silence is told once, at the time when it was over the limit, also in old data; a service that was never seen is not
// missed. LogTrack tells it anew at every run, as of now.
func TestLogTrackInactivity(t *testing.T) {
	config := `[{"id": "i", "rule_type": "inactivity", "service": "apache", "max_idle_minutes": 60}]`
	found := logTrack(t, config, pings("apache", 0, 3600, 7300, 7400))
	if len(found) != 2 || into(found[0].Time) != 7200 || into(found[1].Time) != 11000 {
		t.Errorf("got %+v, want silences at 7200 s and 11000 s, and none for a gap of exactly an hour", found)
	}
	if found := logTrack(t, config, pings("nginx", 0, 1)); len(found) != 0 {
		t.Errorf("a service that was never seen: got %+v", found)
	}
}
