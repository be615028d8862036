package ledgertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
)

// sampled is a trigger with samples of its own: one for each letter.
func sampled(second int, value float64, letters string) alert.Finding {
	f := trigger(second, 1, value)
	for _, letter := range letters {
		f.Samples = append(f.Samples, json.RawMessage(fmt.Sprintf(`"%d%c"`, second, letter)))
	}
	return f
}

// testEvidence: an alert keeps its first, its last and its most unusual samples, few of each, whatever comes in one write or
// in many and over a restart; what is no JSON or too long is left out.
func testEvidence(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	l := Open(t, dsn, dir)
	var all []alert.Finding
	for second := 1; second <= 30; second++ {
		f := sampled(second, 11, "a")
		if second == 12 || second == 20 {
			f = sampled(second, 90, "abcde") // the first of equals counts
		}
		all = append(all, f)
	}
	for i, f := range all {
		if i == 15 { // the process is another one
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = Open(t, dsn, dir)
		}
		step(t, l, uint64(i+1), write(1, host("one by one"), f)) //nolint:gosec // small
	}
	step(t, l, 31, write(1, host("at once"), all...))
	step(t, l, 32, write(1, host("foul"), alert.Finding{Time: 1, Triggers: 1, Value: 11, Limit: 10, Samples: []json.RawMessage{
		json.RawMessage(`{`), json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`), json.RawMessage(`"fine"`),
	}}))
	for entity, want := range map[string]string{
		"one by one": `["1a" "2a" "3a" "12c" "12d" "12e" "28a" "29a" "30a"]`, "at once": `["1a" "2a" "3a" "12c" "12d" "12e" "28a" "29a" "30a"]`, "foul": `["fine"]`,
	} {
		for _, a := range alerts(t, l, ledger.AlertQuery{}) {
			if a.Entity.String() == entity && fmt.Sprintf("%s", a.Samples) != want {
				t.Errorf("samples of what came %s: %s, want %s", entity, a.Samples, want)
			}
		}
	}
	// The beginning is the most unusual: it is there once.
	step(t, l, 33, write(2, host("a"), sampled(1, 90, "a"), sampled(2, 11, "a")))
	if got := fmt.Sprintf("%s", alerts(t, l, ledger.AlertQuery{RuleID: 2})[0].Samples); got != `["1a" "2a"]` {
		t.Errorf("samples: %s, want each once", got)
	}
}
