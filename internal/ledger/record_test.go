package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
)

// All alerts of a list are read into one place: each has to keep what is its own, over the bounds of any page.
func TestListOfMany(t *testing.T) {
	l, err := ledger.Open("", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const open, handled = 1_300, 7
	c := ledger.Commit{Name: "test", Front: event.Position{Epoch: "e"}.With(0, 1), Now: time.Unix(1_700_000_000, 0), Cap: 2 * open}
	for i := range open {
		var e ledger.Episode
		e.Add(alert.Finding{Time: int64(1_700_000_000+i) * 1e9, Triggers: 1, Value: float64(i), Limit: 1, Reason: fmt.Sprint("reason ", i),
			Samples: []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"message":"event %d },{"}`, i)), json.RawMessage(`{"message":"another"}`)}})
		c.Writes = append(c.Writes, ledger.Write{
			Rule: ledger.RuleRef{ID: 1, Version: 1, Name: "many", Severity: alert.High}, Episodes: []ledger.Episode{e},
			Entity: alert.Entity{{Field: "user.name", Value: fmt.Sprint("user ", i)}},
		})
	}
	if _, err := l.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Act(t.Context(), ledger.Act{Alert: handled, Deed: ledger.Acknowledge, Who: "anna", Note: "mine", Now: time.Unix(1_700_100_000, 0)}); err != nil {
		t.Fatal(err)
	}
	for _, brief := range []bool{false, true} {
		list, err := l.Alerts(t.Context(), ledger.AlertQuery{Limit: 100_000, Oldest: true, Brief: brief})
		if err != nil || len(list) != open {
			t.Fatalf("Alerts found %d, %v, want %d", len(list), err, open)
		}
		for i := range list {
			a := &list[i]
			samples := 2
			if brief {
				samples = 0
			}
			if a.Entity.String() != fmt.Sprint("user ", i) || a.Value != float64(i) || a.Reason != fmt.Sprint("reason ", i) || a.Last.Unix() != int64(1_700_000_000+i) || len(a.Samples) != samples {
				t.Fatalf("alert %d of the list (brief: %v) is %+v", i, brief, a)
			}
			if !brief && string(a.Samples[0]) != fmt.Sprintf(`{"message":"event %d },{"}`, i) {
				t.Fatalf("the first sample of alert %d is %s", i, a.Samples[0])
			}
			if mine := a.ID == handled; mine != (a.AckedBy == "anna") || mine != (a.AckNote == "mine") || mine == a.AckedAt.IsZero() {
				t.Fatalf("alert %d is acknowledged by %q at %v: %q", a.ID, a.AckedBy, a.AckedAt, a.AckNote)
			}
		}
	}
}
