package ledger

import (
	"encoding/json"
	"fmt"
	"testing"

	"tocsin/internal/alert"
)

// An alert of a long session shows other sessions as well, and not nine of its records.
func TestSamplesOfSessions(t *testing.T) {
	var e Episode
	sample := func(session, second int) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"@timestamp":"2026-11-21T10:00:%02dZ","flow.id":%d}`, second, session))
	}
	for i := range 50 {
		session := 7
		if i%10 == 5 {
			session = i
		}
		e.Add(alert.Finding{Value: float64(i), Triggers: 1, Time: int64(i), Samples: []json.RawMessage{sample(session, i), sample(session, i+1)}})
	}
	all := evidence(e.Samples, e.odd)
	seen := map[string]bool{}
	for _, s := range all {
		if id := talk(s); id == "" || seen[id] {
			t.Errorf("session %q is shown twice in %s", id, all)
		} else {
			seen[id] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d sessions are shown, want all 6: %s", len(seen), all)
	}
	e = Episode{}
	for i := range 4 { // without a number each stands for itself, whatever it looks like
		e.Add(alert.Finding{Triggers: 1, Samples: []json.RawMessage{[]byte(fmt.Sprintf(`{"message":"\"flow.id\":1 %d"}`, i))}})
	}
	if len(e.Samples) != 4 {
		t.Errorf("got %s, want all four", e.Samples)
	}
}
