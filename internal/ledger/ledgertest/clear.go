package ledgertest

import (
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// testClearAlerts: all alerts go, in whatever state, and every notice with its attempts; positions stay, numbers are not used
// again, and what was open may open again.
func testClearAlerts(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	if n, err := l.ClearAlerts(t.Context()); n != 0 || err != nil {
		t.Errorf("ClearAlerts of nothing = %d, %v", n, err)
	}
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11), end(2)), write(1, host("b"), trigger(1, 1, 11)))
	step(t, l, 2, write(2, host("a"), trigger(2, 1, 11)))
	held := claim(t, l, 5, 1)
	before := alerts(t, l, ledger.AlertQuery{})
	if n, err := l.ClearAlerts(t.Context()); n != 3 || err != nil {
		t.Errorf("ClearAlerts = %d, %v, want 3", n, err)
	}
	if left, notices := alerts(t, l, ledger.AlertQuery{}), deliveries(t, l); len(left) != 0 || len(notices) != 0 {
		t.Errorf("%d alerts and %d notices are left", len(left), len(notices))
	}
	if err := l.Finish(t.Context(), held[0], ledger.Outcome{State: ledger.Sent, Ended: at(6)}); fault.Kind(err) != fault.Conflict {
		t.Errorf("Finish of a notice that is gone = %v, want a conflict", err)
	}
	if p, err := l.Progress(t.Context(), "alerting"); err != nil || p.Position.Seq(0) != 2 {
		t.Errorf("Progress = %+v, %v, want position 2", p, err)
	}
	step(t, l, 2, write(2, host("a"), trigger(2, 1, 11))) // told again, it changes nothing
	step(t, l, 3, write(2, host("a"), end(3)))            // the end of what is gone
	if left := alerts(t, l, ledger.AlertQuery{}); len(left) != 0 {
		t.Errorf("%+v came back", left)
	}
	step(t, l, 4, write(2, host("a"), trigger(4, 1, 11)))
	again := alerts(t, l, ledger.AlertQuery{})
	if len(again) != 1 || again[0].Triggers != 1 {
		t.Fatalf("alerts = %+v, want one that begins anew", again)
	}
	for _, old := range before {
		if old.ID >= again[0].ID {
			t.Errorf("the new alert has number %d, an old one had %d", again[0].ID, old.ID)
		}
	}
}
